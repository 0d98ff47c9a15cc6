// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"errors"
	"time"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// wantCut makes an attempt whose reserve fails by a fault.
func (n *node) wantCut(s counter.Subject, highest uint32) string {
	n.b.Helper()
	id := newID()
	if _, err := n.ReserveIn(n.b.context(), none, s, id, passwords(highest)); !isCut(err) {
		n.b.Fatalf("reserving: %v, want the store's error", err)
	}
	return id
}

var faults = []example{
	{"a reserve that ran and whose answer was lost gives its slot back and counts nothing", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 1)
		n.faults.add(fault{op: "reserve", times: 1, lose: true, after: func() {
			if len(b.hash(s)) != 2 {
				b.Errorf("the store holds %v, want a reservation", b.hash(s))
			}
		}})
		n.wantCut(s, 5)
		n.flush()
		n.wantState(s, 1, 0)
		for range 4 {
			n.begin(s, 5)
		}
	}},
	{"a reserve that never ran counts nothing", func(b *bench) {
		n, s := b.node(), b.user()
		n.faults.add(fault{op: "reserve", times: 2})
		for range 2 {
			n.wantCut(s, 1)
		}
		n.flush()
		n.wantState(s, 0, 0)
		n.begin(s, 1).passes()
	}},
	{"a reserve that runs after it was given up grants nothing", func(b *bench) {
		n, s := b.node(), b.user()
		late := make(chan func() (any, error), 1)
		n.faults.add(fault{op: "reserve", times: 1, late: late})
		n.wantCut(s, 1)
		n.flush()
		answer, err := n.runLate(<-late)
		if got, ok := answer.([]any); err != nil || !ok || got[0] != int64(4) {
			b.Fatalf("the late reserve: %v, %v; want code 4", answer, err)
		}
		n.wantState(s, 0, 0)
		n.begin(s, 1).passes()
	}},
	{"a second copy of a reserve that runs after the first was given up grants nothing", func(b *bench) {
		n, s := b.node(), b.user()
		late := make(chan func() (any, error), 1)
		n.faults.add(fault{op: "reserve", times: 1, lose: true, late: late})
		n.wantCut(s, 1)
		n.flush()
		answer, err := n.runLate(<-late)
		if got, ok := answer.([]any); err != nil || !ok || got[0] != int64(4) {
			b.Fatalf("the second copy: %v, %v; want code 4", answer, err)
		}
		n.wantState(s, 0, 0)
		n.begin(s, 1).passes()
	}},
	{"a reserve repeated after it was given up holds nothing", func(b *bench) {
		for _, lose := range []bool{true, false} {
			n, s := b.node(silent), b.user()
			n.faults.add(fault{op: "reserve", times: 1, lose: lose})
			id := n.wantCut(s, 1)
			if _, err := n.ReserveIn(b.context(), none, s, id, passwords(1)); !errors.Is(err, counter.ErrGivenUp) {
				b.Fatalf("repeated: %v, want ErrGivenUp", err)
			}
			n.wantState(s, 0, 0)
		}
	}},
	{"what a give-up leaves behind is forgotten soon", func(b *bench) {
		n, s := b.node(lives(time.Minute, time.Hour)), b.user()
		n.faults.add(fault{op: "reserve", times: 1, lose: true})
		n.wantCut(s, 1)
		n.flush()
		b.wantTTL(s, time.Minute, 2*time.Minute)
	}},
	{"a lock whose answer was lost is reported once", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 3)
		n.flush()
		n.faults.add(fault{op: "reserve", times: 1, lose: true})
		id := n.wantCut(s, 2) // the policy was lowered: this one locks
		n.flush()
		if lock := n.wantLocked(s, passwords(5)...); lock.ID != id {
			b.Fatalf("lock %+v, want one by %s", lock, id)
		}
		b.wantReports(s, 1, 0)
		b.wantEvents(s, 1, 0)
	}},
	{"a success whose answer was lost is settled again, forgives once and passes", func(b *bench) {
		n, m, s := b.node(silent), b.node(), b.user()
		n.fail(s, 5, 3)
		right := n.begin(s, 5)
		n.faults.add(fault{op: "settle", times: 2, lose: true, after: func() {
			m.fail(s, 5, 1) // newer than the success
			m.flush()
		}})
		ran := n.faults.ran("settle")
		right.passes()
		if got := n.faults.ran("settle") - ran; got != 3 {
			b.Fatalf("the settle ran %d times, want 3", got)
		}
		n.wantState(s, 2, 0)
	}},
	{"a success that never reaches the store is an error when its context ends", func(b *bench) {
		n, s := b.node(shortLived), b.user()
		right := n.begin(s, 5)
		n.faults.add(fault{op: "settle", times: 1 << 30})
		ctx, cancel := contextFor(100 * time.Millisecond)
		defer cancel()
		err := n.Settle(ctx, s, right.id, []counter.FactorOutcome{outcome(counter.Password, counter.Success)})
		// A slow machine tries once more, after the breaker has opened.
		if !counter.Away(err) || !errors.Is(err, ctx.Err()) || errors.Is(err, counter.ErrLocked) {
			b.Fatalf("settling: %v, want the store's error and the context's", err)
		}
		n.faults.mend()
	}},
	{"failures whose answers were lost count exactly once", func(b *bench) {
		n, s := b.node(), b.user()
		n.faults.add(fault{op: "settle", times: 4, lose: true})
		n.begin(s, 9).fails()
		n.flush()
		n.begin(s, 9).fails()
		n.flush()
		n.wantState(s, 2, 0)
		if got := n.faults.ran("settle"); got < 5 {
			b.Fatalf("settles ran %d times, want the lost ones as well", got)
		}
	}},
	{"failures that ride along with a lost reserve count exactly once", func(b *bench) {
		n, s := b.node(silent), b.user()
		n.fail(s, 9, 1)
		n.faults.add(fault{op: "reserve", times: 3, lose: true})
		for range 3 {
			n.wantCut(s, 9)
		}
		n.wantState(s, 1, 0)
	}},
	{"failures while the store is away are delivered when it is back", func(b *bench) {
		n, s := b.node(), b.user()
		a, c := n.begin(s, 2), n.begin(s, 2)
		n.faults.add(fault{op: "settle", times: 1 << 30})
		a.fails()
		c.fails()
		b.eventually("a delivery failed", func() bool { return n.faults.broken() > 2 })
		n.faults.mend()
		b.eventually("the lock is there", func() bool { return len(b.hash(s)) > 0 && b.hash(s)["l"] != "" })
		n.wantLocked(s, passwords(2)...)
		b.eventually("the lock is reported", func() bool { n.mu.Lock(); defer n.mu.Unlock(); return len(n.locks[s]) > 0 })
		b.wantReports(s, 1, 0)
		b.wantEvents(s, 1, 0)
	}},
	{"what cannot be delivered before the reservation expires is reported as lost and counts", func(b *bench) {
		n, s := b.node(shortLived), b.user()
		a := n.begin(s, 5)
		n.faults.add(fault{op: "settle", times: 1 << 30})
		a.voids()
		b.eventually("the loss is reported", func() bool { return n.lost.Load() == 1 })
		n.faults.mend()
		b.eventually("the reservation expires", func() bool { return n.state(s).Factors[counter.Password].Failures == 1 })
	}},
	{"scripts that the store forgot between calls are sent again", func(b *bench) {
		n, s := b.node(), b.user()
		for i := range uint32(3) {
			b.forget()
			a := n.begin(s, 9)
			b.forget()
			a.fails()
			n.flush()
			b.forget()
			n.wantState(s, i+1, 0)
		}
		b.forget()
		n.lock(s)
		b.forget()
		n.unlock(s)
		n.fail(s, 9, 1)
		right := n.begin(s, 9)
		b.forget()
		right.passes()
		n.wantState(s, 0, 0)
	}},
	{"scripts that the store forgot before a batch are sent again", func(b *bench) {
		n := b.node(silent)
		var users []counter.Subject
		for range 100 {
			s := b.user()
			n.fail(s, 5, 1)
			users = append(users, s)
		}
		b.forget()
		n.flush()
		for _, s := range users {
			n.wantState(s, 1, 0)
		}
	}},
}

// forget makes the store forget all scripts.
func (b *bench) forget() {
	b.Helper()
	if err := b.client.ScriptFlush(b.context()).Err(); err != nil {
		b.Fatal(err)
	}
}
