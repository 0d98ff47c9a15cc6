// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

var guesses = []example{
	{"of 64 parallel wrong guesses exactly 5 are granted on one node", func(b *bench) {
		n := b.node()
		for range 20 {
			b.guess(n)
		}
	}},
	{"of 64 parallel wrong guesses exactly 5 are granted over two nodes", func(b *bench) {
		n, m := b.node(), b.node()
		for range 20 {
			b.guess(n, m)
		}
	}},
	{"of parallel guesses between failures exactly the rest is granted", func(b *bench) {
		n, s := b.node(), b.user()
		n.fail(s, 5, 3)
		if got := b.storm(s, 16, n); got != 2 {
			b.Fatalf("%d guesses were granted after 3 failures, want 2", got)
		}
	}},
	{"between two successes never more than max failed checks reach the service", func(b *bench) {
		n, m, r := b.node(), b.node(), b.random()
		for round := range 25 {
			b.observe(r, round, n, m)
		}
	}},
}

// guess storms a fresh user with 64 wrong passwords.
func (b *bench) guess(nodes ...*node) {
	b.Helper()
	s := b.user()
	if got := b.storm(s, 64, nodes...); got != 5 {
		b.Fatalf("%d guesses were granted, want 5", got)
	}
	st := nodes[0].state(s)
	if st.Lock == nil || st.Factors[counter.Password] != (counter.FactorState{Failures: 5}) {
		b.Fatalf("state %+v, want a lock and 5 failures", st)
	}
	b.wantReports(s, 1, 0)
	b.wantEvents(s, 1, 0)
}

// storm sends k wrong passwords at once, of which those that get no slot must
// be refused as locked, and returns how many got one.
func (b *bench) storm(s counter.Subject, k int, nodes ...*node) int {
	b.Helper()
	var wg sync.WaitGroup
	var granted atomic.Int64
	start := make(chan struct{})
	ctx := b.context()
	for i := range k {
		n := nodes[i%len(nodes)]
		wg.Go(func() {
			<-start
			id := newID()
			switch _, err := n.Reserve(ctx, s, id, passwords(5)); {
			case err == nil:
				granted.Add(1)
				if err := (attempt{n, s, id}).end(counter.Failure); err != nil {
					b.Errorf("settling: %v", err)
				}
			case !errors.Is(err, counter.ErrLocked):
				b.Errorf("reserving: %v, want ErrLocked", err)
			}
		})
	}
	close(start)
	wg.Wait()
	for _, n := range nodes {
		n.flush()
	}
	return int(granted.Load())
}

// service is what checks passwords: it sees the order of the checks.
type service struct {
	mu     sync.Mutex
	checks []bool // whether the password was right
}

func (v *service) check(right bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.checks = append(v.checks, right)
}

// observe runs a random schedule of attempts of one user, and looks at it as
// the service does.
func (b *bench) observe(r *rand.Rand, round int, nodes ...*node) {
	b.Helper()
	var (
		s       = b.user()
		highest = 1 + r.Uint32N(5)
		wrong   = 0.2 + 0.5*r.Float64()
		v       service
		wg      sync.WaitGroup
		ctx     = b.context()
	)
	for range 24 {
		n := nodes[r.IntN(len(nodes))]
		right, void := r.Float64() > wrong, r.Float64() < 0.1
		begin, there, back := pause(r), pause(r), pause(r)
		wg.Go(func() {
			time.Sleep(begin)
			a := attempt{n, s, newID()}
			if _, err := n.Reserve(ctx, s, a.id, passwords(highest)); err != nil {
				if !errors.Is(err, counter.ErrLocked) {
					b.Errorf("reserving: %v", err)
				}
				return
			}
			time.Sleep(there)
			outcome := counter.Void
			if !void {
				v.check(right)
				outcome = counter.Failure
				if right {
					outcome = counter.Success
				}
			}
			time.Sleep(back)
			if err := a.end(outcome); err != nil && !errors.Is(err, counter.ErrLocked) {
				b.Errorf("settling: %v", err)
			}
		})
	}
	wg.Wait()
	failed := uint32(0)
	for _, right := range v.checks {
		failed++
		if right {
			failed = 0
		}
		if failed > highest {
			b.Fatalf("round %d: %d failed checks between two successes under max %d: %s", round, failed, highest, fmt.Sprint(v.checks))
		}
	}
}

// pause is part of a schedule, never a way to wait for something.
func pause(r *rand.Rand) time.Duration { return time.Duration(r.Int64N(int64(3 * time.Millisecond))) }
