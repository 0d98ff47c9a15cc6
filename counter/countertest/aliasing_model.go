// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

var aliasingByRules = []example{
	{"random schedules of names and accounts end as the rules say", func(b *bench) {
		r, nodes := b.random(), []*node{b.node(), b.node()}
		for range 12 {
			b.schedule(r, nodes)
		}
	}},
}

// flight is an attempt on its way, with what the model says of it.
type flight struct {
	claims
	model []modelClaim
}

// schedule makes random calls about five users, one after the other, and compares
// each answer and each state with the model.
func (b *bench) schedule(r *rand.Rand, nodes []*node) {
	b.Helper()
	var users []counter.Subject
	for range 5 {
		users = append(users, b.user())
	}
	m := aliasModel{highest: 1 + r.Uint32N(8), users: map[counter.Subject]*modelUser{}}
	// Most happens to an account and its two names.
	for _, s := range users[1:3] {
		nodes[0].link(s, users[0])
		m.link(s, users[0])
	}
	var flights []flight
	var history []string
	for range 60 {
		n, s := nodes[r.IntN(len(nodes))], users[[]int{0, 0, 1, 1, 1, 2, 2, 3, 4}[r.IntN(9)]]
		var step string
		switch k := r.IntN(20); {
		case k < 9 || len(flights) == 0 && k < 16:
			f, got := b.depart(n, s, m.highest)
			want, reply := m.reserve(s)
			step = fmt.Sprint("reserve ", s.User, ": ", got)
			if got != reply || len(f.list) != len(want) {
				b.Fatalf("%s, want %s; before: %q", step, reply, history)
			}
			if got == Granted {
				f.model = want
				flights = append(flights, f)
			}
		case k < 16:
			i := r.IntN(len(flights))
			f := flights[i]
			flights = append(flights[:i], flights[i+1:]...)
			step = b.arrive(&m, f, r)
		case k < 17:
			to := users[r.IntN(len(users))]
			err := n.Link(b.context(), s, to, newID())
			locked := m.of(to).locked && s != to
			step = fmt.Sprint("link ", s.User, " to ", to.User, ": ", err)
			if noted := m.link(s, to); errors.Is(err, counter.ErrLocked) != locked || !locked && (err == nil) != noted {
				b.Fatalf("%s, want noted %t, locked %t; before: %q", step, noted, locked, history)
			}
		case k < 19:
			_ = n.Unlock(b.context(), s, newID())
			m.unlock(s)
			step = "unlock " + s.User
		default:
			n.reset(s, counter.Password)
			m.reset(s)
			step = "reset " + s.User
		}
		history = append(history, step)
		for _, n := range nodes {
			n.flush()
		}
		b.wantModel(nodes[0], users, &m, history)
	}
}

// depart reserves under a name.
func (b *bench) depart(n *node, s counter.Subject, highest uint32) (f flight, reply ModelReply) {
	b.Helper()
	c, err := n.tryAttempt(s, highest)
	f.claims = c
	switch {
	case err == nil:
		return f, Granted
	case errors.Is(err, counter.ErrLocked):
		return f, Locked
	case errors.Is(err, counter.ErrBusy):
		return f, Full
	}
	b.Fatalf("reserving for %v: %v", s, err)
	return f, ""
}

// arrive settles an attempt: what is right for a name may say nothing of the
// account.
func (b *bench) arrive(m *aliasModel, f flight, r *rand.Rand) string {
	b.Helper()
	all := []counter.Outcome{counter.Failure, counter.Failure, counter.Void, counter.Success, counter.SuccessByName}[r.IntN(5)]
	for i, c := range f.list {
		o := all
		if o == counter.SuccessByName && c.Named() {
			o = counter.Success
		}
		// The model has the accounts in the order of the counter's claims.
		err := attempt{f.n, c.Subject, c.ID}.end(o)
		f.n.flush()
		if pass := m.settle(f.model[i], o); pass != (err == nil) || err != nil && !errors.Is(err, counter.ErrLocked) {
			b.Fatalf("settling %v with %d: %v, want passed %t", c.Subject, o, err, pass)
		}
	}
	return fmt.Sprint("settle ", f.list[len(f.list)-1].Subject.User, " with ", all)
}

func (b *bench) wantModel(n *node, users []counter.Subject, m *aliasModel, history []string) {
	b.Helper()
	for _, s := range users {
		got, want := n.state(s), m.of(s)
		f := got.Factors[counter.Password]
		if f.Failures != want.failures() || f.Reservations != want.held || (got.Lock != nil) != want.locked ||
			len(got.Accounts) != len(want.accounts) || len(got.Names) != len(want.names) {
			b.Fatalf("%s is %+v, want %+v; after %q", s.User, got, *want, history)
		}
	}
}
