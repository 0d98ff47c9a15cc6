// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/counter/countertest"
	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
)

// Lives in the schedules. Only a clock that the test moves outlives them.
const (
	slotLife    = 40 * time.Second
	counterLife = 30 * 24 * time.Hour
)

// lab is a store with nodes on which schedules run, one after the other.
type lab struct {
	nodes    []*labNode
	observer *counter.Counter // has nothing pending, so its look changes nothing
	now      func() time.Time
	advance  func(time.Duration) // nil where the clock is real
	begin    func()              // resets such a clock
}

// labNode is a counter that keeps failures back until another call takes them
// along, so that the schedule knows what has arrived.
type labNode struct {
	*counter.Counter
	name string
	wire *wire
}

func newLab(t *testing.T, open func(testing.TB) redis.UniversalClient) *lab {
	t.Helper()
	l := &lab{now: time.Now}
	for i := range 3 {
		n := &labNode{name: fmt.Sprint("node ", i), wire: &wire{}}
		client := open(t)
		client.AddHook(n.wire)
		n.Counter = newCounter(t, client, counter.Options{
			ReservationTTL: slotLife, CounterTTL: counterLife, CallTimeout: patience, FlushDelay: time.Hour,
			DenyTTL: -1, // the clock of the schedules is not that of this cache
		})
		if i == 2 {
			l.observer = n.Counter
			break
		}
		l.nodes = append(l.nodes, n)
	}
	return l
}

// newCounter returns a counter that ends with the test.
func newCounter(t testing.TB, client redis.UniversalClient, o counter.Options) *counter.Counter {
	t.Helper()
	keys, err := keyspace.New("", "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := counter.New(client, keys, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			t.Errorf("closing a counter: %v", err)
		}
	})
	return c
}

var schedules atomic.Int64

// schedule is one run: users, what the model says of them, and calls that may be
// repeated.
type schedule struct {
	*lab
	users []*subject
	run   int64
	ids   int
	last  *subject // of the last step
}

// subject is a user in a schedule.
type subject struct {
	counter.Subject
	model    countertest.Model
	attempts []attempt
	locks    []string // operation ids
	unlocks  []string // the same, of late: the counter forgets them
	pending  map[*labNode][]pendingSettle
	broken   map[*labNode]bool // the last call
}

type attempt struct {
	id     string
	limits []counter.FactorLimit
}

// pendingSettle is what a node owes the store.
type pendingSettle struct {
	id       string
	outcomes []counter.FactorOutcome
	giveUp   bool
}

// run plays one random schedule.
func (l *lab) play(t *rapid.T) {
	s := &schedule{lab: l}
	if l.begin != nil {
		l.begin()
	}
	s.run = schedules.Add(1)
	for i := range 2 {
		s.users = append(s.users, &subject{
			Subject: counter.Subject{Organization: fmt.Sprint(i), User: fmt.Sprint("user", s.run)},
			model:   countertest.Model{Life: slotLife},
			pending: map[*labNode][]pendingSettle{}, broken: map[*labNode]bool{},
		})
	}
	actions := map[string]func(*rapid.T){
		"reserve": s.reserve, "again": s.again, "settle": s.settle, "reset": s.reset,
		"lock": s.lock, "unlock": s.unlock, "look": s.look, "flush": s.flush, "check": s.check,
		"": s.compare,
	}
	if l.advance != nil {
		actions["wait"], actions["silence"] = s.wait, s.silence
	}
	defer func() {
		for _, n := range l.nodes { // nothing is left for the next schedule
			n.wire.next(whole, 0)
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			if err := n.Flush(ctx); err != nil {
				t.Errorf("flushing after the schedule: %v", err)
			}
			for _, u := range s.users {
				// An answer, so that the breaker forgets the calls that were broken.
				if err := n.Check(ctx, u.Subject, s.id()); err != nil && !errors.Is(err, counter.ErrLocked) {
					t.Errorf("asking for a user after the schedule: %v", err)
				}
			}
			cancel()
		}
	}()
	t.Repeat(actions)
}

func (s *schedule) id() string {
	s.ids++
	return fmt.Sprintf("a%d-%d", s.run, s.ids)
}

// on draws where the next step happens.
func (s *schedule) on(t *rapid.T) (*labNode, *subject) {
	n, u := s.nodes[rapid.IntRange(0, 1).Draw(t, "node")], s.users[rapid.IntRange(0, 1).Draw(t, "user")]
	s.last = u
	return n, u
}

// breaks draws what happens to the next call of the node. It is mostly nothing,
// and never twice in a row for a user: the third would open the breaker, which
// closes when a clock says so. Calls of administrators do not count.
func breaks(t *rapid.T, n *labNode, u *subject, admin bool) breakage {
	b := rapid.SampledFrom([]breakage{whole, whole, whole, lost, mute}).Draw(t, "breakage")
	if !admin {
		if u.broken[n] {
			b = whole
		}
		u.broken[n] = b != whole
	}
	if b != whole {
		n.wire.next(b, 1)
	}
	return b
}

// deliver does in the model what a node has pending.
func (u *subject) deliver(now time.Time, n *labNode) {
	for _, p := range u.pending[n] {
		if p.giveUp {
			u.model.GiveUp(now, p.id)
		} else {
			u.model.Settle(now, p.id, p.outcomes)
		}
	}
}

// deliverFirst does the same when it is a call of its own, whose first id then
// names a lock by attempts that have expired.
func (u *subject) deliverFirst(now time.Time, n *labNode) {
	if owed := u.pending[n]; len(owed) > 0 {
		u.model.Touch(now, owed[0].id)
		u.deliver(now, n)
	}
}

// wantCut wants the error of a broken call.
func wantCut(t *rapid.T, what string, err error) {
	if !errors.Is(err, errCut) {
		t.Fatalf("%s over a broken wire: %v", what, err)
	}
}

// compare is what holds after every step.
func (s *schedule) compare(t *rapid.T) {
	for _, u := range s.users {
		if s.last != nil && u != s.last {
			continue
		}
		got, err := s.observer.State(context.Background(), u.Subject)
		if err != nil {
			t.Fatal(err)
		}
		if err := u.model.Matches(s.now(), got); err != nil {
			t.Fatalf("%s: %v\nthe model: %v", u.User, err, &u.model)
		}
	}
}

// limits draws what the policy of the moment says of one factor or two.
func limits(t *rapid.T) []counter.FactorLimit {
	factors := rapid.SampledFrom([][]counter.Factor{
		{counter.Password}, {counter.Password}, {counter.TOTP}, {counter.Password, counter.TOTP},
	}).Draw(t, "factors")
	var all []counter.FactorLimit
	for _, f := range factors {
		all = append(all, counter.FactorLimit{Factor: f, Max: uint32(rapid.IntRange(0, 4).Draw(t, "max"))})
	}
	return all
}

// outcomes draws one for some of the factors of an attempt.
func outcomes(t *rapid.T, a attempt) (all []counter.FactorOutcome, success bool) {
	for _, l := range a.limits {
		o := rapid.SampledFrom([]counter.Outcome{0, counter.Success, counter.Failure, counter.Failure, counter.Void}).Draw(t, "outcome")
		if o != 0 {
			all = append(all, counter.FactorOutcome{Factor: l.Factor, Outcome: o})
		}
	}
	return all, slices.ContainsFunc(all, func(o counter.FactorOutcome) bool { return o.Outcome == counter.Success })
}
