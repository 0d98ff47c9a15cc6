// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import "sync"

// maxTold bounds the locks that are remembered as told. A copy of a call is
// answered within seconds of the call.
const maxTold = 4096

// told remembers which locks the hook has heard of. A lock is known by the
// attempt that caused it, and several calls may carry that attempt: each reads
// the lock, one may tell.
type told struct {
	mu    sync.Mutex
	locks map[cause]struct{}
}

// cause is what tells one lock from another.
type cause struct {
	subject Subject
	id      string
}

func newTold() *told { return &told{locks: map[cause]struct{}{}} }

// first reports whether nobody has asked for this lock before.
func (t *told) first(s Subject, id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := cause{subject: s, id: id}
	if _, known := t.locks[c]; known {
		return false
	}
	if len(t.locks) >= maxTold {
		clear(t.locks)
	}
	t.locks[c] = struct{}{}
	return true
}

// locked tells that a call of this counter has locked a user. The channel is
// closed when replicas have been asked for the lock; it is nil when nobody asks
// or an earlier call has.
func (c *Counter) locked(s Subject, l Lock) <-chan struct{} {
	if !c.tell(s, l) {
		return nil
	}
	return c.confirm.add(s, l)
}

// tell tells of a lock, once. It reports whether nobody has told before.
func (c *Counter) tell(s Subject, l Lock) bool {
	if !c.told.first(s, l.ID) {
		return false
	}
	if c.local != nil {
		c.local.known.addAnswer(s)
	}
	if c.opts.Hooks.Locked != nil {
		c.opts.Hooks.Locked(s, l)
	}
	return true
}
