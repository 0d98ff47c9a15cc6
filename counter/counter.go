// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package counter counts wrong secrets per user and factor, and locks the user
// who has used up the limit. It knows no policy and no HTTP: the limit is an
// argument, the request an id.
//
// An attempt reserves a slot before it goes to the login service, and settles
// it when the answer is known. At the moment a slot is granted, failures plus
// slots held are at most the limit. So between two successes at most that many
// failed checks reach the login service, however many attempts run in parallel
// on however many nodes, and in whatever order the answers arrive.
//
// An attempt that finds no free slot waits for one. Parallel attempts with the
// right secret all pass, one after the other if they must.
//
// The truth about a user is one hash in Redis, changed by one script per
// operation (see lua/). Every call can be repeated: the attempt id is the
// idempotency token.
package counter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
)

// Subject is the user whose attempts are counted.
type Subject = keyspace.Subject

// Options are the settings of a Counter. The zero value of each field stands
// for its default.
type Options struct {
	// ReservationTTL is how long a slot is held for an attempt that is never
	// settled; then the attempt counts as failed. It must be longer than any
	// attempt takes. Default: 40 s.
	ReservationTTL time.Duration
	// CounterTTL is how long after the last failure the counters of a user who
	// is not locked are kept. At least twice ReservationTTL. Default: 30 days.
	CounterTTL time.Duration
	// CallTimeout bounds one call of the store with its retries. Default: 1 s.
	CallTimeout time.Duration
	// FlushDelay is how long a failure may wait for another call of the same
	// subject to ride along with. Default: 3 ms.
	FlushDelay time.Duration
	// DenyTTL is how long a node remembers that a user is locked without asking
	// the store. The message of an unlock ends it at once. Negative: not at
	// all. Default: 1 s.
	DenyTTL time.Duration
	// Local keeps counting in this process while the store is away: users who
	// are known to be locked are refused, each limit holds for this process,
	// and what was counted is added when the store is back. Otherwise calls
	// fail meanwhile.
	Local bool
	// EventsCap is the length at which the event stream of a shard is cut.
	// Default: 1000.
	EventsCap int64
	// ConfirmReplicas is how many replicas of the store must have a lock that a
	// call of this counter causes. The lock is in force at once; Lock waits for
	// the replicas, and Hooks.Confirmed tells about every lock. Default: 0, no
	// replica is asked.
	ConfirmReplicas int
	// ConfirmTimeout bounds the wait for replicas. Default: 1 s.
	ConfirmTimeout time.Duration
	// Hooks observe the counter.
	Hooks Hooks
}

// Hooks are called by the counter, possibly from several goroutines at once.
// They must return quickly. Nil fields are skipped.
type Hooks struct {
	// Locked is called once per lock that a call of this counter caused.
	Locked func(Subject, Lock)
	// Unlocked is called once per unlock that this counter made.
	Unlocked func(Subject, Actor)
	// Called reports a call of the store: the operation (reserve, settle,
	// lock, unlock, state, list, merge, link, confirm), its duration and its error.
	Called func(op string, d time.Duration, err error)
	// Away is called with true when calls of the store stop, because too many in
	// a row have failed, and with false when they go on. On a Cluster each part
	// of the users stops and goes on by itself.
	Away func(bool)
	// Waited reports how long an attempt stood in the queue.
	Waited func(time.Duration)
	// Lost is called when a settle could not be delivered before the
	// reservation expired: the store counts the attempt as failed. It is also
	// called for a user about whom the store never heard what was counted
	// without it.
	Lost func(Subject, error)
	// Deaf is called when this counter begins to miss locks and unlocks that
	// others make, and seldom then. It knows them late: see DenyTTL and Local.
	Deaf func(error)
	// Confirmed is called once per lock that a call of this counter caused,
	// when Options.ConfirmReplicas is set: with the replicas that have the lock,
	// and an error when that is not known to be enough. The lock stands anyway.
	Confirmed func(s Subject, l Lock, replicas int, err error)
}

