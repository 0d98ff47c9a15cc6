// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

var sequences = []example{
	{"wrong, right, 4 wrong, right is never locked under 5", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 1)
		n.begin(s, 5).passes()
		n.fail(s, 5, 4)
		n.begin(s, 5).passes()
		n.wantState(s, 0, 0)
		b.wantEvents(s, 0, 0)
	}},
	{"a failure is seen by the next attempt although it was not sent yet", func(b *bench) {
		n, s := b.node(silent), b.user()
		n.fail(s, 3, 3)
		n.wantLocked(s, passwords(3)...)
		b.wantReports(s, 1, 0)
	}},
	{"1,000 random sequences equal a plain counter", func(b *bench) {
		n, r := b.node(silent), b.random()
		for range 1000 {
			b.compare(n, r)
		}
	}},
}

// plain is the counter as one would write it without parallel attempts.
type plain struct {
	failures uint32
	locked   bool
}

// reserve returns whether the attempt may go to the service.
func (p *plain) reserve(highest uint32) bool {
	if highest > 0 && p.failures >= highest {
		p.locked = true
	}
	return !p.locked
}

func (p *plain) fail(highest uint32) {
	if highest == 0 {
		return
	}
	p.failures++
	p.locked = p.locked || p.failures >= highest
}

// compare runs one random sequence against the counter and the plain one.
func (b *bench) compare(n *node, r *rand.Rand) {
	b.Helper()
	var (
		s       = b.user()
		want    plain
		story   []string
		highest = r.Uint32N(6)
	)
	check := func(what string, ok bool) {
		b.Helper()
		if !ok {
			b.Fatalf("%s: the counter answers %s, the plain one is %+v", strings.Join(story, " "), what, want)
		}
	}
	for range 4 + r.IntN(5) {
		if r.IntN(8) == 0 {
			highest = r.Uint32N(6)
		}
		action := []string{"wrong", "wrong", "wrong", "wrong", "right", "right", "void", "reset", "unlock"}[r.IntN(9)]
		story = append(story, fmt.Sprintf("%s/%d", action, highest))
		switch action {
		case "reset":
			want.failures = 0
			n.reset(s, counter.Password)
		case "unlock":
			err := n.Unlock(b.context(), s, newID())
			check(fmt.Sprint(err), errors.Is(err, counter.ErrNotLocked) != want.locked && (err == nil) == want.locked)
			if want.locked {
				want = plain{}
			}
		default:
			id := newID()
			reservation, err := n.ReserveIn(b.context(), none, s, id, passwords(highest))
			granted := want.reserve(highest)
			check(fmt.Sprint(err), (err == nil) == granted && errors.Is(err, counter.ErrLocked) != granted)
			if !granted {
				continue
			}
			check(fmt.Sprintf("%+v", reservation), reservation.Held == (highest > 0))
			a := attempt{n, s, id}
			switch action {
			case "wrong":
				want.fail(highest)
				a.fails()
			case "void":
				a.voids()
			case "right":
				if !reservation.Held {
					a.must(n.Check(b.context(), s, id))
					break
				}
				want.failures = 0
				a.passes()
			}
		}
	}
	st := n.state(s)
	check(fmt.Sprintf("%+v", st), st.Factors[counter.Password] == counter.FactorState{Failures: want.failures} && (st.Lock != nil) == want.locked)
}
