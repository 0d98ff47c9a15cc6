// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// Clone returns a copy that shares nothing.
func (m *Model) Clone() *Model {
	c := *m
	c.held, c.givenUp = maps.Clone(m.held), maps.Clone(m.givenUp)
	return &c
}

// String tells everything about the user, the same of equal ones.
func (m *Model) String() string {
	lock := "not locked"
	if m.Lock != nil {
		lock = fmt.Sprintf("locked for %v by %s (%s)", m.Lock.Factors, m.Lock.ID, m.Lock.By)
	}
	return fmt.Sprint(lock, ", failed ", m.failed, ", forgiven ", m.forgiven, ", held ", m.held, ", given up ", m.givenUp, ", unlocked by ", m.unlockedBy)
}

// Matches compares with what the counter says of the user at a time.
func (m *Model) Matches(now time.Time, got counter.State) error {
	m = m.Clone() // looking changes nothing
	m.Touch(now, "")
	if err := m.Lock.matches(got.Lock); err != nil {
		return err
	}
	for _, f := range counter.Factors() {
		want := counter.FactorState{Failures: m.Failures(f), Reservations: m.Reservations(f)}
		if got.Factors[f] != want {
			return fmt.Errorf("%s is %+v, want %+v", f, got.Factors[f], want)
		}
	}
	return nil
}

func (l *ModelLock) matches(got *counter.Lock) error {
	if l == nil && got == nil {
		return nil
	}
	if l == nil || got == nil || got.ID != l.ID || got.By != l.By ||
		!slices.Contains(l.Factors, got.Factor) && (len(l.Factors) > 0 || got.Factor != 0) {
		return fmt.Errorf("lock %+v, want %+v", got, l)
	}
	return nil
}

// LockMatches compares the lock with the one that an error tells.
func (m *Model) LockMatches(err error) error {
	lock, ok := lockOf(err)
	if !ok {
		return fmt.Errorf("%w is no LockedError; want %+v", err, m.Lock)
	}
	return m.Lock.matches(&lock)
}
