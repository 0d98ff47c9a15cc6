// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import "github.com/caddy-lockout/caddy-lockout/counter"

var forgiving = []example{
	{"success forgives the failures that it saw", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 4)
		n.begin(s, 5).passes()
		n.wantState(s, 0, 0)
	}},
	{"success does not forgive a failure that settled while it was in flight", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 2)
		right, wrong := n.begin(s, 5), n.begin(s, 5)
		wrong.fails()
		right.passes()
		n.wantState(s, 1, 0)
	}},
	{"success forgives nothing of attempts still in flight", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 2)
		wrong, right := n.begin(s, 5), n.begin(s, 5)
		right.passes()
		n.wantState(s, 0, 1)
		wrong.fails()
		n.wantState(s, 1, 0)
	}},
	{"of two successes out of order the later reserved one counts", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 9, 1)
		early := n.begin(s, 9)
		n.fail(s, 9, 3)
		late := n.begin(s, 9)
		n.fail(s, 9, 1)
		late.passes()
		n.wantState(s, 1, 1)
		early.passes() // saw less than is forgiven already
		n.wantState(s, 1, 0)
	}},
	{"of two successes in order each forgives what it saw", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 9, 1)
		early := n.begin(s, 9)
		n.fail(s, 9, 3)
		late := n.begin(s, 9)
		n.fail(s, 9, 1)
		early.passes()
		n.wantState(s, 4, 1)
		late.passes()
		n.wantState(s, 1, 0)
	}},
	{"failures of two nodes add up and a success on one forgives both", func(b *bench) {
		n, m, s := b.node(), b.node(), b.user()
		n.fail(s, 5, 2)
		n.flush()
		m.fail(s, 5, 2)
		m.flush()
		n.wantState(s, 4, 0)
		n.begin(s, 5).passes()
		m.wantState(s, 0, 0)
	}},
	{"success never removes a lock and is refused", func(b *bench) {
		n, s := b.node(), b.user()
		right := n.begin(s, 3)
		n.fail(s, 3, 2)
		n.lock(s)
		right.refused()
		st := n.state(s)
		if st.Lock == nil || st.Factors[counter.Password] != (counter.FactorState{Failures: 2}) {
			b.Fatalf("state %+v, want a lock and 2 failures", st)
		}
		right.refused() // again: the id is gone, the lock is not
	}},
	{"success that raced the failure that locked is refused", func(b *bench) {
		n, m, s := b.node(), b.node(), b.user()
		right := n.begin(s, 5)
		m.fail(s, 5, 1)
		m.wantLocked(s, passwords(1)...) // the policy was lowered meanwhile
		right.refused()
		b.wantReports(s, 1, 0)
	}},
	{"a reset forgives every failure so far", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 4)
		n.reset(s, counter.Password)
		n.wantState(s, 0, 0)
		n.fail(s, 5, 4)
		n.wantState(s, 4, 0)
	}},
	{"a reset keeps reservations, whose failures count afterwards", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 3)
		wrong := n.begin(s, 5)
		n.reset(s, counter.Password)
		n.wantState(s, 0, 1)
		wrong.fails()
		n.wantState(s, 1, 0)
	}},
	{"a reset forgives only the factors that it names", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.beginWith(s, limit(counter.Password, 5), limit(counter.TOTP, 5))
		a.must(a.endWith())
		n.reset(s, counter.TOTP)
		st := n.state(s)
		if st.Factors[counter.Password].Failures != 1 || st.Factors[counter.TOTP].Failures != 0 {
			b.Fatalf("state %+v, want 1 password failure and no TOTP failure", st)
		}
	}},
	{"a reset does not unlock", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 2, 2)
		n.reset(s, counter.Password)
		n.wantLocked(s, passwords(2)...)
		b.wantEvents(s, 1, 0)
	}},
	{"an unlock forgives every failure so far, of every factor", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.beginWith(s, limit(counter.Password, 2), limit(counter.TOTP, 2))
		a.must(a.endWith())
		n.begin(s, 2).fails()
		n.wantLocked(s, passwords(2)...)
		n.unlock(s)
		n.wantState(s, 0, 0)
		if got := n.state(s).Factors[counter.TOTP].Failures; got != 0 {
			b.Fatalf("%d TOTP failures after the unlock", got)
		}
		n.fail(s, 2, 1)
		n.wantState(s, 1, 0)
	}},
	{"an unlock forgives what is pending on its node", func(b *bench) {
		n, s := b.node(silent), b.user()
		n.begin(s, 1).fails()
		n.unlock(s)
		n.wantState(s, 0, 0)
		b.wantEvents(s, 1, 1)
		b.wantReports(s, 1, 1)
	}},
	{"an unlock keeps reservations, whose failures count afterwards", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 2)
		wrong, other := n.begin(s, 5), n.begin(s, 5)
		n.lock(s)
		n.unlock(s)
		n.wantState(s, 0, 2)
		wrong.fails()
		other.fails()
		n.wantState(s, 2, 0)
	}},
	{"a success from before an unlock forgives nothing newer than it saw", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 2)
		right, wrong := n.begin(s, 5), n.begin(s, 5)
		n.lock(s)
		n.unlock(s)
		wrong.fails()
		right.passes()
		n.wantState(s, 1, 0)
	}},
	{"an administrator's lock keeps reservations and refuses their success", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 1)
		right, wrong, void := n.begin(s, 5), n.begin(s, 5), n.begin(s, 5)
		n.lock(s)
		if got := n.state(s).Factors[counter.Password]; got != (counter.FactorState{Failures: 1, Reservations: 3}) {
			b.Fatalf("after the lock %+v, want 1 failure and 3 reservations", got)
		}
		right.refused()
		wrong.fails()
		void.voids()
		if got := n.state(s).Factors[counter.Password]; got != (counter.FactorState{Failures: 2}) {
			b.Fatalf("at the end %+v, want 2 failures: the refused success forgives nothing", got)
		}
		b.wantEvents(s, 1, 0)
	}},
}
