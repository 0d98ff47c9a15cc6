// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"errors"
	"maps"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// both are the limits of a login that sends password and TOTP in one request.
func both(highest uint32) []counter.FactorLimit {
	return []counter.FactorLimit{limit(counter.Password, highest), limit(counter.TOTP, highest)}
}

func outcome(f counter.Factor, o counter.Outcome) counter.FactorOutcome {
	return counter.FactorOutcome{Factor: f, Outcome: o}
}

// wantFactors compares all factors that have a counter or a reservation.
func (n *node) wantFactors(s counter.Subject, want map[counter.Factor]counter.FactorState) {
	n.b.Helper()
	got := n.state(s).Factors
	maps.DeleteFunc(got, func(_ counter.Factor, st counter.FactorState) bool { return st == counter.FactorState{} })
	if !maps.Equal(got, want) {
		n.b.Fatalf("factors of %v: %+v, want %+v", s, got, want)
	}
}

var factors = []example{
	{"several factors in one attempt take a slot of each", func(b *bench) {
		n, s := b.node(), b.user()
		var all []counter.FactorLimit
		want := map[counter.Factor]counter.FactorState{}
		for _, f := range counter.Factors() {
			all = append(all, limit(f, 1))
			want[f] = counter.FactorState{Reservations: 1}
		}
		n.beginWith(s, all...)
		n.wantFactors(s, want)
		for _, l := range all {
			n.wantFullWith(s, l)
		}
	}},
	{"one full factor keeps the whole attempt waiting and no slot is taken", func(b *bench) {
		n, s := b.node(), b.user()
		otp := n.beginWith(s, limit(counter.TOTP, 1))
		n.wantFullWith(s, both(1)...)
		n.wantFactors(s, map[counter.Factor]counter.FactorState{counter.TOTP: {Reservations: 1}})
		got := make(chan error, 1)
		go func() {
			_, err := n.Reserve(b.context(), s, newID(), both(1))
			got <- err
		}()
		otp.must(otp.endWith(outcome(counter.TOTP, counter.Void)))
		if err := <-got; err != nil {
			b.Fatalf("after the slot came free: %v", err)
		}
	}},
	{"each factor has its own outcome", func(b *bench) {
		n, s := b.node(), b.user()
		for range 2 {
			a := n.beginWith(s, both(5)...)
			a.must(a.endWith())
		}
		a := n.beginWith(s, both(5)...)
		a.must(a.endWith(outcome(counter.Password, counter.Success), outcome(counter.TOTP, counter.Failure)))
		n.wantFactors(s, map[counter.Factor]counter.FactorState{counter.TOTP: {Failures: 3}})
		a = n.beginWith(s, both(5)...)
		a.must(a.endWith(outcome(counter.Password, counter.Failure), outcome(counter.TOTP, counter.Void)))
		n.wantFactors(s, map[counter.Factor]counter.FactorState{counter.Password: {Failures: 1}, counter.TOTP: {Failures: 3}})
	}},
	{"a factor without an outcome counts as failed", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.beginWith(s, both(5)...)
		a.must(a.endWith(outcome(counter.Password, counter.Success)))
		n.wantFactors(s, map[counter.Factor]counter.FactorState{counter.TOTP: {Failures: 1}})
		a = n.beginWith(s, both(5)...)
		a.must(a.endWith(outcome(counter.Password, counter.Void)))
		n.wantFactors(s, map[counter.Factor]counter.FactorState{counter.TOTP: {Failures: 2}})
		a = n.beginWith(s, both(5)...)
		a.must(a.endWith())
		n.wantFactors(s, map[counter.Factor]counter.FactorState{counter.Password: {Failures: 1}, counter.TOTP: {Failures: 3}})
	}},
	{"an outcome for a factor that was not reserved changes nothing", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.beginWith(s, both(5)...)
		a.must(a.endWith())
		a = n.begin(s, 5)
		a.must(a.endWith(outcome(counter.TOTP, counter.Success), outcome(counter.OTPSMS, counter.Failure), outcome(counter.Password, counter.Void)))
		n.wantFactors(s, map[counter.Factor]counter.FactorState{counter.Password: {Failures: 1}, counter.TOTP: {Failures: 1}})
	}},
	{"a right password never resets an OTP counter", func(b *bench) {
		n, s := b.node(), b.user()
		for range 3 {
			n.begin(s, 5).passes()
			otp := n.beginWith(s, limit(counter.TOTP, 4))
			otp.must(otp.endWith(outcome(counter.TOTP, counter.Failure)))
		}
		n.wantFactors(s, map[counter.Factor]counter.FactorState{counter.TOTP: {Failures: 3}})
		n.begin(s, 5).passes()
		otp := n.beginWith(s, limit(counter.TOTP, 4))
		otp.must(otp.endWith(outcome(counter.TOTP, counter.Failure)))
		if lock := n.wantLocked(s, passwords(5)...); lock.Factor != counter.TOTP {
			b.Fatalf("lock %+v, want one by TOTP", lock)
		}
	}},
	{"a right OTP never resets the password counter", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 3)
		otp := n.beginWith(s, limit(counter.TOTP, 5))
		otp.must(otp.endWith(outcome(counter.TOTP, counter.Success)))
		n.wantState(s, 3, 0)
	}},
	{"a lock by one factor closes every other factor", func(b *bench) {
		n := b.node()
		for _, cause := range counter.Factors() {
			s := b.user()
			a := n.beginWith(s, limit(cause, 1))
			a.must(a.endWith(outcome(cause, counter.Failure)))
			for _, f := range counter.Factors() {
				if lock := n.wantLocked(s, limit(f, 100)); lock.Factor != cause || lock.ID != a.id {
					b.Fatalf("lock %+v, want one by %s and %s", lock, cause, a.id)
				}
			}
		}
	}},
	{"a lock by OTP refuses the success of a password in flight", func(b *bench) {
		n, s := b.node(), b.user()
		right := n.begin(s, 5)
		otp := n.beginWith(s, limit(counter.TOTP, 1))
		otp.must(otp.endWith(outcome(counter.TOTP, counter.Failure)))
		right.refused()
	}},
	{"of two factors the one with max 0 is not counted", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.beginWith(s, limit(counter.Password, 0), limit(counter.TOTP, 5))
		n.wantFactors(s, map[counter.Factor]counter.FactorState{counter.TOTP: {Reservations: 1}})
		a.must(a.endWith())
		n.wantFactors(s, map[counter.Factor]counter.FactorState{counter.TOTP: {Failures: 1}})
	}},
	{"a success for a factor with max 0 passes with the others", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.beginWith(s, limit(counter.Password, 0), limit(counter.TOTP, 5))
		a.must(a.endWith(outcome(counter.Password, counter.Success), outcome(counter.TOTP, counter.Success)))
		n.wantFactors(s, map[counter.Factor]counter.FactorState{})
	}},
	{"an unknown factor or outcome is an error and changes nothing", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.begin(s, 5)
		_, err := n.Reserve(b.context(), s, newID(), []counter.FactorLimit{{Factor: 0, Max: 5}})
		for _, err := range []error{
			err, a.endWith(outcome(9, counter.Success)), a.endWith(outcome(counter.Password, 0)),
			a.endWith(outcome(counter.Password, 5)), n.Reset(b.context(), s, newID(), 0),
		} {
			if !errors.Is(err, counter.ErrFactor) {
				b.Errorf("%v, want ErrFactor", err)
			}
		}
		n.wantState(s, 0, 1)
	}},
}
