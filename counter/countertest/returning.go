// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"errors"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// returning: a store that was away is back while something is still under way.
var returning = []example{
	{"slots held without the store are not free in it when it is back", func(b *bench) {
		n, s := b.node(local), b.user()
		n.leave()
		var held []attempt
		for range 3 {
			held = append(held, n.begin(s, 3))
		}
		n.faults.mend()
		b.eventually("the store is asked again", func() bool {
			before := n.faults.ran("reserve")
			if err := n.Check(b.context(), s, newID()); err != nil {
				b.Fatal(err)
			}
			return n.faults.ran("reserve") > before
		})
		if _, err := n.ReserveIn(b.context(), none, s, newID(), passwords(3)); !errors.Is(err, counter.ErrBusy) {
			b.Fatalf("a fourth attempt beside three that are on their way: %v, want ErrBusy", err)
		}
		for _, a := range held[1:] {
			a.fails()
		}
		// Whoever waits goes on when the last of them has ended.
		waiting := make(chan error, 1)
		id := newID()
		go func() {
			_, err := n.Reserve(b.context(), s, id, passwords(3))
			waiting <- err
		}()
		held[0].passes()
		if err := <-waiting; err != nil {
			b.Fatalf("an attempt that waited: %v", err)
		}
		if err := n.Settle(b.context(), s, id, []counter.FactorOutcome{outcome(counter.Password, counter.Failure)}); err != nil {
			b.Fatal(err)
		}
		n.flush()
		n.wantLocked(s, passwords(3)...)
	}},
	{"what was counted after a first try to tell the store is not free in it either", func(b *bench) {
		n, s := b.node(local), b.user()
		n.leave()
		n.fail(s, 3, 3)
		n.faults.mend()
		// The store knows nothing yet when it answers the first who asks.
		b.eventually("the store is asked again", func() bool {
			n.wantLocked(s, passwords(3)...)
			return n.faults.ran("reserve") > 0
		})
		n.wantLocked(s, passwords(3)...)
	}},
	{"an unlock forgives what its node has counted without the store", func(b *bench) {
		n, s := b.node(local), b.user()
		n.faults.add(fault{op: "reserve", times: 1 << 30})
		n.faults.add(fault{op: "state", times: 1 << 30})
		n.faults.add(fault{op: "merge", times: 1 << 30})
		n.fail(s, 3, 3)
		n.wantLocked(s, passwords(3)...)
		n.faults.mend()
		// At once, before the node has found that the store is back.
		n.unlock(s)
		b.eventually("the store is asked again", func() bool {
			before := n.faults.ran("reserve")
			if err := n.Check(b.context(), s, newID()); err != nil {
				b.Fatalf("checking after the unlock: %v", err)
			}
			return n.faults.ran("reserve") > before
		})
		n.wantState(s, 0, 0)
		b.wantEvents(s, 1, 1)
	}},
	{"a lock whose answer is older than its unlock is not known without the store", func(b *bench) {
		both := func(o *counter.Options) { local(o); remembers(o) }
		n, other, s, watched := b.node(both), b.node(), b.user(), b.user()
		n.fail(s, 5, 2)
		n.flush()
		n.lock(watched)
		n.wantLocked(watched, passwords(5)...)
		// The limit was lowered, so this reserve locks. Both are unlocked, and the
		// node has heard of it, before the answer arrives.
		n.faults.add(fault{op: "reserve", times: 1, slow: true, after: func() {
			other.unlock(s)
			other.unlock(watched)
			b.eventually("the messages arrive", func() bool {
				r, err := n.ReserveIn(b.context(), none, watched, newID(), passwords(5))
				return err == nil && r.Held
			})
		}})
		n.wantLocked(s, passwords(2)...)
		b.eventually("the user is free without the store", func() bool {
			n.leave()
			defer n.faults.mend()
			return !isLocked(n, s)
		})
	}},
	{"Close tells the store what was counted without it", func(b *bench) {
		n, other, s := b.node(local), b.node(), b.user()
		n.leave()
		n.fail(s, 9, 3)
		// At once, before the node has found that the store is back.
		n.faults.mend()
		if err := n.Close(b.context()); err != nil {
			b.Fatal(err)
		}
		other.wantState(s, 3, 0)
		if lost := n.lost.Load(); lost != 0 {
			b.Fatalf("%d users were reported as lost", lost)
		}
	}},
}
