// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

var seed = flag.Uint64("lockout.seed", 1, "seed of the random schedules")

// setup is a kind of store and the nodes that share it.
type setup struct {
	name  string
	redis bool
	nodes int
}

var setups = []setup{
	{"embedded store, one node", false, 1},
	{"redis, one node", true, 1},
	{"redis, two nodes", true, 2},
}

func (s setup) start(t *testing.T, upstream string, limit int) []*node {
	t.Helper()
	redis := ""
	if s.redis {
		redis = redistest.Start(t).Addr
	}
	nodes := make([]*node, s.nodes)
	for i := range nodes {
		nodes[i] = startNode(t, siteConfig(upstream, redis, limit))
	}
	return nodes
}

// Exact: however many guesses arrive in parallel, no more than the limit reach
// the login service.
func TestParallelWrongGuesses(t *testing.T) {
	t.Parallel()
	const guesses, limit, rounds = 64, 5, 20
	for _, s := range setups {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			service := startLoginService(t, func() time.Duration { return 50 * time.Millisecond })
			nodes := s.start(t, service.URL, limit)
			c := client(t)
			for round := range rounds {
				user := fmt.Sprintf("victim%d", round)
				var wrong, locked atomic.Int32
				var wg sync.WaitGroup
				for i := range guesses {
					wg.Go(func() {
						status, err := login(c, nodes[i%len(nodes)].URL, user, fmt.Sprint("guess", i))
						switch {
						case err != nil:
							t.Errorf("guess %d: %v", i, err)
						case status == http.StatusUnauthorized:
							wrong.Add(1)
						case status == http.StatusForbidden:
							locked.Add(1)
						default:
							t.Errorf("guess %d: status %d", i, status)
						}
					})
				}
				wg.Wait()
				if n := len(service.seen(user)); n != limit || wrong.Load() != limit || locked.Load() != guesses-limit {
					t.Fatalf("round %d: %d checks reached the login service (%d answered wrong, %d locked), want %d",
						round, n, wrong.Load(), locked.Load(), limit)
				}
				if !nodes[0].user(t, user).Locked {
					t.Fatalf("round %d: %s is not locked", round, user)
				}
			}
		})
	}
}

// Fair: parallel logins with the right password all succeed.
func TestParallelRightLogins(t *testing.T) {
	t.Parallel()
	const logins, limit = 100, 5
	for _, s := range setups {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			service := startLoginService(t, func() time.Duration { return 50 * time.Millisecond })
			nodes := s.start(t, service.URL, limit)
			c := client(t)
			var wg sync.WaitGroup
			for i := range logins {
				wg.Go(func() {
					status, err := login(c, nodes[i%len(nodes)].URL, "owner", "right")
					if err != nil || status != http.StatusOK {
						t.Errorf("login %d: status %d, %v", i, status, err)
					}
				})
			}
			wg.Wait()
			if r := nodes[0].settled(t, "owner"); r.Locked || r.Failures != 0 {
				t.Fatalf("after %d right logins: %+v", logins, r)
			}
		})
	}
}

// 99 wrong and one right at a random place, with answers that are delayed at
// random: a lock is never lost and never more than the limit get through.
func TestWrongGuessesAroundARightLogin(t *testing.T) {
	t.Parallel()
	const attempts, limit, rounds = 100, 5, 5
	for _, s := range setups {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			service := startLoginService(t, func() time.Duration { return rand.N(40 * time.Millisecond) })
			nodes := s.start(t, service.URL, limit)
			c := client(t)
			random := rand.New(rand.NewPCG(*seed, 0))
			for round := range rounds {
				user := fmt.Sprintf("victim%d", round)
				place := random.IntN(attempts)
				var wg sync.WaitGroup
				for i := range attempts {
					wg.Go(func() {
						password := fmt.Sprint("guess", i)
						if i == place {
							password = "right"
						}
						if _, err := login(c, nodes[i%len(nodes)].URL, user, password); err != nil {
							t.Errorf("attempt %d: %v", i, err)
						}
					})
				}
				wg.Wait()
				checks := service.seen(user)
				if run := longestFailureRun(checks); run > limit {
					t.Fatalf("seed %d round %d: %d failed checks in a row reached the login service: %v", *seed, round, run, checks)
				}
				if !nodes[0].settled(t, user).Locked {
					t.Fatalf("seed %d round %d: not locked after %d attempts, checks %v", *seed, round, attempts, checks)
				}
				mustLogin(t, c, nodes[len(nodes)-1].URL, user, "right", http.StatusForbidden)
			}
		})
	}
}

// A sequence sees no lag from failures that are settled late.
func TestSequencesEqualAPlainCounter(t *testing.T) {
	t.Parallel()
	const limit = 5
	sequences := 1000
	for _, s := range setups[:2] {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			service := startLoginService(t, nil)
			site := s.start(t, service.URL, limit)[0].URL
			c := client(t)

			for _, password := range []string{"wrong", "right", "wrong", "wrong", "wrong", "wrong", "right"} {
				want := http.StatusOK
				if password == "wrong" {
					want = http.StatusUnauthorized
				}
				mustLogin(t, c, site, "alice", password, want)
			}

			random := rand.New(rand.NewPCG(*seed, 1))
			for n := range sequences {
				user := fmt.Sprintf("user%d", n)
				failures := 0
				for step := range 3 + random.IntN(10) {
					password, want := "right", http.StatusOK
					switch {
					case failures >= limit:
						want = http.StatusForbidden
						if random.IntN(2) == 0 {
							password = "wrong"
						}
					case random.IntN(10) < 7:
						password, want = "wrong", http.StatusUnauthorized
						failures++
					default:
						failures = 0
					}
					got, err := login(c, site, user, password)
					if err != nil || got != want {
						t.Fatalf("seed %d sequence %d step %d (%s): status %d, %v, want %d", *seed, n, step, password, got, err, want)
					}
				}
			}
		})
	}
}
