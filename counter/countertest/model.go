// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"maps"
	"slices"
	"time"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// Model is the counter of one user as rules, without store and scripts. Tests
// run the same calls against it and the counter. Its time is the store's.
//
// The zero value is a user whom nobody knows; Life must be set.
type Model struct {
	// Life is how long a slot or a tombstone is held.
	Life time.Duration
	// Lock is nil when the user is not locked.
	Lock *ModelLock

	failed, forgiven [counter.RecoveryCode + 1]uint32 // forgiven up to this failure
	held             map[string]slot
	givenUp          map[string]time.Time // id -> until when
	unlockedBy       string
}

// ModelLock is a lock. If several factors reached their limit in one step, any
// of them may be named as the cause.
type ModelLock struct {
	Factors []counter.Factor
	ID      string
	By      counter.Actor
}

// slot is what an attempt holds: for each factor the failures there were when it
// began, and the limit that it began under.
type slot struct {
	until time.Time
	seen  map[counter.Factor]uint32
	limit map[counter.Factor]uint32
}

// ModelReply is what a reserve is told.
type ModelReply string

// The replies.
const (
	Granted ModelReply = "granted"
	Passes  ModelReply = "passes" // without a slot: no limit is set
	Full    ModelReply = "full"
	Locked  ModelReply = "locked"
	GivenUp ModelReply = "given up"
)

// Failures returns the failures of a factor that nobody has forgiven.
func (m *Model) Failures(f counter.Factor) uint32 { return m.failed[f] - m.forgiven[f] }

// Reservations returns how many attempts hold a slot of a factor.
func (m *Model) Reservations(f counter.Factor) (k uint32) {
	for _, s := range m.held {
		if _, ok := s.seen[f]; ok {
			k++
		}
	}
	return k
}

// Holds reports whether an attempt holds slots.
func (m *Model) Holds(id string) bool { _, ok := m.held[id]; return ok }

// Touch is what every call begins with. Attempts that nobody settled in time
// failed, all of them together, and the strictest of their limits decides. cause
// is the id that a lock then names.
func (m *Model) Touch(now time.Time, cause string) {
	maps.DeleteFunc(m.givenUp, func(_ string, until time.Time) bool { return !until.After(now) })
	strictest := map[counter.Factor]uint32{}
	for id, s := range m.held {
		if s.until.After(now) {
			continue
		}
		delete(m.held, id)
		for f, limit := range s.limit {
			m.failed[f]++
			if least, ok := strictest[f]; !ok || limit < least {
				strictest[f] = limit
			}
		}
	}
	m.lockWhere(strictest, cause)
}

// lockWhere locks if the failures of a factor have reached its limit.
func (m *Model) lockWhere(limits map[counter.Factor]uint32, id string) {
	var reached []counter.Factor
	for f, limit := range limits {
		if m.Failures(f) >= limit {
			reached = append(reached, f)
		}
	}
	if len(reached) > 0 && m.Lock == nil {
		m.Lock = &ModelLock{Factors: reached, ID: id, By: counter.Policy}
	}
}

// Reserve grants a slot of every factor or of none: failures and slots never
// exceed the limit. A limit of 0 takes no slot. Who asks again gets the same
// answer; who was given up gets nothing.
func (m *Model) Reserve(now time.Time, id string, limits []counter.FactorLimit) ModelReply {
	m.Touch(now, id)
	limits = slices.DeleteFunc(slices.Clone(limits), func(l counter.FactorLimit) bool { return l.Max == 0 })
	_, gone := m.givenUp[id]
	switch {
	case m.Lock != nil:
		return Locked
	case gone:
		return GivenUp
	case len(limits) == 0:
		return Passes
	case m.Holds(id):
		return Granted
	}
	for _, l := range limits { // the policy may have become stricter
		if m.lockWhere(map[counter.Factor]uint32{l.Factor: l.Max}, id); m.Lock != nil {
			return Locked
		}
	}
	s := slot{until: now.Add(m.Life), seen: map[counter.Factor]uint32{}, limit: map[counter.Factor]uint32{}}
	for _, l := range limits {
		if m.Failures(l.Factor)+m.Reservations(l.Factor) >= l.Max {
			return Full
		}
		s.seen[l.Factor], s.limit[l.Factor] = m.failed[l.Factor], l.Max
	}
	if m.held == nil {
		m.held = map[string]slot{}
	}
	m.held[id] = s
	return Granted
}

// Settle ends an attempt and reports whether its answer may be sent: a success
// may not when the user is locked. A success forgives what the attempt saw when
// it began, and nothing newer. A factor without outcome failed. An attempt that
// holds nothing changes nothing.
func (m *Model) Settle(now time.Time, id string, outcomes []counter.FactorOutcome) (pass bool) {
	m.Touch(now, id)
	pass = m.Lock == nil || !slices.ContainsFunc(outcomes, func(o counter.FactorOutcome) bool { return o.Outcome == counter.Success })
	s := m.held[id]
	delete(m.held, id)
	wrong := maps.Clone(s.limit)
	for _, o := range outcomes {
		seen, ok := s.seen[o.Factor]
		if ok && o.Outcome == counter.Success && pass {
			m.forgiven[o.Factor] = max(m.forgiven[o.Factor], seen)
		}
		if o.Outcome != counter.Failure {
			delete(wrong, o.Factor)
		}
	}
	for f := range wrong {
		m.failed[f]++
	}
	m.lockWhere(wrong, id)
	return pass
}

// GiveUp takes back a reserve whose answer is unknown: whenever it reaches the
// store, for a while, it gets nothing.
func (m *Model) GiveUp(now time.Time, id string) {
	m.Touch(now, id)
	delete(m.held, id)
	m.end(now, id)
}

// end makes copies of a call that come later do nothing, for a while.
func (m *Model) end(now time.Time, id string) {
	if m.givenUp == nil {
		m.givenUp = map[string]time.Time{}
	}
	if _, ok := m.givenUp[id]; !ok {
		m.givenUp[id] = now.Add(m.Life)
	}
}

// Reset forgives every failure of some factors.
func (m *Model) Reset(now time.Time, id string, factors ...counter.Factor) {
	m.Touch(now, id)
	for _, f := range factors {
		m.forgiven[f] = m.failed[f]
	}
}

// LockBy locks by order of an administrator. It reports whether this call, now
// or before, is the cause of the lock. A lock that was removed is not made again.
func (m *Model) LockBy(now time.Time, id string) bool {
	m.Touch(now, id)
	if _, ended := m.givenUp[id]; ended {
		return true
	}
	if m.Lock == nil {
		m.Lock = &ModelLock{ID: id, By: counter.Admin}
	}
	return m.Lock.ID == id
}

// Unlock removes the lock and forgives everything; slots stay. It reports
// whether this call did so, now or before.
func (m *Model) Unlock(now time.Time, id string) bool {
	m.Touch(now, id)
	if m.Lock != nil && m.unlockedBy != id {
		if m.Lock.By == counter.Admin {
			m.end(now, m.Lock.ID)
		}
		m.Lock, m.forgiven, m.unlockedBy = nil, m.failed, id
	}
	return m.unlockedBy == id
}

// Forget is what remains after a silence as long as the counters' life: locks.
func (m *Model) Forget() {
	if m.Lock == nil {
		*m = Model{Life: m.Life}
	}
}
