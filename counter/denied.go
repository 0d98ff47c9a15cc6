// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"sync"
	"time"
)

// maxDenied bounds the locked users that are remembered, some 3 MB.
const maxDenied = 16384

// denied remembers for a moment who is locked, so that a flood at a locked
// user costs the store nothing. It only ever refuses: a lock that is gone is
// refused until the message of its unlock arrives, or for ttl at most.
type denied struct {
	ttl time.Duration // 0: remembers nothing

	mu    sync.Mutex
	locks map[Subject]denial
	// epoch rises with each unlock. An answer of the store that was on its way
	// meanwhile may be older than the unlock.
	epoch uint64
}

type denial struct {
	lock  Lock
	until time.Time
}

func newDenied(ttl time.Duration) *denied {
	return &denied{ttl: max(ttl, 0), locks: map[Subject]denial{}}
}

// of returns the lock of a subject, or nil when it is not known, and the epoch
// for put.
func (d *denied) of(s Subject, now time.Time) (*Lock, uint64) {
	if d.ttl == 0 {
		return nil, 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	known, ok := d.locks[s]
	if !ok {
		return nil, d.epoch
	}
	if !now.Before(known.until) {
		delete(d.locks, s)
		return nil, d.epoch
	}
	return &known.lock, d.epoch
}

// put remembers a lock that the store told at now, unless somebody was
// unlocked since epoch.
func (d *denied) put(s Subject, l Lock, now time.Time, epoch uint64) {
	if d.ttl == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.epoch != epoch {
		return
	}
	if len(d.locks) >= maxDenied {
		clear(d.locks) // costs a call of the store for each, nothing else
	}
	d.locks[s] = denial{lock: l, until: now.Add(d.ttl)}
}

// drop forgets a subject that was unlocked.
func (d *denied) drop(s Subject) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.epoch++
	delete(d.locks, s)
}

// dropAll forgets everybody: messages may have been missed.
func (d *denied) dropAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.epoch++
	clear(d.locks)
}
