// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

var aliasing = []example{
	{"of parallel guesses under both names of an account exactly the limit is granted over two nodes", func(b *bench) {
		n, m := b.node(), b.node()
		for range 10 {
			name, account := b.alias(n)
			b.guessBoth(n, m, name, account)
		}
	}},
	{"the account is locked and not the name that led to it", func(b *bench) {
		n := b.node()
		name, account := b.alias(n)
		for range 5 {
			n.attempt(name, 5).settle(counter.Failure)
		}
		n.flush()
		if n.state(account).Lock == nil || n.state(name).Lock != nil {
			b.Fatalf("account %+v, name %+v; want the account locked alone", n.state(account), n.state(name))
		}
		n.wantRefused(name)
		n.wantRefused(account)
		b.wantEvents(account, 1, 0)
		b.wantEvents(name, 0, 0)
		if err := n.Check(b.context(), name, newID()); !errors.Is(err, counter.ErrLocked) {
			b.Fatalf("checking the name: %v, want ErrLocked", err)
		}
	}},
	{"a node that has not heard of an alias counts for the account", func(b *bench) {
		n, m := b.node(), b.node()
		name, account := b.alias(n)
		m.attempt(name, 5).settle(counter.Failure)
		m.wantState(account, 1, 0)
		m.wantState(name, 1, 0)
	}},
	{"whoever has no alias needs one call of the store, an alias two at once", func(b *bench) {
		n, m := b.node(), b.node()
		name, account := b.alias(n)
		for _, c := range []struct {
			what string
			n    *node
			s    counter.Subject
			want int
		}{{"nobody's name", m, b.user(), 1}, {"account", m, account, 1}, {"new alias", m, name, 3}, {"known alias", m, name, 2}, {"alias of this node", n, name, 2}} {
			before := c.n.faults.ran("reserve")
			c.n.attempt(c.s, 5).settle(counter.Void)
			if got := c.n.faults.ran("reserve") - before; got != c.want {
				b.Errorf("%s: %d calls, want %d", c.what, got, c.want)
			}
			c.n.flush()
		}
	}},
	{"a known alias of an account that a node remembers as locked costs the store nothing", func(b *bench) {
		n := b.node(remembers)
		name, account := b.alias(n)
		n.attempt(name, 5).settle(counter.Void)
		n.lock(account)
		b.eventually("nobody asks the store", func() bool {
			before := n.faults.ran("reserve")
			for range 5 {
				n.wantRefused(name)
			}
			return n.faults.ran("reserve") == before
		})
		n.unlock(account)
		n.attempt(name, 5).settle(counter.Void)
	}},
	{"a success that names the account forgives what came by the name", func(b *bench) {
		n := b.node()
		name, account := b.alias(n)
		n.attempt(name, 5).settle(counter.Failure)
		n.fail(account, 5, 1)
		n.attempt(name, 5).settle(counter.Success)
		n.wantState(account, 0, 0)
		n.wantState(name, 0, 0)
	}},
	{"a success that names nobody forgives what came by the name and nothing else", func(b *bench) {
		n := b.node()
		name, account := b.alias(n)
		n.fail(account, 5, 1)
		n.attempt(name, 5).settle(counter.Failure)
		n.attempt(name, 5).settle(counter.Failure)
		n.wantState(account, 3, 0)
		n.attempt(name, 5).settle(counter.SuccessByName)
		n.wantState(account, 1, 0)
		n.wantState(name, 0, 0)
		n.attempt(name, 5).settle(counter.SuccessByName)
		n.wantState(account, 1, 0)
	}},
	{"what the account has forgiven is not forgiven by the name again", func(b *bench) {
		n := b.node()
		name, account := b.alias(n)
		n.attempt(name, 9).settle(counter.Failure)
		n.attempt(name, 9).settle(counter.Failure)
		n.begin(account, 9).passes()
		n.fail(account, 9, 3)
		n.attempt(name, 9).settle(counter.SuccessByName)
		n.wantState(account, 3, 0)
	}},
	{"a failure while a success by name is on its way stays", func(b *bench) {
		n := b.node()
		name, account := b.alias(n)
		n.attempt(name, 9).settle(counter.Failure)
		right := n.attempt(name, 9)
		n.attempt(name, 9).settle(counter.Failure)
		n.fail(account, 9, 1)
		right.settle(counter.SuccessByName)
		n.wantState(account, 2, 0)
	}},
	{"a success by name forgives nothing that came after what it saw was forgiven", func(b *bench) {
		n := b.node()
		name, account := b.alias(n)
		n.attempt(name, 9).settle(counter.Failure)
		n.attempt(name, 9).settle(counter.Failure)
		slow := n.attempt(name, 9)
		n.begin(account, 9).passes()
		n.attempt(name, 9).settle(counter.Failure)
		n.attempt(name, 9).settle(counter.Failure)
		slow.settle(counter.SuccessByName)
		n.wantState(account, 2, 0)
	}},
	{"a lock that a link finds due is told", func(b *bench) {
		n := b.node(shortLived, silent)
		account, name := b.user(), b.user()
		n.begin(account, 1)
		var err error
		b.eventually("the slot has expired", func() bool {
			err = n.Link(b.context(), name, account, newID())
			return err != nil
		})
		if !errors.Is(err, counter.ErrLocked) {
			b.Fatalf("linking to an account whose slot has expired: %v, want ErrLocked", err)
		}
		b.wantReports(account, 1, 0)
	}},
	{"without the store the account is locked and not the name that led to it", func(b *bench) {
		n := b.node(local)
		name, account := b.alias(n)
		n.leave()
		for range 3 {
			n.attempt(name, 3).settle(counter.Failure)
		}
		n.wantRefused(name)
		n.wantRefused(account)
		n.faults.mend()
		b.eventually("the store has heard of it", func() bool {
			return n.state(account).Lock != nil && n.state(name).Factors[counter.Password].Failures == 3
		})
		if lock := n.state(name).Lock; lock != nil {
			b.Fatalf("the name is locked: %+v", lock)
		}
		n.unlock(account)
		n.reset(name, counter.Password)
		n.attempt(name, 3).settle(counter.Success)
	}},
	{"without the store a name that has passed on gets no guess more", func(b *bench) {
		n := b.node(local)
		name, mallory := b.alias(n)
		n.leave()
		granted := 0
		for range 20 {
			a, err := n.tryAttempt(name, 5)
			if errors.Is(err, counter.ErrLocked) {
				break
			}
			a.settle(counter.Failure)
			granted++
			n.begin(mallory, 5).passes()
		}
		n.faults.mend()
		if granted != 5 {
			b.Fatalf("%d guesses were granted, want 5", granted)
		}
		b.eventually("the store has heard of it", func() bool { return n.state(name).Lock != nil && n.state(mallory).Lock == nil })
	}},
	{"a name that has passed on is locked although its account is forgiven", func(b *bench) {
		// mallory had the name, and gave it up. Now it is somebody else's.
		n := b.node()
		name, mallory := b.alias(n)
		granted := 0
		for range 20 {
			a, err := n.tryAttempt(name, 5)
			if errors.Is(err, counter.ErrLocked) {
				break
			}
			a.settle(counter.Failure)
			granted++
			n.begin(mallory, 5).passes()
		}
		if granted != 5 || n.state(name).Lock == nil || n.state(mallory).Lock != nil {
			b.Fatalf("%d guesses were granted, want 5, and a lock of the name alone", granted)
		}
		n.unlock(name)
		n.attempt(name, 5).settle(counter.Success)
	}},
	{"a success under a name forgives failures of that name and no other name", func(b *bench) {
		n := b.node()
		name, account := b.alias(n)
		other := b.user()
		n.link(other, account)
		n.attempt(name, 9).settle(counter.Failure)
		n.attempt(other, 9).settle(counter.Failure)
		n.attempt(other, 9).settle(counter.Success)
		n.wantState(account, 0, 0)
		n.wantState(other, 0, 0)
		n.wantState(name, 1, 0)
	}},
	{"a name that leads to two accounts counts for both, and a third is not noted", func(b *bench) {
		n := b.node()
		name, first := b.alias(n)
		second, third := b.user(), b.user()
		n.link(name, second)
		if err := n.Link(b.context(), name, third, newID()); !errors.Is(err, counter.ErrLinks) {
			b.Fatalf("linking a third account: %v, want ErrLinks", err)
		}
		b.node().attempt(name, 5).settle(counter.Failure)
		for _, s := range []counter.Subject{name, first, second} {
			b.nodes[1].wantState(s, 1, 0)
		}
		n.lock(second)
		n.wantRefused(name)
		n.begin(first, 5).voids()
	}},
	{"nine names are too many for an account, and those that lead to it stay", func(b *bench) {
		n, account := b.node(), b.user()
		var names []string
		for range counter.MaxNames {
			s := b.user()
			n.link(s, account)
			names = append(names, s.User)
		}
		ninth := b.user()
		if err := n.Link(b.context(), ninth, account, newID()); !errors.Is(err, counter.ErrLinks) {
			b.Fatalf("linking a ninth name: %v, want ErrLinks", err)
		}
		if got := n.state(account).Names; len(got) != len(names) {
			b.Fatalf("names %v, want %v", got, names)
		}
		n.begin(ninth, 5).fails()
		n.wantState(account, 0, 0)
		n.link(counter.Subject{Organization: account.Organization, User: names[0]}, account) // anew
	}},
	{"an account leads nowhere, and a name is no account", func(b *bench) {
		n := b.node()
		name, account := b.alias(n)
		for _, pair := range [][2]counter.Subject{{account, b.user()}, {account, name}, {b.user(), name}, {name, name}, {b.user(), {Organization: "other", User: "x"}}} {
			if err := n.Link(b.context(), pair[0], pair[1], newID()); !errors.Is(err, counter.ErrLinks) {
				b.Errorf("linking %v to %v: %v, want ErrLinks", pair[0], pair[1], err)
			}
		}
		if err := n.Link(b.context(), account, b.user(), newID()); !errors.Is(err, counter.ErrAccount) {
			b.Errorf("linking an account: %v, want ErrAccount", err)
		}
		n.begin(account, 5).fails()
		n.wantState(name, 0, 0)
	}},
	{"a new name of a locked account is told of the lock and refused from then on", func(b *bench) {
		n, name, account := b.node(), b.user(), b.user()
		n.lock(account)
		if err := n.Link(b.context(), name, account, newID()); !errors.Is(err, counter.ErrLocked) {
			b.Fatalf("linking to a locked account: %v, want ErrLocked", err)
		}
		b.node().wantRefused(name)
	}},
	{"what a name had counted before stays with the name", func(b *bench) {
		n, name, account := b.node(), b.user(), b.user()
		n.fail(name, 5, 2)
		a := n.begin(name, 5)
		n.link(name, account)
		a.fails()
		n.wantState(name, 3, 0)
		n.wantState(account, 0, 0)
	}},
	{"a call that is repeated after its name became an alias gets the same answer", func(b *bench) {
		n, name, account := b.node(), b.user(), b.user()
		a := n.begin(name, 5)
		n.link(name, account)
		if r, err := b.node().ReserveIn(b.context(), none, name, a.id, passwords(5)); err != nil || !r.Held {
			b.Fatalf("%+v, %v; want the slot", r, err)
		}
		if _, err := n.ReserveIn(b.context(), none, name, newID(), passwords(5)); !errors.Is(err, counter.ErrAliased) {
			b.Fatalf("reserving the name alone: %v, want ErrAliased", err)
		}
		a.fails()
		n.wantState(name, 1, 0)
	}},
	{"an unlock leaves the alias and the other failures alone", func(b *bench) {
		n := b.node()
		name, account := b.alias(n)
		for range 3 {
			n.attempt(name, 3).settle(counter.Failure)
		}
		n.flush()
		n.unlock(account)
		if got := n.state(name); len(got.Accounts) != 1 || got.Accounts[0] != account.User || got.Factors[counter.Password].Failures != 3 {
			b.Fatalf("name %+v, want 3 failures and the account", got)
		}
		n.reset(name, counter.Password)
		n.attempt(name, 3).settle(counter.Failure)
		n.wantState(account, 1, 0)
	}},
	{"attempts by name that nobody settles count at both and lock the account", func(b *bench) {
		n := b.node(shortLived)
		name, account := b.alias(n)
		for range 2 {
			n.attempt(name, 2)
		}
		b.eventually("the account is locked", func() bool { _, err := n.tryAttempt(name, 2); return errors.Is(err, counter.ErrLocked) })
		if n.state(account).Lock == nil || n.state(name).Lock != nil || n.state(name).Factors[counter.Password].Failures != 2 {
			b.Fatalf("account %+v, name %+v; want the account locked, and 2 failures", n.state(account), n.state(name))
		}
	}},
	{"an alias is forgotten with the life of counters, at both ends", func(b *bench) {
		n := b.node(shortLived, func(o *counter.Options) { o.CounterTTL = 2 * o.ReservationTTL })
		name, account := b.alias(n)
		b.eventually("both are forgotten", func() bool {
			return len(n.state(name).Accounts) == 0 && len(n.state(account).Names) == 0
		})
		n.attempt(name, 5).settle(counter.Failure)
		n.wantState(account, 0, 0)
	}},
	{"counters that end do not end an alias", func(b *bench) {
		n := b.node()
		name, account := b.alias(n)
		n.attempt(name, 5).settle(counter.Failure)
		n.attempt(name, 5).settle(counter.Success)
		n.lock(account)
		n.unlock(account)
		if got := n.state(name).Accounts; len(got) != 1 {
			b.Fatalf("accounts %v, want one", got)
		}
		if life := b.client.PTTL(b.context(), b.keys.User(account).User).Val(); life < 15*24*time.Hour {
			b.Fatalf("the account is forgotten in %s", life)
		}
	}},
	{"parallel right passwords under several names of one account all pass", func(b *bench) {
		n, m := b.node(), b.node()
		name, account := b.alias(n)
		other := b.user()
		n.link(other, account)
		var wg sync.WaitGroup
		var passed atomic.Int64
		for i := range 30 {
			s := []counter.Subject{name, account, other}[i%3]
			wg.Go(func() {
				c, err := []*node{n, m}[i%2].ReserveAll(b.context(), counter.DefaultQueue, newID(), counter.Want{Subject: s, Limits: passwords(2)})
				if err != nil {
					b.Errorf("reserving %v: %v", s, err)
					return
				}
				claims{[]*node{n, m}[i%2], c}.settle(counter.Success)
				passed.Add(1)
			})
		}
		wg.Wait()
		if passed.Load() != 30 {
			b.Fatalf("%d of 30 passed", passed.Load())
		}
		for _, s := range []counter.Subject{name, account, other} {
			n.wantState(s, 0, 0)
		}
	}},
	{"the key of two users holds slots of the accounts of both", func(b *bench) {
		n := b.node()
		name, account := b.alias(n)
		bob := b.user()
		c, err := b.node().ReserveAll(b.context(), none, newID(), counter.Want{Subject: name, Limits: passwords(5)}, counter.Want{Subject: bob, Limits: passwords(5)})
		if err != nil || len(c) != 3 {
			b.Fatalf("%+v, %v; want three claims", c, err)
		}
		claims{n, c}.settle(counter.Failure)
		for _, s := range []counter.Subject{name, account, bob} {
			n.wantState(s, 1, 0)
		}
	}},
	{"a link whose answer was lost is noted once and reported", func(b *bench) {
		n, name, account := b.node(), b.user(), b.user()
		n.faults.add(fault{op: "link", times: 1, lose: true})
		n.faults.add(fault{op: "link", times: 1})
		n.link(name, account)
		if st := n.state(account); len(st.Names) != 1 || n.faults.broken() != 2 {
			b.Fatalf("state %+v, want one name", st)
		}
	}},
	{"without a slot of the account the name holds none either", func(b *bench) {
		n := b.node()
		name, account := b.alias(n)
		a := n.begin(account, 1)
		if _, err := n.tryAttempt(name, 1); !errors.Is(err, counter.ErrBusy) {
			b.Fatalf("reserving: %v, want ErrBusy", err)
		}
		n.wantState(name, 0, 0)
		a.voids()
		n.attempt(name, 1).settle(counter.Void)
	}},
}
