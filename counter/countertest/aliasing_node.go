// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// claims are what an attempt under a name holds.
type claims struct {
	n    *node
	list []counter.Claim
}

// attempt reserves a password slot under a name, and of whomever it leads to.
func (n *node) attempt(name counter.Subject, highest uint32) claims {
	n.b.Helper()
	c, err := n.tryAttempt(name, highest)
	if err != nil {
		n.b.Fatalf("reserving for %v: %v", name, err)
	}
	return c
}

func (n *node) tryAttempt(name counter.Subject, highest uint32) (claims, error) {
	list, err := n.ReserveAll(n.b.context(), none, newID(), counter.Want{Subject: name, Limits: passwords(highest)})
	return claims{n, list}, err
}

// settle ends all claims. SuccessByName is a Success of the name.
func (c claims) settle(o counter.Outcome) {
	c.n.b.Helper()
	for i := range c.list {
		claim := &c.list[i]
		if !claim.Held {
			c.n.b.Fatalf("no slot of %v", claim.Subject)
		}
		o := o
		if o == counter.SuccessByName && claim.Named() {
			o = counter.Success
		}
		attempt{c.n, claim.Subject, claim.ID}.must(attempt{c.n, claim.Subject, claim.ID}.end(o))
	}
}

func (n *node) link(name, account counter.Subject) {
	n.b.Helper()
	if err := n.Link(n.b.context(), name, account, newID()); err != nil {
		n.b.Fatalf("linking %v to %v: %v", name, account, err)
	}
}

// alias returns a name and the account that it leads to.
func (b *bench) alias(n *node) (name, account counter.Subject) {
	b.Helper()
	name, account = b.user(), b.user()
	n.link(name, account)
	return name, account
}

func (n *node) wantRefused(s counter.Subject) {
	n.b.Helper()
	if _, err := n.tryAttempt(s, 5); !errors.Is(err, counter.ErrLocked) {
		n.b.Fatalf("reserving for %v: %v, want ErrLocked", s, err)
	}
}

// guessBoth storms an account with 40 wrong passwords, under its own name and
// under another.
func (b *bench) guessBoth(n, m *node, name, account counter.Subject) {
	b.Helper()
	var wg sync.WaitGroup
	var granted atomic.Int64
	start := make(chan struct{})
	for i := range 40 {
		n, s := []*node{n, m}[i%2], []counter.Subject{name, account}[i/2%2]
		wg.Go(func() {
			<-start
			c, err := n.ReserveAll(b.context(), counter.DefaultQueue, newID(), counter.Want{Subject: s, Limits: passwords(5)})
			if err == nil {
				granted.Add(1)
				claims{n, c}.settle(counter.Failure)
			} else if !errors.Is(err, counter.ErrLocked) {
				b.Errorf("reserving %v: %v, want ErrLocked", s, err)
			}
		})
	}
	close(start)
	wg.Wait()
	n.flush()
	m.flush()
	if got := granted.Load(); got != 5 {
		b.Fatalf("%d guesses were granted, want 5", got)
	}
	if st := n.state(account); st.Lock == nil || st.Factors[counter.Password] != (counter.FactorState{Failures: 5}) {
		b.Fatalf("account %+v, want a lock and 5 failures", st)
	}
	b.wantEvents(account, 1, 0)
}
