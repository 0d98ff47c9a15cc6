// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"errors"
	"fmt"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// expire makes k attempts that are never settled, and returns when they have
// become failures.
func (n *node) expire(s counter.Subject, highest uint32, k int) {
	n.b.Helper()
	held := n.state(s).Factors[counter.Password].Failures
	for range k {
		n.begin(s, highest)
	}
	n.b.eventually("the reservations expire", func() bool {
		st := n.state(s).Factors[counter.Password]
		return st.Failures == held+uint32(k) && st.Reservations == 0
	})
}

var expiry = []example{
	{"a reservation that expires becomes a failure on the next touch", func(b *bench) {
		n, s := b.node(shortLived), b.user()
		n.expire(s, 5, 2)
		n.begin(s, 3).voids()
		n.flush()
		if h := b.hash(s); h["np"] != "2" || len(h) != 1 {
			b.Fatalf("the store holds %v, want 2 failures", h)
		}
		n.wantState(s, 2, 0)
	}},
	{"State shows expired reservations without writing", func(b *bench) {
		n, s := b.node(shortLived), b.user()
		n.begin(s, 2)
		n.begin(s, 2)
		before := b.hash(s)
		b.eventually("State shows the lock", func() bool { return n.state(s).Lock != nil })
		if got := n.state(s).Factors[counter.Password]; got != (counter.FactorState{Failures: 2}) {
			b.Fatalf("state %+v, want 2 failures", got)
		}
		b.wantSameHash(s, before)
		b.wantEvents(s, 0, 0)
	}},
	{"an expired reservation can lock, and who touches the user reports it", func(b *bench) {
		n, s := b.node(shortLived), b.user()
		n.expire(s, 1, 1)
		id := newID()
		_, err := n.Reserve(b.context(), s, id, passwords(1))
		if lock, ok := lockOf(err); !ok || lock.ID != id || lock.Factor != counter.Password || lock.By != counter.Policy {
			b.Fatalf("the next attempt: %v, want a lock by %s", err, id)
		}
		n.wantLocked(s, passwords(1)...)
		b.wantReports(s, 1, 0)
		b.wantEvents(s, 1, 0)
	}},
	{"an expired reservation locks on a check as well", func(b *bench) {
		n, s := b.node(shortLived), b.user()
		n.expire(s, 1, 1)
		if err := n.Check(b.context(), s, newID()); !errors.Is(err, counter.ErrLocked) {
			b.Fatalf("checking: %v, want ErrLocked", err)
		}
		b.wantReports(s, 1, 0)
	}},
	{"a success after expiry passes and forgives nothing", func(b *bench) {
		n, s := b.node(shortLived), b.user()
		n.fail(s, 5, 1)
		late := n.begin(s, 5)
		b.eventually("the reservation expires", func() bool { return n.state(s).Factors[counter.Password].Failures == 2 })
		late.passes()
		n.wantState(s, 2, 0)
	}},
	{"a success after an expiry that locked is refused", func(b *bench) {
		n, s := b.node(shortLived), b.user()
		late := n.begin(s, 1)
		b.eventually("the reservation expires", func() bool { return n.state(s).Lock != nil })
		late.refused()
		b.wantReports(s, 1, 0)
	}},
	{"a failure after expiry counts once", func(b *bench) {
		n, s := b.node(shortLived), b.user()
		late := n.begin(s, 5)
		b.eventually("the reservation expires", func() bool { return n.state(s).Factors[counter.Password].Failures == 1 })
		late.fails()
		n.wantState(s, 1, 0)
	}},
	{"an expired reservation of several factors fails each", func(b *bench) {
		n, s := b.node(shortLived), b.user()
		n.beginWith(s, both(5)...)
		b.eventually("the reservation expires", func() bool { return n.state(s).Factors[counter.TOTP].Failures == 1 })
		n.wantFactors(s, map[counter.Factor]counter.FactorState{counter.Password: {Failures: 1}, counter.TOTP: {Failures: 1}})
	}},
	{"3,000 reservations that expire at once all count", func(b *bench) {
		n, s := b.node(), b.user()
		var fields []any
		for range 3000 {
			fields = append(fields, "r"+newID(), "1,p0/1000000") // as reserve.lua wrote it long ago
		}
		if err := b.client.HSet(b.context(), b.keys.User(s).User, fields...).Err(); err != nil {
			b.Fatal(err)
		}
		n.wantState(s, 3000, 0)
		n.begin(s, 1_000_000).voids()
		n.flush()
		if h := b.hash(s); h["np"] != "3000" || len(h) != 1 {
			b.Fatalf("the store holds %d fields, np=%s; want 3000 failures alone", len(h), h["np"])
		}
	}},
	{"reservations that expire together lock by their strictest limit in any order", func(b *bench) {
		for _, limits := range [][]int{{3, 10}, {10, 3}, {10, 3, 10}} {
			n, s := b.node(), b.user()
			n.fail(s, 5, 1)
			n.flush()
			for _, highest := range limits {
				if err := b.client.HSet(b.context(), b.keys.User(s).User, "r"+newID(), fmt.Sprint("1,p1/", highest)).Err(); err != nil {
					b.Fatal(err)
				}
			}
			if st := n.state(s); st.Lock == nil || int(st.Factors[counter.Password].Failures) != 1+len(limits) {
				b.Fatalf("limits %v: %+v, want a lock", limits, st)
			}
		}
	}},
	{"a reserve repeated after its reservation expired holds a slot again", func(b *bench) {
		n, s := b.node(shortLived), b.user()
		a := n.begin(s, 5)
		b.eventually("the reservation expires", func() bool { return n.state(s).Factors[counter.Password].Failures == 1 })
		if r, err := n.ReserveIn(b.context(), none, s, a.id, passwords(5)); err != nil || !r.Held {
			b.Fatalf("repeated: %+v, %v", r, err)
		}
		if _, held := b.hash(s)["r"+a.id]; !held {
			b.Fatalf("granted, but the store holds no reservation: %v", b.hash(s))
		}
	}},
	{"a waiter is told of the lock that expired reservations cause", func(b *bench) {
		n, s := b.node(shortLived), b.user()
		n.begin(s, 2)
		n.begin(s, 3)
		a := n.begin(s, 3)
		n.wantFull(s, 3)
		a.voids()
		n.begin(s, 3)
		// All three expire and lock; whoever waits is told.
		_, err := n.Reserve(b.context(), s, newID(), passwords(3))
		if !errors.Is(err, counter.ErrLocked) {
			b.Fatalf("waiting: %v, want ErrLocked", err)
		}
	}},
}
