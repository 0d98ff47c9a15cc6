// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"slices"
	"sync"
)

// lines holds, for each subject with attempts that found no free slot, those
// attempts in the order of their arrival.
type lines struct {
	mu        sync.Mutex
	bySubject map[Subject][]*waiter
}

// waiter is an attempt that waits for a slot of every factor in its mask.
type waiter struct {
	factors mask
	woken   chan struct{}
	lock    *Lock // set when the subject turned out to be locked
}

func newLines() *lines { return &lines{bySubject: map[Subject][]*waiter{}} }

// ahead reports whether somebody waits already for one of the factors.
func (l *lines) ahead(s Subject, m mask) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.bySubject[s], func(w *waiter) bool { return w.factors&m != 0 })
}

// join puts a new waiter at the end, or returns nil when size wait already.
func (l *lines) join(s Subject, m mask, size int) *waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.bySubject[s]) >= size {
		return nil
	}
	w := &waiter{factors: m, woken: make(chan struct{}, 1)}
	l.bySubject[s] = append(l.bySubject[s], w)
	return w
}

// leave takes a waiter out. Who comes first now is woken: it may have been
// this one's turn.
func (l *lines) leave(s Subject, w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := slices.DeleteFunc(l.bySubject[s], func(x *waiter) bool { return x == w })
	if len(rest) == 0 {
		delete(l.bySubject, s)
		return
	}
	l.bySubject[s] = rest
	signal(rest[0].woken)
}

// first reports whether nobody ahead of w waits for one of its factors.
func (l *lines) first(s Subject, w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range l.bySubject[s] {
		if x == w {
			return true
		}
		if x.factors&w.factors != 0 {
			return false
		}
	}
	return false
}

// wake wakes the first n waiters.
func (l *lines) wake(s Subject, n int64) {
	if n <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, w := range l.bySubject[s] {
		if int64(i) >= n {
			return
		}
		signal(w.woken)
	}
}

// refuse tells every waiter that the subject is locked. An unlock may have come
// meanwhile; then they were refused as of the time of the lock.
func (l *lines) refuse(s Subject, lock Lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.bySubject[s] {
		w.lock = &lock
		signal(w.woken)
	}
}

func (l *lines) refused(w *waiter) *Lock {
	l.mu.Lock()
	defer l.mu.Unlock()
	return w.lock
}
