// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

var waiting = []example{
	{"100 parallel right attempts under 5 all pass on one node", func(b *bench) {
		b.everybodyPasses(b.node())
	}},
	{"100 parallel right attempts under 5 all pass over two nodes", func(b *bench) {
		b.everybodyPasses(b.node(), b.node())
	}},
	{"a bounded queue refuses one more at once", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.begin(s, 1)
		errs := n.line(b.context(), s, 8)
		if _, err := n.ReserveIn(b.context(), counter.Queue{Size: 8, Wait: patience}, s, newID(), passwords(1)); !errors.Is(err, counter.ErrBusy) {
			b.Fatalf("the ninth: %v, want ErrBusy", err)
		}
		n.wantState(s, 0, 1)
		a.fails()
		b.allLocked(errs, 8)
	}},
	{"the queue of one user holds up no other", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.begin(s, 1)
		errs := n.line(b.context(), s, 2)
		n.begin(b.user(), 1).passes()
		a.fails()
		b.allLocked(errs, 2)
	}},
	{"a bounded wait ends as busy", func(b *bench) {
		n, s := b.node(), b.user()
		n.begin(s, 1)
		start := time.Now()
		_, err := n.ReserveIn(b.context(), counter.Queue{Size: 1, Wait: 50 * time.Millisecond}, s, newID(), passwords(1))
		if took := time.Since(start); !errors.Is(err, counter.ErrBusy) || took < 50*time.Millisecond {
			b.Fatalf("%v after %s, want ErrBusy after 50 ms", err, took)
		}
		if n.waited.Load() != 1 {
			b.Fatalf("%d waits were reported, want 1", n.waited.Load())
		}
		n.wantState(s, 0, 1)
	}},
	{"a canceled context leaves the line", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.begin(s, 1)
		gone := errors.New("client went away")
		ctx, cancel := context.WithCancelCause(b.context())
		errs := n.line(ctx, s, 1)
		cancel(gone)
		if err := <-errs; !errors.Is(err, gone) {
			b.Fatalf("waiting: %v, want %v", err, gone)
		}
		errs = n.line(b.context(), s, 1) // its place is free
		a.voids()
		if err := <-errs; err != nil {
			b.Fatalf("the next in line: %v", err)
		}
		n.wantState(s, 0, 1)
	}},
	{"a void wakes a waiter", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.begin(s, 1)
		errs := n.line(b.context(), s, 1)
		a.voids()
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}},
	{"a success wakes a waiter", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.begin(s, 1)
		errs := n.line(b.context(), s, 1)
		a.passes()
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}},
	{"a slot freed on another node is found", func(b *bench) {
		n, m, s := b.node(), b.node(), b.user()
		for _, o := range []counter.Outcome{counter.Void, counter.Success} {
			a := n.begin(s, 1)
			id := newID()
			got := make(chan error, 1)
			go func() {
				_, err := m.Reserve(b.context(), s, id, passwords(1))
				got <- err
			}()
			a.must(a.end(o))
			if err := <-got; err != nil {
				b.Fatalf("waiting on the other node: %v", err)
			}
			attempt{m, s, id}.passes()
		}
	}},
	{"when the user gets locked all waiters of all nodes are told", func(b *bench) {
		n, m, s := b.node(), b.node(), b.user()
		a := n.begin(s, 1)
		here, there := n.line(b.context(), s, 20), m.line(b.context(), s, 20)
		a.fails()
		for range 20 {
			for _, err := range []error{<-here, <-there} {
				if lock, ok := lockOf(err); !ok || lock.ID != a.id {
					b.Fatalf("waiting: %v, want a lock by %s", err, a.id)
				}
			}
		}
		b.wantReports(s, 1, 0)
		b.wantEvents(s, 1, 0)
	}},
	{"an administrator's lock is told to all waiters", func(b *bench) {
		n, m, s := b.node(), b.node(), b.user()
		n.begin(s, 1)
		here, there := n.line(b.context(), s, 5), m.line(b.context(), s, 5)
		n.lock(s)
		for range 5 {
			for _, err := range []error{<-here, <-there} {
				if lock, ok := lockOf(err); !ok || lock.By != counter.Admin {
					b.Fatalf("waiting: %v, want a lock by an administrator", err)
				}
			}
		}
	}},
	{"an attempt with another factor does not stand in line", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.begin(s, 1)
		errs := n.line(b.context(), s, 3)
		n.beginWith(s, limit(counter.TOTP, 1))
		a.fails()
		b.allLocked(errs, 3)
	}},
}

// everybodyPasses sends 100 right passwords of one user at once.
func (b *bench) everybodyPasses(nodes ...*node) {
	b.Helper()
	s, ctx := b.user(), b.context()
	var wg sync.WaitGroup
	for i := range 100 {
		n := nodes[i%len(nodes)]
		wg.Go(func() {
			a := attempt{n, s, newID()}
			if _, err := n.Reserve(ctx, s, a.id, passwords(5)); err != nil {
				b.Errorf("reserving: %v", err)
				return
			}
			if err := a.end(counter.Success); err != nil {
				b.Errorf("settling: %v", err)
			}
		})
	}
	wg.Wait()
	nodes[0].wantState(s, 0, 0)
}

// allLocked wants k waiters to be told that the user is locked.
func (b *bench) allLocked(errs <-chan error, k int) {
	b.Helper()
	for range k {
		if err := <-errs; !errors.Is(err, counter.ErrLocked) {
			b.Fatalf("waiting: %v, want ErrLocked", err)
		}
	}
}

// line puts k attempts with a right password into the queue and returns when
// they stand there. Their errors come through the channel; whoever gets a slot
// keeps it.
func (n *node) line(ctx context.Context, s counter.Subject, k int) <-chan error {
	n.b.Helper()
	errs := make(chan error, k)
	for range k {
		go func() {
			_, err := n.ReserveIn(ctx, counter.Queue{Size: k + 1, Wait: patience}, s, newID(), passwords(1))
			errs <- err
		}()
	}
	// They all stand there when one more would be the k+1st: it does not even wait.
	n.b.eventually("everybody stands in line", func() bool {
		waited := n.waited.Load()
		_, err := n.ReserveIn(ctx, counter.Queue{Size: k, Wait: time.Millisecond}, s, newID(), passwords(1))
		if !errors.Is(err, counter.ErrBusy) {
			n.b.Fatalf("asking whether the line is full: %v, want ErrBusy", err)
		}
		return n.waited.Load() == waited
	})
	return errs
}
