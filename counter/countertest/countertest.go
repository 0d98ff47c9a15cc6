// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package countertest is the conformance suite of the counter. It proves what
// the counter promises over one store; run it over every kind of store.
//
// The name of each case is the sentence that it proves.
package countertest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
)

var seedFlag = flag.Uint64("countertest.seed", 0, "seed of the random schedules; 0 takes a new one, which is logged")

// patience is how long a case waits for what must happen.
const patience = 20 * time.Second

// Exercise runs the suite. open returns a new client of the store, closed with
// the test; all clients must reach the same data. The store may be shared with
// others: every case takes an instance of its own.
func Exercise(t *testing.T, open func(t testing.TB) redis.UniversalClient) {
	t.Helper()
	for _, chapter := range []struct {
		noun  string
		cases []example
	}{
		{"limits", limits}, {"forgiving", forgiving}, {"guesses", guesses}, {"sequences", sequences},
		{"factors", factors}, {"waiting", waiting}, {"ids", ids}, {"expiry", expiry}, {"keys", keys},
		{"admin", admin}, {"listing", listing}, {"faults", faults}, {"denying", denying}, {"floor", floor}, {"returning", returning}, {"closing", closing}, {"aliasing", aliasing}, {"aliasing by rules", aliasingByRules},
	} {
		t.Run(chapter.noun, func(t *testing.T) {
			t.Parallel()
			for _, c := range chapter.cases {
				t.Run(c.sentence, func(t *testing.T) {
					t.Parallel()
					c.prove(newBench(t, open))
				})
			}
		})
	}
}

// example is one case.
type example struct {
	sentence string
	prove    func(*bench)
}

// bench is where a case works: an instance of its own on the store.
type bench struct {
	*testing.T
	open   func(t testing.TB) redis.UniversalClient
	keys   *keyspace.Keyspace
	client redis.UniversalClient // to look into the store
	nodes  []*node
	users  int
	ctx    context.Context // of the whole case
}

var (
	cases atomic.Int64
	runs  = time.Now().UnixNano() // the store may remember an earlier run
	tries atomic.Int64
)

func newBench(t *testing.T, open func(t testing.TB) redis.UniversalClient) *bench {
	k, err := keyspace.New("", fmt.Sprintf("case%d-%x", cases.Add(1), runs))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*patience)
	t.Cleanup(cancel)
	return &bench{T: t, open: open, keys: k, client: open(t), ctx: ctx}
}

// user returns somebody who has never been seen.
func (b *bench) user() counter.Subject {
	b.users++
	return counter.Subject{Organization: "acme", User: fmt.Sprintf("user%d", b.users)}
}

// newID returns an id that was never used.
func newID() string { return fmt.Sprintf("a%d", tries.Add(1)) }

// random returns a source whose seed is in the log.
func (b *bench) random() *rand.Rand {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	b.Logf("repeat with -countertest.seed=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// context returns one that ends before a hanging case would end the run.
func (b *bench) context() context.Context { return b.ctx }

// eventually waits until the condition holds. It is for what only time brings.
func (b *bench) eventually(what string, holds func() bool) {
	b.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("waited %s in vain: %s", patience, what)
		}
	}
}

// hash returns what the store holds of a user.
func (b *bench) hash(s counter.Subject) map[string]string {
	b.Helper()
	h, err := b.client.HGetAll(b.context(), b.keys.User(s).User).Result()
	if err != nil {
		b.Fatal(err)
	}
	return h
}

func (b *bench) wantSameHash(s counter.Subject, before map[string]string) {
	b.Helper()
	if after := b.hash(s); !maps.Equal(before, after) {
		b.Fatalf("the store was written: %v became %v", before, after)
	}
}

// wantEvents compares the number of events about a user.
func (b *bench) wantEvents(s counter.Subject, locked, unlocked int) {
	b.Helper()
	events, err := b.client.XRange(b.context(), b.keys.User(s).Events, "-", "+").Result()
	if err != nil {
		b.Fatal(err)
	}
	got := map[any]int{}
	for _, e := range events {
		if e.Values["subject"] == s.Member() {
			got[e.Values["type"]]++
		}
	}
	if got["user_locked"] != locked || got["user_unlocked"] != unlocked {
		b.Fatalf("events %v, want user_locked %d, user_unlocked %d", got, locked, unlocked)
	}
}

// wantReports compares how often the nodes reported locks and unlocks.
func (b *bench) wantReports(s counter.Subject, locked, unlocked int) {
	b.Helper()
	var l, u int
	for _, n := range b.nodes {
		n.mu.Lock()
		l, u = l+len(n.locks[s]), u+n.unlocks[s]
		n.mu.Unlock()
	}
	if l != locked || u != unlocked {
		b.Fatalf("hooks: locked %d, unlocked %d times; want %d, %d", l, u, locked, unlocked)
	}
}

// node is a counter as one Caddy has it.
type node struct {
	*counter.Counter
	b      *bench
	faults *faultHook
	waited atomic.Int64
	lost   atomic.Int64

	mu      sync.Mutex
	locks   map[counter.Subject][]counter.Lock
	unlocks map[counter.Subject]int
}

// node starts a counter with a client of its own. What the case does not set is
// patient, for slow machines, and asks the store whether a user is locked.
func (b *bench) node(set ...func(*counter.Options)) *node {
	b.Helper()
	n := &node{b: b, faults: &faultHook{}, locks: map[counter.Subject][]counter.Lock{}, unlocks: map[counter.Subject]int{}}
	o := counter.Options{CallTimeout: patience, DenyTTL: -1, Hooks: counter.Hooks{
		Locked: func(s counter.Subject, l counter.Lock) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.locks[s] = append(n.locks[s], l)
		},
		Unlocked: func(s counter.Subject, _ counter.Actor) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.unlocks[s]++
		},
		Waited: func(time.Duration) { n.waited.Add(1) },
		Lost:   func(counter.Subject, error) { n.lost.Add(1) },
	}}
	for _, f := range set {
		f(&o)
	}
	client := b.open(b)
	client.AddHook(n.faults)
	c, err := counter.New(client, b.keys, o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			b.Errorf("closing: %v", err)
		}
	})
	n.Counter = c
	b.nodes = append(b.nodes, n)
	return n
}

// silent keeps failures back until another call takes them along.
func silent(o *counter.Options) { o.FlushDelay = time.Hour }

// shortLived is a reservation that a case can outlive.
func shortLived(o *counter.Options) { o.ReservationTTL = 300 * time.Millisecond }

// lockOf returns the lock that the error tells.
func lockOf(err error) (counter.Lock, bool) {
	var locked *counter.LockedError
	if !errors.As(err, &locked) || !errors.Is(err, counter.ErrLocked) {
		return counter.Lock{}, false
	}
	return locked.Lock, true
}
