// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"time"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// Answers of PTTL instead of a time.
const (
	noTTL = -1
	noKey = -2
)

// ttl returns the remaining life of a user's hash, or one of the answers above.
func (b *bench) ttl(s counter.Subject) time.Duration {
	b.Helper()
	d, err := b.client.PTTL(b.context(), b.keys.User(s).User).Result()
	if err != nil {
		b.Fatal(err)
	}
	return d
}

func (b *bench) wantTTL(s counter.Subject, least, most time.Duration) {
	b.Helper()
	if d := b.ttl(s); d < least || d > most {
		b.Fatalf("TTL %s of %v, want %s to %s", d, b.hash(s), least, most)
	}
}

func (b *bench) wantNoKey(s counter.Subject) {
	b.Helper()
	if d := b.ttl(s); d != noKey {
		b.Fatalf("the store remembers %v for %s, want no key", b.hash(s), d)
	}
}

func lives(reservation, counters time.Duration) func(*counter.Options) {
	return func(o *counter.Options) { o.ReservationTTL, o.CounterTTL = reservation, counters }
}

var keys = []example{
	{"the hash of a locked user has no TTL", func(b *bench) {
		n, s, byAdmin := b.node(), b.user(), b.user()
		a := n.begin(s, 3)
		n.fail(s, 3, 2)
		n.flush()
		b.wantTTL(s, time.Minute, 30*24*time.Hour)
		a.fails()
		n.lock(byAdmin)
		n.wantLocked(s, passwords(3)...)
		b.wantTTL(s, noTTL, noTTL)
		b.wantTTL(byAdmin, noTTL, noTTL)
		n.wantLocked(s, passwords(3)...)
		n.reset(s, counter.Password)
		b.wantTTL(s, noTTL, noTTL)
	}},
	{"what is settled after a lock gives it no TTL", func(b *bench) {
		n, s := b.node(), b.user()
		wrong, void, right := n.begin(s, 5), n.begin(s, 5), n.begin(s, 5)
		n.lock(s)
		wrong.fails()
		void.voids()
		right.refused()
		n.flush()
		b.wantTTL(s, noTTL, noTTL)
	}},
	{"counters of a user who is not locked live for the counter TTL after the last failure", func(b *bench) {
		n, s := b.node(lives(time.Minute, time.Hour)), b.user()
		n.fail(s, 5, 1)
		n.flush()
		b.wantTTL(s, 55*time.Minute, time.Hour)
		if err := b.client.PExpire(b.context(), b.keys.User(s).User, 10*time.Minute).Err(); err != nil {
			b.Fatal(err)
		}
		n.begin(s, 5).voids()
		n.flush()
		b.wantTTL(s, 5*time.Minute, 10*time.Minute) // no failure, so not longer
		n.fail(s, 5, 1)
		n.flush()
		b.wantTTL(s, 55*time.Minute, time.Hour)
	}},
	{"the hash outlives its latest reservation", func(b *bench) {
		n, s := b.node(lives(time.Minute, 2*time.Minute)), b.user()
		n.fail(s, 5, 1)
		n.flush()
		if err := b.client.PExpire(b.context(), b.keys.User(s).User, 10*time.Second).Err(); err != nil {
			b.Fatal(err)
		}
		n.begin(s, 5)
		b.wantTTL(s, time.Minute, 2*time.Minute)
	}},
	{"a user with nothing to remember has no key", func(b *bench) {
		n, s := b.node(), b.user()
		if err := n.Check(b.context(), s, newID()); err != nil {
			b.Fatal(err)
		}
		b.wantNoKey(s)
		n.begin(s, 5).passes()
		b.wantNoKey(s)
		n.begin(s, 5).voids()
		n.flush()
		b.wantNoKey(s)
		n.fail(s, 5, 3)
		n.begin(s, 5).passes()
		b.wantNoKey(s)
		n.fail(s, 5, 3)
		n.reset(s, counter.Password)
		b.wantNoKey(s)
		n.reset(s, counter.Factors()...)
		b.wantNoKey(s)
	}},
	{"reading a user nobody knows writes nothing", func(b *bench) {
		n, s := b.node(), b.user()
		if st := n.state(s); st.Lock != nil || len(st.Factors) != 0 {
			b.Fatalf("state %+v, want nothing", st)
		}
		_ = n.Unlock(b.context(), s, newID())
		b.wantNoKey(s)
	}},
	{"an unlock restores a TTL", func(b *bench) {
		n, s := b.node(lives(time.Minute, time.Hour)), b.user()
		n.fail(s, 1, 1)
		n.unlock(s)
		b.wantTTL(s, time.Minute, 2*time.Minute) // the operation id alone
		n.fail(s, 2, 1)
		n.flush()
		b.wantTTL(s, 55*time.Minute, time.Hour)
	}},
	{"an unlock with reservations in flight restores the counter TTL", func(b *bench) {
		n, s := b.node(lives(time.Minute, time.Hour)), b.user()
		a := n.begin(s, 2)
		n.lock(s)
		n.unlock(s)
		b.wantTTL(s, time.Minute, time.Hour)
		a.fails()
		n.flush()
		b.wantTTL(s, 55*time.Minute, time.Hour)
	}},
	{"a reservation right after an unlock restores the counter TTL", func(b *bench) {
		// Within the millisecond the TTL is still the whole one of a trace.
		n, s := b.node(lives(time.Minute, time.Hour)), b.user()
		n.lock(s)
		n.unlock(s)
		n.begin(s, 5) // and the node dies: its failure must outlast the trace
		b.wantTTL(s, 55*time.Minute, time.Hour)
	}},
	{"a forgiven user is forgotten soon after an unlock", func(b *bench) {
		n, s := b.node(lives(time.Minute, time.Hour)), b.user()
		n.fail(s, 1, 1)
		n.unlock(s)
		n.fail(s, 5, 1)
		n.begin(s, 5).passes()
		b.wantTTL(s, time.Minute, 2*time.Minute)
	}},
	{"counters that end before their reservations are ErrOptions", func(b *bench) {
		_, err := counter.New(b.client, b.keys, counter.Options{ReservationTTL: time.Minute, CounterTTL: 2*time.Minute - 1})
		if err == nil {
			b.Fatal("accepted")
		}
	}},
}
