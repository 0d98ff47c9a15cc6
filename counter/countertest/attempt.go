// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"errors"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// none is a queue in which nobody waits: no slot is ErrBusy at once.
var none = counter.Queue{}

// attempt is one that holds its slots.
type attempt struct {
	n  *node
	s  counter.Subject
	id string
}

func limit(f counter.Factor, highest uint32) counter.FactorLimit {
	return counter.FactorLimit{Factor: f, Max: highest}
}

func passwords(highest uint32) []counter.FactorLimit {
	return []counter.FactorLimit{limit(counter.Password, highest)}
}

// begin reserves a password slot that must be free.
func (n *node) begin(s counter.Subject, highest uint32) attempt {
	n.b.Helper()
	return n.beginWith(s, passwords(highest)...)
}

func (n *node) beginWith(s counter.Subject, limits ...counter.FactorLimit) attempt {
	n.b.Helper()
	a := attempt{n, s, newID()}
	r, err := n.ReserveIn(n.b.context(), none, s, a.id, limits)
	if err != nil || !r.Held {
		n.b.Fatalf("reserving %v for %v: %+v, %v; want a slot", limits, s, r, err)
	}
	return a
}

// end settles with one outcome for the password.
func (a attempt) end(o counter.Outcome) error {
	return a.endWith(counter.FactorOutcome{Factor: counter.Password, Outcome: o})
}

func (a attempt) endWith(outcomes ...counter.FactorOutcome) error {
	return a.n.Settle(a.n.b.context(), a.s, a.id, outcomes)
}

func (a attempt) fails()  { a.n.b.Helper(); a.must(a.end(counter.Failure)) }
func (a attempt) passes() { a.n.b.Helper(); a.must(a.end(counter.Success)) }
func (a attempt) voids()  { a.n.b.Helper(); a.must(a.end(counter.Void)) }

func (a attempt) must(err error) {
	a.n.b.Helper()
	if err != nil {
		a.n.b.Fatalf("settling %s: %v", a.id, err)
	}
}

// refused wants the success to be refused because the user is locked.
func (a attempt) refused() {
	a.n.b.Helper()
	if err := a.end(counter.Success); !errors.Is(err, counter.ErrLocked) {
		a.n.b.Fatalf("settling the success of %s: %v, want ErrLocked", a.id, err)
	}
}

// fail makes k attempts with a wrong password, one after the other.
func (n *node) fail(s counter.Subject, highest uint32, k int) {
	n.b.Helper()
	for range k {
		n.begin(s, highest).fails()
	}
}

// wantState compares the password counter, and wants no lock.
func (n *node) wantState(s counter.Subject, failures, held uint32) {
	n.b.Helper()
	st := n.state(s)
	if got := st.Factors[counter.Password]; got.Failures != failures || got.Reservations != held || st.Lock != nil {
		n.b.Fatalf("state of %v: %+v, lock %+v; want %d failures, %d reservations, no lock", s, got, st.Lock, failures, held)
	}
}

func (n *node) state(s counter.Subject) counter.State {
	n.b.Helper()
	st, err := n.State(n.b.context(), s)
	if err != nil {
		n.b.Fatal(err)
	}
	return st
}

// wantFull wants that there is no free password slot.
func (n *node) wantFull(s counter.Subject, highest uint32) {
	n.b.Helper()
	n.wantFullWith(s, passwords(highest)...)
}

func (n *node) wantFullWith(s counter.Subject, limits ...counter.FactorLimit) {
	n.b.Helper()
	if _, err := n.ReserveIn(n.b.context(), none, s, newID(), limits); !errors.Is(err, counter.ErrBusy) {
		n.b.Fatalf("reserving %v: %v, want ErrBusy", limits, err)
	}
}

// wantLocked wants an attempt to be refused, and returns the lock.
func (n *node) wantLocked(s counter.Subject, limits ...counter.FactorLimit) counter.Lock {
	n.b.Helper()
	_, err := n.ReserveIn(n.b.context(), none, s, newID(), limits)
	lock, ok := lockOf(err)
	if !ok {
		n.b.Fatalf("reserving %v: %v, want a LockedError", limits, err)
	}
	return lock
}

// lock locks by order of an administrator.
func (n *node) lock(s counter.Subject) {
	n.b.Helper()
	if err := n.Lock(n.b.context(), s, newID()); err != nil {
		n.b.Fatalf("locking %v: %v", s, err)
	}
}

func (n *node) unlock(s counter.Subject) {
	n.b.Helper()
	if err := n.Unlock(n.b.context(), s, newID()); err != nil {
		n.b.Fatalf("unlocking %v: %v", s, err)
	}
}

func (n *node) reset(s counter.Subject, factors ...counter.Factor) {
	n.b.Helper()
	if err := n.Reset(n.b.context(), s, newID(), factors...); err != nil {
		n.b.Fatalf("resetting %v: %v", s, err)
	}
}

func (n *node) flush() {
	n.b.Helper()
	if err := n.Flush(n.b.context()); err != nil {
		n.b.Fatal(err)
	}
}
