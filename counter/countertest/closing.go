// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// contextFor returns a context that ends after d.
func contextFor(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

var closing = []example{
	{"Close delivers what is pending", func(b *bench) {
		n, m := b.node(silent), b.node()
		var users []counter.Subject
		for range 100 {
			s := b.user()
			n.fail(s, 1, 1)
			users = append(users, s)
		}
		if err := n.Close(b.context()); err != nil {
			b.Fatal(err)
		}
		for _, s := range users {
			m.wantLocked(s, passwords(1)...)
			b.wantReports(s, 1, 0)
			b.wantEvents(s, 1, 0)
		}
	}},
	{"Flush delivers what is pending", func(b *bench) {
		n, m, s := b.node(silent), b.node(), b.user()
		n.fail(s, 5, 1)
		m.wantState(s, 0, 1)
		n.flush()
		m.wantState(s, 1, 0)
		n.flush() // nothing is pending
	}},
	{"what is pending is delivered without another call", func(b *bench) {
		n, m, s := b.node(), b.node(), b.user()
		n.fail(s, 5, 1)
		b.eventually("the failure arrives", func() bool {
			return m.state(s).Factors[counter.Password] == counter.FactorState{Failures: 1}
		})
	}},
	{"Close of a store that is away ends with its context", func(b *bench) {
		n, s := b.node(silent), b.user()
		n.fail(s, 5, 1)
		n.faults.add(fault{op: "settle", times: 1 << 30})
		ctx, cancel := contextFor(100 * time.Millisecond)
		defer cancel()
		if err := n.Close(ctx); !isCut(err) || !errors.Is(err, context.DeadlineExceeded) {
			b.Fatalf("closing: %v, want the store's error and the context's", err)
		}
		if got := b.hash(s); len(got) != 1 {
			b.Fatalf("the store holds %v, want the reservation, which will expire", got)
		}
	}},
	{"Close twice is Close", func(b *bench) {
		n := b.node()
		for range 2 {
			if err := n.Close(b.context()); err != nil {
				b.Fatal(err)
			}
		}
	}},
}
