// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// lease is how long a node that died keeps its slots in these tests.
const lease = 4 * time.Second

// kill -9 of a node with attempts in flight: they are failures once their lease
// is over, whichever node looks then, and no slot stays behind.
func TestNodeKilledWithAttemptsInFlight(t *testing.T) {
	t.Parallel()
	for _, kind := range redisKinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			const inFlight = 3
			s, service := kind.start(t), startLoginService(t, 0)
			nodes := startNodes(t, 2, s, site{upstream: service.URL, options: []string{
				"attempt_timeout 2s", "reservation_ttl " + lease.String(),
			}})
			c := newClient(t)
			g := service.hold(t, "alice")
			var wg sync.WaitGroup
			for range inFlight {
				wg.Go(func() {
					for login(c, nodes[0], "alice", "wrong") == http.StatusServiceUnavailable {
					}
				})
			}
			g.await(t, inFlight)
			nodes[0].kill(t)
			g.release()
			wg.Wait()
			state := nodes[1].settled(t, "alice")
			if state.Failures != inFlight || state.Locked {
				t.Errorf("after the lease: %+v, want %d failures", state, inFlight)
			}
			// What is left of the limit, and not one more.
			got := attack(c, nodes[1:], "alice", 50)
			state = nodes[1].settled(t, "alice")
			reached := len(service.seen("alice"))
			if reached != limit || !state.Locked || got.of(http.StatusUnauthorized) != limit-inFlight {
				t.Errorf("%d checks, state %+v, answers %v", reached, state, got.byStatus)
			}
			report(t, row{
				fault: "kill -9 of a node, 3 attempts in flight", store: s.name, sent: inFlight + 50, reached: reached,
				counted: state.Failures, locks: 1, invariant: "in flight = failed after the lease; exactly 5",
			})
		})
	}
}

// caddy reload under load, again and again: no guess is too many, each counts
// once.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	for _, kind := range storeKinds() {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			const reloads = 10
			s, service := kind.start(t), startLoginService(t, 5*time.Millisecond)
			at := site{upstream: service.URL}
			nodes := startNodes(t, min(kind.nodes, 2), s, at)
			if s.block != "" {
				at.redis = s.block + timeout
			}
			c := newClient(t)
			user := func(k int64) string { return fmt.Sprint("user", k/20) }
			l := keepGuessing(c, nodes, 16, user)
			for i := range reloads {
				before := l.sent.Load()
				eventually(t, "attempts are in flight", func() bool { return l.sent.Load() > before+20 })
				at.queue = fmt.Sprintf("%d 60s", 600+i) // so that something changes
				for _, n := range nodes {
					n.load(t, at)
				}
			}
			l.end()
			r := row{fault: fmt.Sprintf("caddy reload under load, %d times", reloads), store: kind.name, sent: int(l.sent.Load())}
			for k := int64(0); k <= l.sent.Load(); k += 20 {
				state := nodes[0].settled(t, user(k))
				reached := len(service.seen(user(k)))
				if reached > limit || state.Failures != reached || state.Locked != (reached == limit) {
					t.Errorf("%s: %d checks, state %+v", user(k), reached, state)
				}
				r.reached += reached
				r.counted += state.Failures
				if state.Locked {
					r.locks++
				}
			}
			// 0: the reload closed an idle connection while it was used again.
			if bad := l.answers.others(0, http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable); bad > 0 {
				t.Errorf("%d strange answers: %v", bad, l.answers.byStatus)
			}
			r.invariant = fmt.Sprintf("counted = reached <= 5 each; %d connections closed, %d answers 503",
				l.answers.of(0), l.answers.of(http.StatusServiceUnavailable))
			report(t, r)
		})
	}
}

