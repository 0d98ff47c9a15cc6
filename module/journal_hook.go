// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
)

// journalPatience is how long a call of the store may wait for the object of
// what it has changed. A storage that needs longer works in the background.
const journalPatience = 250 * time.Millisecond

// note takes a command that the store is about to run. It is called while the
// store is locked, also from inside of scripts, and must not call it.
//
// A user is locked exactly as long as the index holds him, and every change of
// a policy is published (counter/lua/user.lua, policyapi/lua/change.lua).
func (j *journal) note(command string, args []string) {
	if !j.watching.Load() {
		return
	}
	switch command {
	case "HSET", "HDEL", "DEL":
		j.changed.Store(true)
	case "ZADD", "ZREM":
		if len(args) > 1 {
			j.noteUser(args[0], args[len(args)-1])
		}
	case "PUBLISH":
		if len(args) == 2 {
			j.notePolicy(args[0], args[1])
		}
	}
}

func (j *journal) noteUser(index, member string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	keys := j.indexes[index]
	subject, err := keyspace.ParseMember(member)
	if keys == nil || err != nil {
		return
	}
	j.mark(target{key: keys.User(subject).User, keys: keys, user: &subject})
}

func (j *journal) notePolicy(channel, message string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	keys := j.channels[channel]
	_, organization, ok := strings.Cut(message, " ")
	if keys == nil || !ok {
		return
	}
	j.mark(target{key: keys.Policy(organization), keys: keys, organization: organization})
}

// mark needs j.mu.
func (j *journal) mark(t target) {
	if m := j.marks[t.key]; m != nil && !m.taken {
		return // it is read only after this command
	}
	m := &mark{target: t, done: make(chan struct{})}
	j.marks[t.key] = m
	j.queue = append(j.queue, m)
	j.unsaved.Add(1)
	poke(j.wake)
}

// take hands out the oldest mark. A command from now on makes a new one.
func (j *journal) take() *mark {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.queue) == 0 {
		return nil
	}
	m := j.queue[0]
	j.queue = j.queue[1:]
	m.taken = true
	return m
}

// finish ends a mark that was taken. One whose object could not be written is
// made again.
func (j *journal) finish(m *mark, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	close(m.done)
	j.unsaved.Add(-1)
	if j.marks[m.key] == m {
		delete(j.marks, m.key)
	}
	if err != nil {
		j.mark(m.target)
	}
}

// markObjects marks everything that has an object.
func (j *journal) markObjects() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, o := range j.objects {
		j.mark(o.target)
	}
}

// DialHook lets nobody in before the store is restored.
func (j *journal) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if j.restored() {
			return next(ctx, network, address)
		}
		if err := j.problem.Load(); err != nil {
			return nil, fmt.Errorf("restoring the embedded store: %w", *err)
		}
		select {
		case <-j.ready:
			return next(ctx, network, address)
		case <-ctx.Done():
			return nil, fmt.Errorf("restoring the embedded store: %w", context.Cause(ctx))
		}
	}
}

// ProcessHook waits after a script.
func (j *journal) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		j.await(ctx, cmd)
		return err
	}
}

// ProcessPipelineHook waits after a batch.
func (j *journal) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		j.await(ctx, cmds...)
		return err
	}
}

// await waits until the objects of what the scripts have changed are written.
func (j *journal) await(ctx context.Context, cmds ...redis.Cmder) {
	if j.unsaved.Load() == 0 || j.failing.Load() {
		return
	}
	var marks []*mark
	j.mu.Lock()
	for _, cmd := range cmds {
		for _, key := range scriptKeys(cmd) {
			if m := j.marks[key]; m != nil {
				marks = append(marks, m)
			}
		}
	}
	j.mu.Unlock()
	if len(marks) == 0 {
		return
	}
	patience := time.NewTimer(journalPatience)
	defer patience.Stop()
	for _, m := range marks {
		select {
		case <-m.done:
		case <-patience.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// scriptKeys returns the keys of a script call: EVALSHA sha number key….
func scriptKeys(cmd redis.Cmder) (keys []string) {
	args := cmd.Args()
	if name := cmd.Name(); (name != "evalsha" && name != "eval") || len(args) < 3 {
		return nil
	}
	n, _ := args[2].(int)
	for _, arg := range args[3:min(3+n, len(args))] {
		if key, ok := arg.(string); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// Interface guards
var _ redis.Hook = (*journal)(nil)