const (
	defaultReservationTTL = 40 * time.Second
	defaultCounterTTL     = 30 * 24 * time.Hour
	defaultCallTimeout    = time.Second
	defaultFlushDelay     = 3 * time.Millisecond
	defaultDenyTTL        = time.Second
	defaultEventsCap      = 1000
	defaultConfirmTimeout = time.Second
)

// ErrOptions reports settings that contradict each other.
var ErrOptions = errors.New("counter options contradict each other")

// Counter counts attempts in one store. It is safe for concurrent use. Close
// must be called to deliver what is still to be settled.
type Counter struct {
	store   *store
	opts    Options
	lines   *lines
	pending *pending
	told    *told
	denied  *denied
	aliases *aliases
	local   *local // nil without Options.Local
	confirm *confirmer

	stop    context.CancelFunc
	running sync.WaitGroup
	closing sync.Once
	poll    func() time.Duration
}

// New returns a counter over the client's store. It does not contact it. The
// caller keeps the client and closes it after Close. The error wraps
// ErrOptions.
func New(client redis.UniversalClient, keys *keyspace.Keyspace, o Options) (*Counter, error) {
	setDefault(&o.ReservationTTL, defaultReservationTTL)
	setDefault(&o.CounterTTL, max(defaultCounterTTL, 2*o.ReservationTTL))
	setDefault(&o.CallTimeout, defaultCallTimeout)
	setDefault(&o.FlushDelay, defaultFlushDelay)
	setDefault(&o.DenyTTL, defaultDenyTTL)
	setDefault(&o.ConfirmTimeout, defaultConfirmTimeout)
	if o.EventsCap == 0 {
		o.EventsCap = defaultEventsCap
	}
	if min(o.ReservationTTL, o.CounterTTL, o.CallTimeout, o.FlushDelay, o.ConfirmTimeout) < 0 || min(o.EventsCap, int64(o.ConfirmReplicas)) < 0 {
		return nil, fmt.Errorf("%w: a duration, the cap of events or the number of replicas is negative", ErrOptions)
	}
	// A hash that ended before its reservations would forget them unpunished.
	if o.CounterTTL < 2*o.ReservationTTL {
		return nil, fmt.Errorf("%w: counter TTL %s is shorter than twice the reservation TTL %s", ErrOptions, o.CounterTTL, o.ReservationTTL)
	}
	c := &Counter{
		store:   newStore(client, keys, o),
		opts:    o,
		lines:   newLines(),
		pending: newPending(),
		told:    newTold(),
		denied:  newDenied(o.DenyTTL),
		aliases: newAliases(),
		poll:    jitter,
	}
	c.confirm = newConfirmer(c.store, o)
	if o.Local {
		c.local = newLocal()
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.running.Go(func() { c.flushLoop(ctx) })
	// Apart: whoever is owed much must not keep the other from being found.
	c.running.Go(func() { often(ctx, c.probe) })
	c.running.Go(func() { c.confirm.loop(ctx) })
	if o.Local {
		c.running.Go(func() { often(ctx, c.payAll) })
		c.running.Go(func() { c.readKnown(ctx) })
	}
	if o.Local || o.DenyTTL > 0 {
		c.running.Go(func() { c.follow(ctx) })
	}
	return c, nil
}

// Close delivers what is pending, for at most the time that ctx gives, and
// waits for the counter's goroutines. What could not be delivered expires in
// the store as failed; what was counted without the store is lost then, see
// Hooks.Lost.
func (c *Counter) Close(ctx context.Context) error {
	var err error
	c.closing.Do(func() {
		c.stop()
		c.running.Wait()
		c.payOff(ctx)
		err = c.Flush(ctx)
		c.defaulted()
		c.confirm.close(ctx)
	})
	return err
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// jitter returns the time until the head of a queue asks again for a slot that
// another node may have freed: nodes that asked in step would stay in step.
func jitter() time.Duration {
	return 15*time.Millisecond + rand.N(20*time.Millisecond)
}