// A lock that somebody was told of is there after kill -9 of the store: of the
// node that embeds it, or of a Redis with an append-only file.
func TestLockSurvivesKill(t *testing.T) {
	t.Parallel()
	const users = 10
	user := func(i int) string { return fmt.Sprint("alice", i) }
	prove := func(t *testing.T, store, fault string, service *loginService, n *node, kill func() *node) {
		c := newClient(t)
		for i := range users {
			for range limit {
				mustLogin(t, c, n, user(i), "wrong", http.StatusUnauthorized)
			}
			mustLogin(t, c, n, user(i), "right", http.StatusForbidden) // so it is told
			n.order(t, order{Do: "lock", User: "admin" + user(i)})
		}
		n = kill()
		r := row{fault: fault, store: store, sent: users * (limit + 2), invariant: "every lock that was told is there"}
		for i := range users {
			for _, name := range []string{user(i), "admin" + user(i)} {
				eventually(t, "the store answers again", func() bool { return login(c, n, name, "right") != http.StatusServiceUnavailable })
				mustLogin(t, c, n, name, "right", http.StatusForbidden)
				state := n.settled(t, name)
				if !state.Locked {
					t.Errorf("%s is not locked any more: %+v", name, state)
				}
				r.locks++
				r.counted += state.Failures
				r.reached += len(service.seen(name))
			}
		}
		if r.reached != users*limit {
			t.Errorf("%d checks, want %d", r.reached, users*limit)
		}
		report(t, r)
	}
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		service, data := startLoginService(t, 0), t.TempDir()
		at := site{upstream: service.URL}
		n := startNode(t, data, at)
		prove(t, "embedded", "kill -9 of the node after locks, restart", service, n, func() *node {
			n.kill(t)
			return startNode(t, data, at)
		})
	})
	t.Run("redis with AOF", func(t *testing.T) {
		t.Parallel()
		service := startLoginService(t, 0)
		s := startStandalone(t, "--appendonly", "yes", "--appendfsync", "always")
		n := startNode(t, t.TempDir(), site{upstream: service.URL, redis: s.block})
		prove(t, s.name+", AOF", "kill -9 of Redis after locks, restart", service, n, func() *node {
			s.masters[0].Kill()
			s.masters[0].Restart(t)
			return n
		})
	})
}

// SCRIPT FLUSH between the reserve and the batch that settles: nothing is lost.
func TestScriptFlushBeforeBatch(t *testing.T) {
	t.Parallel()
	const users = 40
	for _, kind := range redisKinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			s, service := kind.start(t), startLoginService(t, 0)
			n := startNodes(t, 1, s, site{upstream: service.URL})[0]
			c := newClient(t)
			gates := make([]*gate, users)
			var wg sync.WaitGroup
			for i := range users {
				name := fmt.Sprint("user", i)
				gates[i] = service.hold(t, name)
				wg.Go(func() { mustLogin(t, c, n, name, "wrong", http.StatusUnauthorized) })
			}
			for _, g := range gates {
				g.await(t, 1)
			}
			for _, m := range s.masterClients(t) {
				if err := m.ScriptFlush(context.Background()).Err(); err != nil {
					t.Fatal(err)
				}
			}
			for _, g := range gates {
				g.release()
			}
			wg.Wait()
			r := row{fault: "SCRIPT FLUSH between reserve and batch", store: kind.name, sent: users, invariant: "each +1"}
			for i := range users {
				name := fmt.Sprint("user", i)
				state := n.settled(t, name)
				if state.Failures != 1 {
					t.Errorf("%s: %+v", name, state)
				}
				r.reached += len(service.seen(name))
				r.counted += state.Failures
			}
			report(t, r)
		})
	}
}

// Guesses of three nodes while Redis fails over: there may be 503 meanwhile, and
// never more checks than the limit and the writes that the replica lacked.
func TestNodesOverFailover(t *testing.T) {
	t.Parallel()
	for _, kind := range redisKinds[1:] {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			s, service := kind.start(t), startLoginService(t, 2*time.Millisecond)
			nodes := startNodes(t, 3, &redisStore{name: s.name}, site{upstream: service.URL, redis: s.block})
			c := newClient(t)
			user := func(k int64) string { return fmt.Sprint("user", k%200) }
			l := keepGuessing(c, nodes, 12, user)
			eventually(t, "many have guessed", func() bool { return l.sent.Load() > 300 })
			s.masters[0].Kill()
			s.awaitPromotion(t, 1)
			eventually(t, "every node reaches the new master", func() bool {
				ok := true
				for i := range 20 {
					for _, n := range nodes {
						ok = ok && login(c, n, fmt.Sprint("probe", i), "right") == http.StatusOK
					}
				}
				return ok
			})
			l.end()
			r := row{fault: "kill -9 of a master under three nodes", store: kind.name, sent: int(l.sent.Load())}
			excess, forgotten := 0, 0
			for k := range int64(200) {
				state, checks := nodes[0].settled(t, user(k)), service.seen(user(k))
				r.reached += len(checks)
				r.counted += state.Failures
				if state.Locked {
					r.locks++
				}
				excess += max(0, longestRun(checks)-limit)
				forgotten += max(0, len(checks)-state.Failures)
			}
			if excess > forgotten {
				t.Errorf("%d guesses were too many, and only %d writes were lost", excess, forgotten)
			}
			r.invariant = fmt.Sprintf("async replica lost %d writes, %d guesses over the limit; %d answers 503, %d other",
				forgotten, excess, l.answers.of(http.StatusServiceUnavailable),
				l.answers.others(http.StatusServiceUnavailable, http.StatusUnauthorized, http.StatusForbidden))
			report(t, r)
		})
	}
}
