// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// loginService is an application with a form login on POST /login. A check of a
// password takes some time, and the right one of everybody is "right".
type loginService struct {
	*httptest.Server
	checkTime time.Duration

	mu     sync.Mutex
	checks map[string][]bool // by user: was the password right
	gates  map[string]*gate
}

// gate holds the answers to a user's attempts back.
type gate struct {
	arrived chan struct{}
	open    chan struct{}
}

const checkTime = 50 * time.Millisecond

func startLoginService(t testing.TB, checkTime time.Duration) *loginService {
	t.Helper()
	s := &loginService{checkTime: checkTime, checks: map[string][]bool{}, gates: map[string]*gate{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *loginService) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/login" || r.Method != http.MethodPost {
		fmt.Fprint(w, "page")
		return
	}
	user, right := r.PostFormValue("username"), r.PostFormValue("password") == "right"
	s.mu.Lock()
	s.checks[user] = append(s.checks[user], right)
	g := s.gates[user]
	s.mu.Unlock()
	time.Sleep(s.checkTime)
	if g != nil {
		g.arrived <- struct{}{}
		<-g.open
	}
	if !right {
		http.Error(w, "wrong user name or password", http.StatusUnauthorized)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s3cret"})
	fmt.Fprint(w, "welcome")
}

// hold makes the attempts of a user wait at a gate until the test opens it, or
// ends.
func (s *loginService) hold(t testing.TB, user string) *gate {
	g := &gate{arrived: make(chan struct{}, 1000), open: make(chan struct{})}
	s.mu.Lock()
	s.gates[user] = g
	s.mu.Unlock()
	t.Cleanup(g.release)
	return g
}

func (g *gate) release() {
	select {
	case <-g.open:
	default:
		close(g.open)
	}
}

// await waits until k attempts stand at the gate.
func (g *gate) await(t testing.TB, k int) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for i := range k {
		select {
		case <-g.arrived:
		case <-deadline.C:
			t.Fatalf("%d of %d attempts arrived at the login service within %s", i, k, patience)
		}
	}
}

// seen returns the checks of a user, in their order.
func (s *loginService) seen(user string) []bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.checks[user])
}

// longestRun is the most failed checks between two successes.
func longestRun(checks []bool) (longest int) {
	run := 0
	for _, right := range checks {
		if run++; right {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}
