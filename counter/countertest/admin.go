// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

var admin = []example{
	{"an administrator locks a user whom nobody knows", func(b *bench) {
		n, s, id := b.node(), b.user(), newID()
		if err := n.Lock(b.context(), s, id); err != nil {
			b.Fatal(err)
		}
		if lock := n.wantLocked(s, passwords(5)...); lock.ID != id || lock.By != counter.Admin || lock.Factor != 0 {
			b.Fatalf("lock %+v, want one by the administrator's %s", lock, id)
		}
		b.wantReports(s, 1, 0)
		b.wantEvents(s, 1, 0)
	}},
	{"a repeated lock gives the same answer and one event", func(b *bench) {
		n, m, s, id := b.node(), b.node(), b.user(), newID()
		for _, x := range []*node{n, m, n} {
			if err := x.Lock(b.context(), s, id); err != nil {
				b.Fatal(err)
			}
		}
		b.wantEvents(s, 1, 0)
	}},
	{"a lock of a locked user tells the lock that is there", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.begin(s, 1)
		a.fails()
		n.flush()
		before := b.hash(s)
		if lock, ok := lockOf(n.Lock(b.context(), s, newID())); !ok || lock.ID != a.id || lock.By != counter.Policy {
			b.Fatalf("lock %+v, want the one by %s", lock, a.id)
		}
		b.wantSameHash(s, before)
		b.wantReports(s, 1, 0)
		b.wantEvents(s, 1, 0)
	}},
	{"an unlock of a user who is not locked is ErrNotLocked and forgives nothing", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 2)
		if err := n.Unlock(b.context(), s, newID()); !errors.Is(err, counter.ErrNotLocked) {
			b.Fatalf("unlocking: %v, want ErrNotLocked", err)
		}
		n.wantState(s, 2, 0)
		b.wantReports(s, 0, 0)
		b.wantEvents(s, 0, 0)
	}},
	{"a repeated unlock gives the same answer and one event", func(b *bench) {
		n, m, s, id := b.node(), b.node(), b.user(), newID()
		n.lock(s)
		for _, x := range []*node{n, m, n} {
			if err := x.Unlock(b.context(), s, id); err != nil {
				b.Fatal(err)
			}
		}
		if err := n.Unlock(b.context(), s, newID()); !errors.Is(err, counter.ErrNotLocked) {
			b.Fatalf("another unlock: %v, want ErrNotLocked", err)
		}
		b.wantEvents(s, 1, 1)
	}},
	{"an unlock that is repeated after a new lock leaves that lock", func(b *bench) {
		n, s, id := b.node(), b.user(), newID()
		n.lock(s)
		if err := n.Unlock(b.context(), s, id); err != nil {
			b.Fatal(err)
		}
		n.fail(s, 1, 1)
		n.wantLocked(s, passwords(1)...)
		if err := n.Unlock(b.context(), s, id); err != nil {
			b.Fatalf("repeated: %v, want the same answer", err)
		}
		n.wantLocked(s, passwords(1)...)
		b.wantEvents(s, 2, 1)
		n.unlock(s)
		n.wantState(s, 0, 0)
	}},
	{"a lock that is repeated after an unlock does not lock again", func(b *bench) {
		n, m, s, id := b.node(), b.node(), b.user(), newID()
		if err := n.Lock(b.context(), s, id); err != nil {
			b.Fatal(err)
		}
		m.unlock(s)
		if err := n.Lock(b.context(), s, id); err != nil {
			b.Fatalf("repeated: %v, want the same answer", err)
		}
		n.wantState(s, 0, 0)
		b.wantEvents(s, 1, 1)
		b.wantReports(s, 1, 1)
		n.lock(s) // another one does
		n.wantLocked(s, passwords(5)...)
	}},
	{"of concurrent unlocks exactly one wins", func(b *bench) {
		n, m := b.node(), b.node()
		for range 10 {
			s := b.user()
			n.lock(s)
			var wg sync.WaitGroup
			var won atomic.Int64
			for i := range 16 {
				x := []*node{n, m}[i%2]
				wg.Go(func() {
					switch err := x.Unlock(b.context(), s, newID()); {
					case err == nil:
						won.Add(1)
					case !errors.Is(err, counter.ErrNotLocked):
						b.Errorf("unlocking: %v", err)
					}
				})
			}
			wg.Wait()
			if won.Load() != 1 {
				b.Fatalf("%d unlocks won, want 1", won.Load())
			}
			b.wantReports(s, 1, 1)
			b.wantEvents(s, 1, 1)
		}
	}},
	{"of concurrent locks exactly one wins", func(b *bench) {
		n, m := b.node(), b.node()
		for range 10 {
			s := b.user()
			var wg sync.WaitGroup
			var won atomic.Int64
			for i := range 16 {
				x := []*node{n, m}[i%2]
				wg.Go(func() {
					switch err := x.Lock(b.context(), s, newID()); {
					case err == nil:
						won.Add(1)
					case !errors.Is(err, counter.ErrLocked):
						b.Errorf("locking: %v", err)
					}
				})
			}
			wg.Wait()
			if won.Load() != 1 {
				b.Fatalf("%d locks won, want 1", won.Load())
			}
			b.wantReports(s, 1, 0)
			b.wantEvents(s, 1, 0)
		}
	}},
	{"an unlocked user may log in and be locked again", func(b *bench) {
		n, m, s := b.node(), b.node(), b.user()
		for i := range 3 {
			n.fail(s, 2, 2)
			m.flush()
			n.flush()
			m.wantLocked(s, passwords(2)...)
			m.unlock(s)
			n.begin(s, 2).passes()
			b.wantReports(s, i+1, i+1)
			b.wantEvents(s, i+1, i+1)
		}
	}},
}
