// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"context"
	"errors"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/counter/countertest"
)

// The steps of a schedule. Each makes a call and says what the model makes of
// it, also when the call or its answer is lost.

func (s *schedule) reserve(t *rapid.T) {
	n, u := s.on(t)
	a := attempt{s.id(), limits(t)}
	u.attempts = append(u.attempts, a)
	s.ask(t, n, u, a)
}

// again repeats a reserve, as a late copy or after a lost answer, on any node.
func (s *schedule) again(t *rapid.T) {
	n, u := s.on(t)
	if len(u.attempts) == 0 {
		t.Skip("nobody asked yet")
	}
	s.ask(t, n, u, rapid.SampledFrom(u.attempts).Draw(t, "attempt"))
}

// check asks only whether the user is locked.
func (s *schedule) check(t *rapid.T) {
	n, u := s.on(t)
	s.ask(t, n, u, attempt{id: s.id()})
}

func (s *schedule) ask(t *rapid.T, n *labNode, u *subject, a attempt) {
	b := breaks(t, n, u, false)
	r, err := n.ReserveIn(context.Background(), counter.Queue{}, u.Subject, a.id, a.limits)
	now := s.now()
	var want countertest.ModelReply
	if b != lost {
		u.model.Touch(now, a.id)
		u.deliver(now, n)
		want = u.model.Reserve(now, a.id, a.limits)
	}
	if b != whole {
		wantCut(t, "reserving", err)
		for _, l := range a.limits {
			if l.Max > 0 { // the answer is unknown, and so is taken back
				u.pending[n] = append(u.pending[n], pendingSettle{id: a.id, giveUp: true})
				break
			}
		}
		return
	}
	delete(u.pending, n)
	ok := false
	switch want {
	case countertest.Granted:
		ok = err == nil && r.Held
	case countertest.Passes:
		ok = err == nil && !r.Held
	case countertest.Full:
		ok = errors.Is(err, counter.ErrBusy)
	case countertest.GivenUp:
		ok = errors.Is(err, counter.ErrGivenUp)
	case countertest.Locked:
		if err := u.model.LockMatches(err); err != nil {
			t.Fatal(err)
		}
		ok = true
		if u.model.Holds(a.id) { // so this was a copy, and its caller sends nothing
			u.pending[n] = append(u.pending[n], pendingSettle{id: a.id, giveUp: true})
		}
	}
	if !ok {
		t.Fatalf("reserving %v: %+v, %v; the model says %s: %v", a.limits, r, err, want, &u.model)
	}
}

func (s *schedule) settle(t *rapid.T) {
	n, u := s.on(t)
	if len(u.attempts) == 0 {
		t.Skip("there is nothing to settle")
	}
	a := rapid.SampledFrom(u.attempts).Draw(t, "attempt")
	all, success := outcomes(t, a)
	if !success {
		u.pending[n] = append(u.pending[n], pendingSettle{id: a.id, outcomes: all})
		if err := n.Settle(context.Background(), u.Subject, a.id, all); err != nil {
			t.Fatal(err)
		}
		return
	}
	b := breaks(t, n, u, false)
	err := n.Settle(context.Background(), u.Subject, a.id, all)
	pass := true
	s.settled(u, n, b, a.id, func(now time.Time) { pass = u.model.Settle(now, a.id, all) })
	if pass && err != nil {
		t.Fatalf("settling a success: %v; the model lets it pass: %v", err, &u.model)
	}
	if !pass {
		if err := u.model.LockMatches(err); err != nil {
			t.Fatalf("settling a success: %v", err)
		}
	}
}

// settled is how a settle that is awaited arrives: with what is pending, and
// again when the answer was lost.
func (s *schedule) settled(u *subject, n *labNode, b breakage, id string, arrive func(time.Time)) {
	now := s.now()
	first := id
	if owed := u.pending[n]; len(owed) > 0 {
		first = owed[0].id
	}
	times := 1
	if b == mute {
		times = 2
	}
	for range times {
		u.model.Touch(now, first)
		u.deliver(now, n)
		arrive(now)
	}
	delete(u.pending, n)
}

