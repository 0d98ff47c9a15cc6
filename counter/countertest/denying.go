// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"errors"
	"time"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// remembers makes a node keep locks in mind longer than any case lasts.
func remembers(o *counter.Options) { o.DenyTTL = time.Hour }

// denying: what a node remembers of locked users.
var denying = []example{
	{"a locked user who comes again costs the store nothing", func(b *bench) {
		n, s := b.node(remembers), b.user()
		n.lock(s)
		// Once more after the node has begun to listen for unlocks.
		b.eventually("nobody asks the store", func() bool {
			before := n.faults.ran("reserve")
			for range 10 {
				n.wantLocked(s, passwords(5)...)
				if err := n.Check(b.context(), s, newID()); !errors.Is(err, counter.ErrLocked) {
					b.Fatalf("checking: %v, want ErrLocked", err)
				}
			}
			return n.faults.ran("reserve") == before
		})
	}},
	{"an unlock by the same node ends what it remembers at once", func(b *bench) {
		n, s := b.node(remembers), b.user()
		n.lock(s)
		n.wantLocked(s, passwords(5)...)
		n.unlock(s)
		n.begin(s, 5).passes()
	}},
	{"an unlock by another node ends what a node remembers", func(b *bench) {
		n, other, s := b.node(remembers), b.node(), b.user()
		n.lock(s)
		n.wantLocked(s, passwords(5)...)
		other.unlock(s)
		b.eventually("the message of the unlock arrives", func() bool {
			r, err := n.ReserveIn(b.context(), none, s, newID(), passwords(5))
			return err == nil && r.Held
		})
	}},
	{"what a node remembers ends by itself", func(b *bench) {
		n, s := b.node(func(o *counter.Options) { o.DenyTTL = 50 * time.Millisecond }), b.user()
		n.lock(s)
		n.wantLocked(s, passwords(5)...)
		before := n.faults.ran("reserve")
		b.eventually("the store is asked again", func() bool {
			n.wantLocked(s, passwords(5)...)
			return n.faults.ran("reserve") > before
		})
	}},
	{"a node that remembers nothing asks each time", func(b *bench) {
		n, s := b.node(), b.user()
		n.lock(s)
		before := n.faults.ran("reserve")
		for range 3 {
			n.wantLocked(s, passwords(5)...)
		}
		if asked := n.faults.ran("reserve") - before; asked != 3 {
			b.Fatalf("the store was asked %d times, want 3", asked)
		}
	}},
	{"an answer that is older than an unlock is not remembered", func(b *bench) {
		n, other, s, watched := b.node(remembers), b.node(), b.user(), b.user()
		n.listens(other)
		n.lock(watched)
		n.wantLocked(watched, passwords(5)...)
		n.lock(s)
		// The answer "locked" is on its way while both are unlocked, and the
		// node has heard of it before the answer arrives.
		n.faults.add(fault{op: "reserve", times: 1, slow: true, after: func() {
			other.unlock(s)
			other.unlock(watched)
			b.eventually("the messages arrive", func() bool {
				r, err := n.ReserveIn(b.context(), none, watched, newID(), passwords(5))
				return err == nil && r.Held
			})
		}})
		n.wantLocked(s, passwords(5)...)
		n.begin(s, 5).passes()
	}},
}

// listens waits until the node hears of unlocks: only that ends what it
// remembers of a locked user.
func (n *node) listens(other *node) {
	n.b.Helper()
	s := n.b.user()
	n.lock(s)
	n.b.eventually("the node remembers a lock", func() bool {
		n.wantLocked(s, passwords(5)...)
		before := n.faults.ran("reserve")
		n.wantLocked(s, passwords(5)...)
		return n.faults.ran("reserve") == before
	})
	other.unlock(s)
	n.b.eventually("the node hears of the unlock", func() bool {
		r, err := n.ReserveIn(n.b.context(), none, s, newID(), passwords(5))
		return err == nil && r.Held
	})
}
