// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/confirm.lua
var confirmLua string

// Why a lock is not confirmed.
var (
	// ErrUnconfirmed: too few replicas have the lock.
	ErrUnconfirmed = errors.New("too few replicas have the lock")
	// ErrLockGone: the lock is not in the store any more. It was removed right
	// after it was made, or a failover has lost it.
	ErrLockGone = errors.New("the lock is not in the store any more")
)

const (
	// maxConfirmations bounds the locks that wait for replicas; more than that
	// come faster than replicas answer.
	maxConfirmations = 4096
	// locksPerWait bounds the locks that one WAIT covers.
	locksPerWait = 256
)

// confirmer asks the store whether replicas have what was written.
//
// WAIT speaks of what its own connection wrote: on another one of the pool it
// returned success at once, for a write that no replica had. The scripts that
// lock run on any connection of the pool, and taking one out of the pool for
// each, or a WAIT behind each, would slow every attempt for the sake of the few
// that lock. So whoever has locked leaves the lock here. The confirmer takes one
// connection to the server, writes the lock again as it is (lua/confirm.lua) and
// waits on that connection: replicas get writes in order, and who has the second
// has the first. Locks that come meanwhile share the next WAIT.
type confirmer struct {
	store    *store
	replicas int
	timeout  time.Duration
	report   func(Subject, Lock, int, error)

	mu      sync.Mutex
	waiting []*confirmation
	ready   chan struct{}
}

// confirmation is one lock that waits for replicas.
type confirmation struct {
	subject Subject
	lock    Lock
	done    chan struct{}
}

// newConfirmer returns nil, which confirms nothing, without replicas to ask.
func newConfirmer(s *store, o Options) *confirmer {
	if o.ConfirmReplicas == 0 {
		return nil
	}
	report := o.Hooks.Confirmed
	if report == nil {
		report = func(Subject, Lock, int, error) {}
	}
	return &confirmer{store: s, replicas: o.ConfirmReplicas, timeout: o.ConfirmTimeout, report: report, ready: make(chan struct{}, 1)}
}

// add leaves a lock to be confirmed. The channel is closed when that is over,
// and nil when there is nothing to wait for.
func (c *confirmer) add(s Subject, l Lock) <-chan struct{} {
	if c == nil {
		return nil
	}
	one := &confirmation{subject: s, lock: l, done: make(chan struct{})}
	c.mu.Lock()
	full := len(c.waiting) >= maxConfirmations
	if !full {
		c.waiting = append(c.waiting, one)
	}
	c.mu.Unlock()
	if full {
		c.finish(one, 0, fmt.Errorf("%w: %d others wait for the same", ErrUnconfirmed, maxConfirmations))
		return one.done
	}
	signal(c.ready)
	return one.done
}

// loop confirms until ctx ends.
func (c *confirmer) loop(ctx context.Context) {
	if c == nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.ready:
			c.confirm(ctx)
		}
	}
}

// close confirms what waits, as far as the time of ctx goes: an answer of
// replicas that lag takes as long as it may, for each of many batches.
func (c *confirmer) close(ctx context.Context) {
	if c == nil {
		return
	}
	c.confirm(ctx)
	c.mu.Lock()
	rest := c.waiting
	c.waiting = nil
	c.mu.Unlock()
	for _, one := range rest {
		c.finish(one, 0, fmt.Errorf("%w: the counter closed", ErrUnconfirmed))
	}
}

// confirm confirms everything that waits, until ctx ends.
func (c *confirmer) confirm(ctx context.Context) {
	for ctx.Err() == nil {
		c.mu.Lock()
		batch := c.waiting[:min(len(c.waiting), locksPerWait)]
		c.waiting = c.waiting[len(batch):]
		c.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		var servers sync.WaitGroup
		for server, locks := range c.byServer(ctx, batch) {
			servers.Go(func() { c.ask(ctx, server, locks) })
		}
		servers.Wait()
	}
}

// byServer sorts locks by the master that has them.
func (c *confirmer) byServer(ctx context.Context, batch []*confirmation) map[*redis.Client][]*confirmation {
	servers := map[*redis.Client][]*confirmation{}
	for _, one := range batch {
		var server *redis.Client
		err := errNoServer
		switch client := c.store.client.(type) {
		case *redis.Client:
			server, err = client, nil
		case *redis.ClusterClient:
			server, err = client.MasterForKey(ctx, c.store.keys.User(one.subject).User)
		}
		if err != nil {
			c.finish(one, 0, err)
			continue
		}
		servers[server] = append(servers[server], one)
	}
	return servers
}

var errNoServer = errors.New("this kind of client does not tell its servers")

// ask confirms locks of one server, all on one connection.
func (c *confirmer) ask(ctx context.Context, server *redis.Client, locks []*confirmation) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.store.timeout+c.timeout)
	defer cancel()
	conn := server.Conn()
	defer func() { _ = conn.Close() }()
	cmds := make([]*redis.Cmd, len(locks))
	_, err := conn.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, one := range locks {
			cmds[i] = p.Eval(ctx, confirmLua, []string{c.store.keys.User(one.subject).User}, one.lock.ID)
		}
		return nil
	})
	replicas := int64(0)
	if err == nil {
		replicas, err = conn.Wait(ctx, c.replicas, c.timeout).Result()
	}
	if answer := redis.Error(nil); errors.As(err, &answer) {
		// The store serves, it only does not confirm.
		c.store.called("confirm", time.Since(start), nil)
	} else {
		c.store.called("confirm", time.Since(start), err)
	}
	for i, one := range locks {
		switch there, scriptErr := cmds[i].Int(); {
		case scriptErr != nil:
			c.finish(one, 0, fmt.Errorf("confirming a lock: %w", scriptErr))
		case there == 0:
			c.finish(one, 0, ErrLockGone)
		case err != nil:
			c.finish(one, 0, fmt.Errorf("confirming a lock: %w", err))
		case int(replicas) < c.replicas:
			c.finish(one, int(replicas), fmt.Errorf("%w: %d of %d within %s", ErrUnconfirmed, replicas, c.replicas, c.timeout))
		default:
			c.finish(one, int(replicas), nil)
		}
	}
}

func (c *confirmer) finish(one *confirmation, replicas int, err error) {
	c.report(one.subject, one.lock, replicas, err)
	close(one.done)
}
