// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

const stall = 1500 * time.Millisecond

// freezeFor stops the masters of a store with SIGSTOP for a time.
func (s *redisStore) freezeFor(t testing.TB, d time.Duration) {
	t.Helper()
	for _, m := range s.masters {
		m.Freeze(t)
	}
	time.Sleep(d) // this is the fault, not a wait for something
	for _, m := range s.masters {
		m.Thaw(t)
	}
}

// A Redis that stalls while attempts reserve: users get 503 and are not charged,
// whatever the retries of the client have left behind in the sockets.
func TestStallInReserve(t *testing.T) {
	t.Parallel()
	s := startStandalone(t)
	service := startLoginService(t, 0)
	n := startNode(t, t.TempDir(), site{upstream: service.URL, redis: s.block}) // default time-outs
	c := newClient(t)
	const before, during = 2, 20
	for range before {
		mustLogin(t, c, n, "alice", "wrong", http.StatusUnauthorized)
	}
	n.settled(t, "alice")

	got := make(chan *answers)
	s.masters[0].Freeze(t)
	go func() { got <- attack(c, []*node{n}, "alice", during) }()
	time.Sleep(stall)
	answered := <-got
	s.masters[0].Thaw(t)
	if refused := answered.of(http.StatusServiceUnavailable); refused != during {
		t.Errorf("answers of a stalled Redis: %v, want %d times 503", answered.byStatus, during)
	}
	eventually(t, "the store answers again", func() bool { return login(c, n, "bob", "right") == http.StatusOK })
	state := n.settled(t, "alice")
	reached := len(service.seen("alice"))
	if state.Failures != before || state.Locked || reached != before {
		t.Errorf("after the stall: %+v, %d checks; want %d failures", state, reached, before)
	}
	report(t, row{
		fault: "SIGSTOP 1.5 s in reserve", store: s.name, sent: before + during, reached: reached, counted: state.Failures,
		invariant: fmt.Sprintf("+%d for %d answers of 503", state.Failures-before, during),
	})
}

// A Redis that stalls while an attempt settles: it is charged once.
func TestStallInSettle(t *testing.T) {
	t.Parallel()
	s := startStandalone(t)
	service := startLoginService(t, 0)
	n := startNode(t, t.TempDir(), site{upstream: service.URL, redis: s.block})
	c := newClient(t)
	mustLogin(t, c, n, "bob", "right", http.StatusOK)

	const users = 10
	user := func(i int) string { return fmt.Sprint("alice", i) }
	gates := make([]*gate, users)
	var wg sync.WaitGroup
	for i := range users {
		gates[i] = service.hold(t, user(i))
		wg.Go(func() {
			if got := login(c, n, user(i), "wrong"); got != http.StatusUnauthorized {
				t.Errorf("wrong password: status %d", got)
			}
		})
		gates[i].await(t, 1)
	}
	s.masters[0].Freeze(t)
	for _, g := range gates {
		g.release()
	}
	wg.Wait() // nobody waits for the settling of a failure
	time.Sleep(stall)
	s.masters[0].Thaw(t)
	eventually(t, "the store answers again", func() bool { return login(c, n, "bob", "right") == http.StatusOK })
	r := row{fault: "SIGSTOP 1.5 s in settle of failures", store: s.name, sent: users}
	for i := range users {
		state := n.settled(t, user(i))
		if state.Failures != 1 {
			t.Errorf("%s: %+v, want 1 failure", user(i), state)
		}
		r.reached += len(service.seen(user(i)))
		r.counted += state.Failures
	}
	r.invariant = "each +1"
	report(t, r)
}

// A success that settles meanwhile is told when Redis is back, and forgives.
func TestStallInSettleOfSuccess(t *testing.T) {
	t.Parallel()
	s := startStandalone(t)
	service := startLoginService(t, 0)
	n := startNode(t, t.TempDir(), site{upstream: service.URL, redis: s.block})
	c := newClient(t)
	const before = 3
	for range before {
		mustLogin(t, c, n, "alice", "wrong", http.StatusUnauthorized)
	}
	g := service.hold(t, "alice")
	done := make(chan int)
	go func() { done <- login(c, n, "alice", "right") }()
	g.await(t, 1)
	go g.release()
	s.freezeFor(t, stall)
	if got := <-done; got != http.StatusOK {
		t.Errorf("right password over a stall: status %d", got)
	}
	state := n.settled(t, "alice")
	if state.Failures != 0 || state.Locked {
		t.Errorf("after the success: %+v", state)
	}
	report(t, row{
		fault: "SIGSTOP 1.5 s in settle of a success", store: s.name, sent: before + 1, reached: len(service.seen("alice")),
		counted: state.Failures, invariant: "forgives, answer held back until then",
	})
}
