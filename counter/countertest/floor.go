// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// local keeps a node counting while its store is away.
func local(o *counter.Options) { o.Local = true }

// leave takes the store away from a node; mend brings it back.
func (n *node) leave() {
	for _, op := range []string{"reserve", "settle", "state", "merge"} {
		n.faults.add(fault{op: op, times: 1 << 30})
	}
}

// floor: what a node counts while its store is away, and that the store hears of
// it. See returning.
var floor = []example{
	{"a store that is away is not asked any more, and is found when it is back", func(b *bench) {
		n, s := b.node(), b.user()
		n.leave()
		b.eventually("nobody waits for the store", func() bool {
			_, err := n.ReserveIn(b.context(), none, s, newID(), passwords(5))
			return errors.Is(err, counter.ErrAway)
		})
		n.faults.mend()
		b.eventually("the store is found", func() bool {
			r, err := n.ReserveIn(b.context(), none, s, newID(), passwords(5))
			return err == nil && r.Held
		})
	}},
	{"without the store a node grants exactly the limit", func(b *bench) {
		n, s := b.node(local), b.user()
		n.leave()
		var granted atomic.Int64
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				id := newID()
				if _, err := n.Reserve(b.context(), s, id, passwords(5)); err == nil {
					granted.Add(1)
					if err := n.Settle(b.context(), s, id, []counter.FactorOutcome{outcome(counter.Password, counter.Failure)}); err != nil {
						b.Errorf("settling: %v", err)
					}
				} else if !errors.Is(err, counter.ErrLocked) {
					b.Errorf("reserving: %v, want ErrLocked", err)
				}
			})
		}
		wg.Wait()
		n.faults.mend()
		if got := granted.Load(); got != 5 {
			b.Fatalf("%d slots were granted, want 5", got)
		}
		b.wantReports(s, 1, 0)
	}},
	{"without the store parallel right secrets all pass", func(b *bench) {
		n, s := b.node(local), b.user()
		n.leave()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				id := newID()
				if _, err := n.Reserve(b.context(), s, id, passwords(5)); err != nil {
					b.Errorf("reserving: %v", err)
				} else if err := n.Settle(b.context(), s, id, []counter.FactorOutcome{outcome(counter.Password, counter.Success)}); err != nil {
					b.Errorf("settling: %v", err)
				}
			})
		}
		wg.Wait()
		n.faults.mend()
	}},
	{"failures without the store are added once when it is back", func(b *bench) {
		n, other, s := b.node(local), b.node(), b.user()
		other.fail(s, 9, 2)
		other.flush()
		n.leave()
		n.fail(s, 9, 3)
		n.faults.mend()
		n.faults.add(fault{op: "merge", times: 2, lose: true})
		b.eventually("they are added", func() bool { return other.state(s).Factors[counter.Password].Failures == 5 })
		b.eventually("the node knows that", func() bool { return n.faults.ran("merge") >= 3 })
		other.wantState(s, 5, 0)
	}},
	{"a lock without the store is a lock when it is back, and reported once", func(b *bench) {
		n, other, s := b.node(local), b.node(), b.user()
		n.leave()
		n.fail(s, 3, 3)
		n.wantLocked(s, passwords(3)...)
		n.faults.mend()
		b.eventually("the store knows it", func() bool { return other.state(s).Lock != nil })
		n.wantLocked(s, passwords(3)...)
		b.wantReports(s, 1, 0)
		b.wantEvents(s, 1, 0)
	}},
	{"failures on both sides of an outage lock together", func(b *bench) {
		n, other, s := b.node(local), b.node(), b.user()
		other.fail(s, 4, 3)
		other.flush()
		n.leave()
		n.fail(s, 4, 1)
		n.faults.mend()
		b.eventually("the user is locked", func() bool { return other.state(s).Lock != nil })
		b.eventually("the node reports it", func() bool { n.mu.Lock(); defer n.mu.Unlock(); return len(n.locks[s]) > 0 })
		b.wantReports(s, 1, 0)
	}},
	{"what was counted without the store is not free in it", func(b *bench) {
		n, s := b.node(local), b.user()
		n.leave()
		n.fail(s, 3, 2)
		n.faults.mend()
		b.eventually("the store is asked again", func() bool {
			before := n.faults.ran("reserve")
			if err := n.Check(b.context(), s, newID()); err != nil {
				b.Fatal(err)
			}
			return n.faults.ran("reserve") > before
		})
		n.begin(s, 3).fails()
		n.flush()
		n.wantLocked(s, passwords(3)...)
	}},
	{"users who were locked before are refused without the store", func(b *bench) {
		locker, s, later, free := b.node(), b.user(), b.user(), b.user()
		locker.lock(s)
		n := b.node(local)
		locker.lock(later)
		b.eventually("the node knows both", func() bool {
			n.leave()
			defer n.faults.mend()
			return isLocked(n, s) && isLocked(n, later)
		})
		n.leave()
		n.wantLocked(s, passwords(5)...)
		n.wantLocked(later, passwords(5)...)
		n.begin(free, 5).passes()
		n.faults.mend()
	}},
	{"users who were unlocked before are not refused without the store", func(b *bench) {
		locker, s := b.node(), b.user()
		locker.lock(s)
		n := b.node(local)
		b.eventually("the node knows the lock", func() bool {
			n.leave()
			defer n.faults.mend()
			return isLocked(n, s)
		})
		locker.unlock(s)
		b.eventually("the node knows the unlock", func() bool {
			n.leave()
			defer n.faults.mend()
			return !isLocked(n, s)
		})
	}},
	{"a success whose slot is in a store that is away passes and forgives nothing", func(b *bench) {
		n, s := b.node(local), b.user()
		n.fail(s, 5, 2)
		n.flush()
		right := n.begin(s, 5)
		n.leave()
		right.passes()
		n.faults.mend()
		b.eventually("the slot comes back", func() bool {
			got := n.state(s).Factors[counter.Password]
			return got.Failures == 2 && got.Reservations == 0
		})
	}},
	{"a success without the store forgives what was counted without it", func(b *bench) {
		n, other, s := b.node(local), b.node(), b.user()
		n.leave()
		n.fail(s, 3, 2)
		n.begin(s, 3).passes()
		n.fail(s, 3, 2)
		n.faults.mend()
		b.eventually("the rest is added", func() bool { return other.state(s).Factors[counter.Password].Failures == 2 })
	}},
	{"a success does not undo what the store has taken over without saying so", func(b *bench) {
		n, other, s := b.node(local), b.node(), b.user()
		n.faults.add(fault{op: "reserve", times: 1 << 30})
		n.faults.add(fault{op: "merge", times: 1, lose: true})
		n.faults.add(fault{op: "merge", times: 1 << 30})
		n.fail(s, 5, 2)
		b.eventually("the store has them, and the node does not know", func() bool {
			return other.state(s).Factors[counter.Password].Failures > 0
		})
		counted := other.state(s).Factors[counter.Password].Failures
		n.begin(s, 5).passes()
		n.fail(s, 5, 1)
		n.faults.mend()
		b.eventually("the rest is added", func() bool { return other.state(s).Factors[counter.Password].Failures == counted+1 })
	}},
}

// isLocked reports whether a node refuses a user as locked.
func isLocked(n *node, s counter.Subject) bool {
	return errors.Is(n.Check(n.b.context(), s, newID()), counter.ErrLocked)
}
