// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// own starts a node of its own for an attack, with what goes into the global
// block.
func (a *arena) own(t *testing.T, lines ...string) *arena {
	return &arena{startNode(t, options(lines...)+siteBlock(attackSite, proxyTo(a.service.URL))), a.service, a.otp}
}

func redisLine(s *redistest.Server, more string) string {
	return "redis {\n\t\t\taddress " + s.Addr + more + "\n\t\t}"
}

// The store: P150, P155, P156.
func storeAttacks() []attack {
	return []attack{
		{"P150", "Redis down", func(t *testing.T, a *arena, victim string) {
			redis := redistest.Start(t)
			own := a.own(t, redisLine(redis, ""), maxAttempts(attackLimit))
			if err := redis.Cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the death of redis-server", func() bool { return !listens(redis.Addr) })
			for i := range 5 {
				if got := own.send(t, shot{}.bytes(own.address(), victim, i)); got != http.StatusServiceUnavailable {
					t.Errorf("status %d", got)
				}
			}
			if got := own.send(t, shot{method: "GET", target: "/", bare: true}.bytes(own.address(), victim, 0)); got != http.StatusOK {
				t.Errorf("the rest of the site: status %d", got)
			}
			if got := a.service.count(victim); got != 0 {
				t.Errorf("%d checks", got)
			}
		}},
		{"P155", "Redis that hangs", func(t *testing.T, a *arena, victim string) {
			redis := redistest.Start(t)
			own := a.own(t, redisLine(redis, ""), maxAttempts(attackLimit))
			own.send(t, shot{}.bytes(own.address(), victim, 0))
			pause(t, redis)
			start := time.Now()
			for i := range 3 {
				if got := own.send(t, shot{}.bytes(own.address(), victim, i)); got != http.StatusServiceUnavailable {
					t.Errorf("status %d", got)
				}
			}
			if took := time.Since(start); took > nodeDeadline/2 {
				t.Errorf("three refusals took %s", took)
			}
			if got := a.service.count(victim); got != 1 {
				t.Errorf("%d checks, want 1", got)
			}
			resume(t, redis)
			eventually(t, "the recovery", func() bool { return post(client(t), own.URL+"/login", victim, "right").status == http.StatusOK })
			own.storm(t, victim+"2", counted, shot{})
		}},
		{"P156", "names that are patterns", func(t *testing.T, a *arena, victim string) {
			own := a.own(t, redisLine(redistest.Start(t), ""), maxAttempts(attackLimit))
			names := []string{"%s{a}", "%s}{b", "%s*", "%s?", "%s[ab]", "%s:password", "%s#1", "%s{", "%s,1", "%s\\", "%s'\"", "{%s}"}
			for i, format := range names {
				user := fmt.Sprintf(format, victim)
				for range attackLimit {
					if got := post(client(t), own.URL+"/login", user, "wrong"); got.status != http.StatusUnauthorized {
						t.Fatalf("%s: status %d", user, got.status)
					}
				}
				if got := post(client(t), own.URL+"/login", user, "right"); got.status != http.StatusForbidden {
					t.Errorf("%s is not locked: status %d", user, got.status)
				}
				if i+1 < len(names) {
					if next := fmt.Sprintf(names[i+1], victim); own.user(t, next).Failures != 0 {
						t.Errorf("%s has failures of %s", next, user)
					}
				}
			}
		}},
	}
}

// Policies: P005, P163-P168.
func policyAttacks() []attack {
	steps := func(id, name string, first uint32, moves ...move) attack {
		return attack{id, name, func(t *testing.T, a *arena, victim string) {
			own := a.own(t, maxAttempts(int(first)))
			for i, m := range moves {
				if m.order.Do != "" {
					m.order.User = ""
					if m.order.Do == "unlock" {
						m.order.User = victim
					}
					own.settled(t, victim)
					own.order(t, m.order)
				}
				before := a.service.count(victim)
				own.burst(t, victim, m.guesses, m.guesses+1, shot{})
				if got := a.service.count(victim) - before; got != m.checks {
					t.Errorf("move %d: %d checks, want %d", i, got, m.checks)
				}
			}
		}}
	}
	return []attack{
		steps("P005", "a limit of one", 1, move{guesses: 100, checks: 1}),
		steps("P163", "limit below the failures", 5, move{guesses: 4, checks: 4}, move{passwordLimit(2), 5, 0}),
		steps("P164", "limit raised while locked", 3, move{guesses: 5, checks: 3}, move{passwordLimit(50), 5, 0}),
		steps("P166", "no limit and then five", 0, move{guesses: 12, checks: 12}, move{passwordLimit(5), 12, 5}),
		steps("P168", "unlock", 3, move{guesses: 10, checks: 3}, move{order{Do: "unlock"}, 10, 3}, move{order{Do: "unlock"}, 10, 3}),
		{"P167", "policy of another node", func(t *testing.T, a *arena, victim string) {
			redis := redisLine(redistest.Start(t), "")
			first, second := a.own(t, redis, maxAttempts(10)), a.own(t, redis, maxAttempts(10))
			second.send(t, shot{}.bytes(second.address(), victim, 0))
			first.order(t, passwordLimit(2))
			eventually(t, "the policy on the second node", func() bool {
				probe := fmt.Sprint(victim, "probe", time.Now().UnixNano())
				second.burst(t, probe, 4, 4, shot{})
				return a.service.count(probe) == 2
			})
			second.burst(t, victim, 10, 10, shot{})
			if got := a.service.count(victim); got != 2 {
				t.Errorf("%d checks, want 2", got)
			}
		}},
		{"X530", "unlock during a burst on two nodes", func(t *testing.T, a *arena, victim string) {
			redis := redisLine(redistest.Start(t), "")
			nodes := []*arena{a.own(t, redis, maxAttempts(attackLimit)), a.own(t, redis, maxAttempts(attackLimit))}
			done := make(chan struct{}, 2)
			for _, n := range nodes {
				go func() { n.burst(t, victim, 100, 10, shot{}); done <- struct{}{} }()
			}
			eventually(t, "the unlock of a locked user", func() bool {
				return nodes[0].try(t, order{Do: "unlock", Organization: "default", User: victim}).Error == ""
			})
			await(t, done, "the first burst")
			await(t, done, "the second burst")
			if got := a.service.count(victim); got < attackLimit || got > 2*attackLimit {
				t.Errorf("%d checks, want %d to %d", got, attackLimit, 2*attackLimit)
			}
		}},
	}
}

// move is a change, if any, and guesses behind it.
type move struct {
	order   order
	guesses int
	checks  int
}

// pause stops a redis-server as a stalled disk would; resume lets it go on.
func pause(t testing.TB, s *redistest.Server)  { signal(t, s, syscall.SIGSTOP) }
func resume(t testing.TB, s *redistest.Server) { signal(t, s, syscall.SIGCONT) }

func signal(t testing.TB, s *redistest.Server, sig syscall.Signal) {
	t.Helper()
	if err := s.Cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}
