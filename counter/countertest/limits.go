// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"errors"
	"math"
	"time"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

var limits = []example{
	{"a slot is granted only while failures and reservations are at most max", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 2)
		first := n.begin(s, 5)
		n.begin(s, 5)
		n.begin(s, 5)
		n.wantFull(s, 5)
		n.wantState(s, 2, 3)
		first.fails() // a failure moves from the reservations to the failures
		n.wantFull(s, 5)
		n.wantState(s, 3, 2)
	}},
	{"the failure that reaches max locks", func(b *bench) {
		n, s := b.node(), b.user()
		before := time.Now().Add(-time.Minute)
		n.fail(s, 3, 2)
		last := n.begin(s, 3)
		last.fails()
		lock := n.wantLocked(s, passwords(3)...)
		if lock.Factor != counter.Password || lock.ID != last.id || lock.By != counter.Policy || lock.At.Before(before) || lock.At.After(time.Now().Add(time.Minute)) {
			b.Fatalf("lock %+v, want one by %s", lock, last.id)
		}
		if st := n.state(s); st.Lock == nil || *st.Lock != lock {
			b.Fatalf("state tells lock %+v, want %+v", st.Lock, lock)
		}
		b.wantEvents(s, 1, 0)
		b.wantReports(s, 1, 0)
	}},
	{"the limit that counts is the one passed at reserve", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 10, 2)
		a := n.begin(s, 3)
		n.wantFull(s, 3)
		other := n.begin(s, 10)
		other.voids()
		a.fails() // the third failure, under 3
		n.wantLocked(s, passwords(10)...)
	}},
	{"a slot reserved under a higher limit does not lock at a lower one", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 10, 2)
		low, high := n.begin(s, 5), n.begin(s, 10)
		high.fails()
		n.wantState(s, 3, 1)
		low.fails()
		n.wantState(s, 4, 0)
		n.begin(s, 5)
		n.wantFull(s, 5)
	}},
	{"max lowered below the failures refuses the next attempt and records the lock", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 3)
		n.wantState(s, 3, 0)
		id := newID()
		_, err := n.Reserve(b.context(), s, id, passwords(2))
		if lock, ok := lockOf(err); !ok || lock.ID != id || lock.Factor != counter.Password || lock.By != counter.Policy {
			b.Fatalf("reserving under the lowered limit: %v, want a lock by %s", err, id)
		}
		n.wantLocked(s, passwords(5)...)
		b.wantEvents(s, 1, 0)
		b.wantReports(s, 1, 0)
	}},
	{"max lowered to the failures refuses the next attempt and records the lock", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 3)
		n.wantLocked(s, passwords(3)...)
		if n.state(s).Lock == nil {
			b.Fatal("no lock is recorded")
		}
		b.wantEvents(s, 1, 0)
		b.wantReports(s, 1, 0)
	}},
	{"max lowered while attempts are in flight waits for them", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 1)
		a, c := n.begin(s, 5), n.begin(s, 5)
		n.wantFull(s, 2) // 1 failure is below 2, but 2 are in flight
		a.passes()
		c.voids()
		n.begin(s, 2)
	}},
	{"max raised while locked stays locked", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 2, 2)
		n.wantLocked(s, passwords(2)...)
		n.wantLocked(s, passwords(100)...)
		n.wantLocked(s, passwords(math.MaxUint32)...)
	}},
	{"max raised before the lock gives more slots", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 3, 2)
		n.fail(s, 6, 3)
		n.wantState(s, 5, 0)
		n.begin(s, 6).fails()
		n.wantLocked(s, passwords(6)...)
	}},
	{"a limit may be as high as a uint32", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, math.MaxUint32, 3)
		a := n.begin(s, math.MaxUint32)
		n.wantState(s, 3, 1)
		a.passes()
		n.wantState(s, 0, 0)
	}},
	{"with max 0 an attempt takes no slot and nothing is counted", func(b *bench) {
		n, s := b.node(), b.user()
		for range 3 {
			id := newID()
			r, err := n.ReserveIn(b.context(), none, s, id, passwords(0))
			if err != nil || r.Held {
				b.Fatalf("reserving: %+v, %v; want to pass without a slot", r, err)
			}
			attempt{n, s, id}.fails() // nothing is held, so nothing is counted
			n.flush()
		}
		if h := b.hash(s); len(h) != 0 {
			b.Fatalf("the store remembers %v", h)
		}
		if err := n.Check(b.context(), s, newID()); err != nil {
			b.Fatalf("checking: %v", err)
		}
	}},
	{"with max 0 the failures so far stay and do not lock", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 3, 2)
		if r, err := n.Reserve(b.context(), s, newID(), passwords(0)); err != nil || r.Held {
			b.Fatalf("reserving: %+v, %v", r, err)
		}
		n.wantState(s, 2, 0)
	}},
	{"with max 0 a locked user is still refused", func(b *bench) {
		n, s := b.node(), b.user()
		n.lock(s)
		before := b.hash(s)
		n.wantLocked(s, passwords(0)...)
		n.wantLocked(s, limit(counter.Password, 0), limit(counter.TOTP, 0))
		n.wantLocked(s, limit(counter.Password, 0), limit(counter.TOTP, 5))
		n.wantLocked(s)
		if err := n.Check(b.context(), s, newID()); !errors.Is(err, counter.ErrLocked) {
			b.Fatalf("checking: %v, want ErrLocked", err)
		}
		b.wantSameHash(s, before)
	}},
	{"a lock holds the user of one organization and no other", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 1, 1)
		n.wantLocked(s, passwords(1)...)
		other := s
		other.Organization = "other"
		n.begin(other, 1).passes()
	}},
}
