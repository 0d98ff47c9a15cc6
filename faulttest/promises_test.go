// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// Exact: of 500 parallel guesses as many as the limit reach the login service,
// in every round, on one node and on three.
func TestParallelGuesses(t *testing.T) {
	const guesses, times = 500, 20
	for _, kind := range storeKinds() {
		t.Run(kind.name, func(t *testing.T) {
			service := startLoginService(t, checkTime)
			nodes := startNodes(t, kind.nodes, kind.start(t), site{upstream: service.URL})
			c := newClient(t)
			r := row{fault: fmt.Sprintf("none: %d parallel guesses, %d rounds", guesses, times), store: kind.name, sent: guesses * times}
			exact := 0
			for i := range times {
				user := fmt.Sprint("victim", i)
				got := attack(c, nodes, user, guesses)
				state := nodes[0].settled(t, user)
				reached := len(service.seen(user))
				if reached == limit {
					exact++
				}
				if reached != limit || state.Failures != limit || !state.Locked ||
					got.of(http.StatusUnauthorized) != limit || got.of(http.StatusForbidden, http.StatusServiceUnavailable) != guesses-limit {
					t.Errorf("round %d: %d checks, state %+v, answers %v", i, reached, state, got.byStatus)
				}
				r.reached += reached
				r.counted += state.Failures
				r.locks++
			}
			r.invariant = fmt.Sprintf("exactly %d in %d of %d rounds", limit, exact, times)
			report(t, r)
		})
	}
}

// Fair: 100 parallel right logins all succeed. How long they waited is reported,
// not judged.
func TestParallelRightLogins(t *testing.T) {
	const logins = 100
	for _, kind := range storeKinds() {
		t.Run(kind.name, func(t *testing.T) {
			service := startLoginService(t, checkTime)
			nodes := startNodes(t, kind.nodes, kind.start(t), site{upstream: service.URL})
			c := newClient(t)
			for _, n := range nodes {
				mustLogin(t, c, n, "somebody", "right", http.StatusOK) // all connections are up
			}
			waits := make([]time.Duration, logins)
			var wg sync.WaitGroup
			for i := range logins {
				wg.Go(func() {
					start := time.Now()
					if got := login(c, nodes[i%len(nodes)], "owner", "right"); got != http.StatusOK {
						t.Errorf("login %d: status %d", i, got)
					}
					waits[i] = max(0, time.Since(start)-checkTime)
				})
			}
			wg.Wait()
			slices.Sort(waits)
			state := nodes[0].settled(t, "owner")
			if state.Locked || state.Failures != 0 {
				t.Errorf("after right logins: %+v", state)
			}
			report(t, row{
				fault: fmt.Sprintf("none: %d parallel right logins", logins), store: kind.name,
				sent: logins, reached: len(service.seen("owner")), counted: state.Failures,
				invariant: fmt.Sprintf("all succeed; wait p50 %s, p99 %s", waits[logins/2].Round(time.Millisecond), waits[logins*99/100].Round(time.Millisecond)),
			})
		})
	}
}
