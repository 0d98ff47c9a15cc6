// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"errors"
	"strings"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

var ids = []example{
	{"a repeated reserve gets the same answer and takes no second slot", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.begin(s, 2)
		for range 3 {
			if r, err := n.ReserveIn(b.context(), none, s, a.id, passwords(2)); err != nil || !r.Held {
				b.Fatalf("repeated: %+v, %v", r, err)
			}
		}
		n.wantState(s, 0, 1)
		a.fails()
		n.wantState(s, 1, 0)
	}},
	{"a repeated reserve of the last slot gets the same answer", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.begin(s, 1)
		if r, err := n.ReserveIn(b.context(), none, s, a.id, passwords(1)); err != nil || !r.Held {
			b.Fatalf("repeated: %+v, %v", r, err)
		}
		n.wantFull(s, 1)
	}},
	{"a reserve repeated after a lock is refused and holds nothing", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.begin(s, 2)
		n.lock(s)
		if _, err := n.ReserveIn(b.context(), none, s, a.id, passwords(2)); !errors.Is(err, counter.ErrLocked) {
			b.Fatalf("repeated: %v, want ErrLocked", err)
		}
		if got := n.state(s).Factors[counter.Password]; got != (counter.FactorState{}) {
			b.Fatalf("state %+v, want nothing", got)
		}
	}},
	{"a failure settled again counts once", func(b *bench) {
		n, m, s := b.node(), b.node(), b.user()
		a := n.begin(s, 5)
		for range 3 {
			a.fails()
			n.flush()
			attempt{m, s, a.id}.fails()
			m.flush()
		}
		n.wantState(s, 1, 0)
	}},
	{"the first outcome of an attempt counts", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 2)
		a := n.begin(s, 5)
		a.fails()
		a.passes() // absent by now: passes and forgives nothing
		a.voids()
		n.wantState(s, 3, 0)
	}},
	{"a success of an unknown id passes and forgives nothing", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 3)
		attempt{n, s, newID()}.passes()
		n.wantState(s, 3, 0)
	}},
	{"a success of an unknown id is refused when the user is locked", func(b *bench) {
		n, s := b.node(), b.user()
		n.lock(s)
		before := b.hash(s)
		attempt{n, s, newID()}.refused()
		b.wantSameHash(s, before)
	}},
	{"a failure or void of an unknown id does nothing", func(b *bench) {
		n, s := b.node(), b.user()
		attempt{n, s, newID()}.fails()
		attempt{n, s, newID()}.voids()
		n.flush()
		if h := b.hash(s); len(h) != 0 {
			b.Fatalf("the store remembers %v", h)
		}
		n.fail(s, 5, 2)
		n.flush()
		before := b.hash(s)
		attempt{n, s, newID()}.fails()
		attempt{n, s, newID()}.voids()
		n.flush()
		b.wantSameHash(s, before)
	}},
	{"the lock keeps the attempt that caused it and a repeated call still reports it", func(b *bench) {
		n, m, s := b.node(), b.node(), b.user()
		a := n.begin(s, 1)
		a.fails()
		n.flush()
		for _, x := range []*node{n, m} {
			_, err := x.ReserveIn(b.context(), none, s, a.id, passwords(1))
			if lock, ok := lockOf(err); !ok || lock.ID != a.id {
				b.Fatalf("reserving again: %v, want a lock by %s", err, a.id)
			}
			if lock, ok := lockOf(attempt{x, s, a.id}.end(counter.Success)); !ok || lock.ID != a.id {
				b.Fatalf("settling again: want a lock by %s", a.id)
			}
		}
		if lock := n.wantLocked(s, passwords(1)...); lock.ID != a.id {
			b.Fatalf("lock %+v, want one by %s", lock, a.id)
		}
		b.wantEvents(s, 1, 0)
	}},
	{"ids of two users are two ids", func(b *bench) {
		n, s, other := b.node(), b.user(), b.user()
		a := n.begin(s, 1)
		if _, err := n.ReserveIn(b.context(), none, other, a.id, passwords(1)); err != nil {
			b.Fatal(err)
		}
		a.fails()
		n.wantState(other, 0, 1)
	}},
	{"an id that is not 1 to 32 letters, digits, dashes or underscores is ErrID", func(b *bench) {
		n, s := b.node(), b.user()
		for _, id := range []string{"", strings.Repeat("a", 33), "a b", "a,b", "a:b", "ä", "a\x00", "a\r\n", "{a}", "a.b"} {
			_, err := n.Reserve(b.context(), s, id, passwords(1))
			for call, err := range map[string]error{
				"reserve": err,
				"check":   n.Check(b.context(), s, id),
				"settle":  attempt{n, s, id}.end(counter.Success),
				"failure": attempt{n, s, id}.end(counter.Failure),
				"reset":   n.Reset(b.context(), s, id, counter.Password),
				"lock":    n.Lock(b.context(), s, id),
				"unlock":  n.Unlock(b.context(), s, id),
			} {
				if !errors.Is(err, counter.ErrID) {
					b.Errorf("%s of %q: %v, want ErrID", call, id, err)
				}
			}
		}
		n.flush()
		if h := b.hash(s); len(h) != 0 {
			b.Fatalf("the store remembers %v", h)
		}
	}},
	{"the longest id is an id", func(b *bench) {
		n, s := b.node(), b.user()
		a := attempt{n, s, "-_09azAZ" + strings.Repeat("x", 24)}
		if _, err := n.Reserve(b.context(), s, a.id, passwords(1)); err != nil {
			b.Fatal(err)
		}
		a.fails()
		if lock := n.wantLocked(s, passwords(1)...); lock.ID != a.id {
			b.Fatalf("lock %+v, want one by %s", lock, a.id)
		}
	}},
}