func (s *schedule) reset(t *rapid.T) {
	n, u := s.on(t)
	f, id, b := rapid.SampledFrom([]counter.Factor{counter.Password, counter.TOTP}).Draw(t, "factor"), s.id(), breaks(t, n, u, false)
	if err := n.Reset(context.Background(), u.Subject, id, f); err != nil {
		t.Fatal(err)
	}
	s.settled(u, n, b, id, func(now time.Time) { u.model.Reset(now, id, f) })
}

// flush delivers what a node has pending for everybody.
func (s *schedule) flush(t *rapid.T) {
	n := s.nodes[rapid.IntRange(0, 1).Draw(t, "node")]
	s.last = nil
	if err := n.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, u := range s.users {
		u.deliverFirst(s.now(), n)
		delete(u.pending, n)
	}
}

func (s *schedule) lock(t *rapid.T) {
	n, u := s.on(t)
	id := operation(t, &u.locks, s.id)
	b := breaks(t, n, u, true)
	err := n.Lock(context.Background(), u.Subject, id)
	now, mine := s.now(), false
	if b != lost {
		mine = u.model.LockBy(now, id)
	}
	switch {
	case b != whole:
		wantCut(t, "locking", err)
	case mine && err != nil:
		t.Fatalf("locking: %v; the model locks: %v", err, &u.model)
	case !mine:
		if err := u.model.LockMatches(err); err != nil {
			t.Fatalf("locking: %v", err)
		}
	}
}

func (s *schedule) unlock(t *rapid.T) {
	n, u := s.on(t)
	id := operation(t, &u.unlocks, s.id)
	owes := len(u.pending[n]) > 0
	b := breaks(t, n, u, true)
	err := n.Unlock(context.Background(), u.Subject, id)
	now := s.now()
	if b != lost || !owes {
		u.deliverFirst(now, n)
	}
	if b != whole && owes { // what is pending goes first, and did not arrive
		wantCut(t, "unlocking", err)
		return
	}
	delete(u.pending, n)
	won := false
	if b != lost {
		won = u.model.Unlock(now, id)
	}
	switch {
	case b != whole:
		wantCut(t, "unlocking", err)
	case won && err != nil, !won && !errors.Is(err, counter.ErrNotLocked):
		t.Fatalf("unlocking: %v; the model says %t: %v", err, won, &u.model)
	}
}

// operation draws the id of a new operation, or of one that is repeated.
func operation(t *rapid.T, ids *[]string, fresh func() string) string {
	if len(*ids) > 0 && rapid.IntRange(0, 2).Draw(t, "repeated") == 0 {
		return rapid.SampledFrom(*ids).Draw(t, "operation")
	}
	*ids = append(*ids, fresh())
	return (*ids)[len(*ids)-1]
}

// look reads the state on a node, which delivers what is pending there.
func (s *schedule) look(t *rapid.T) {
	n, u := s.on(t)
	got, err := n.State(context.Background(), u.Subject)
	if err != nil {
		t.Fatal(err)
	}
	u.deliverFirst(s.now(), n)
	delete(u.pending, n)
	if err := u.model.Matches(s.now(), got); err != nil {
		t.Fatalf("%v\nthe model: %v", err, &u.model)
	}
}

// wait lets slots and tombstones expire, or almost.
func (s *schedule) wait(t *rapid.T) {
	s.last = nil
	s.advance(rapid.SampledFrom([]time.Duration{
		time.Millisecond, slotLife / 2, slotLife - time.Millisecond, slotLife, slotLife + time.Millisecond, 3 * slotLife, time.Hour,
	}).Draw(t, "time"))
	for _, u := range s.users {
		u.unlocks = nil
	}
}

// silence is as long as the life of the counters.
func (s *schedule) silence(*rapid.T) {
	s.last = nil
	s.advance(counterLife)
	for _, u := range s.users {
		u.unlocks = nil
		u.model.Forget()
	}
}
