// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

func TestRedisKeepsLocksThroughKill(t *testing.T) {
	t.Parallel()
	service, r, c := startLoginService(t, nil), newDurableRedis(t), client(t)
	r.start(t)
	config := siteConfig(service.URL, r.addr, 5)
	n := startNode(t, config)
	guess(t, n.URL, "alice", 5)
	mustLogin(t, c, n.URL, "alice", "right", http.StatusForbidden)
	n.order(t, order{Do: "lock", User: "bob"})
	n.order(t, order{Do: "policy", Limits: policyapi.Limits{MaxPasswordAttempts: 2}})
	n.kill(t)
	r.kill(t)

	r.start(t)
	n = startNode(t, config)
	mustLogin(t, c, n.URL, "alice", "right", http.StatusForbidden)
	mustLogin(t, c, n.URL, "bob", "right", http.StatusForbidden)
	guess(t, n.URL, "carol", 2)
	mustLogin(t, c, n.URL, "carol", "right", http.StatusForbidden)
	n.order(t, order{Do: "unlock", User: "alice"})
	n.kill(t)
	r.kill(t)

	r.start(t)
	n = startNode(t, config)
	mustLogin(t, c, n.URL, "alice", "right", http.StatusOK)
	mustLogin(t, c, n.URL, "bob", "right", http.StatusForbidden)
}

// The attempts of a node that died count as failed when their slots expire.
func TestNodeDiesWithAttemptsInFlight(t *testing.T) {
	t.Parallel()
	const inFlight = 3
	arrived, release := make(chan struct{}, inFlight), make(chan struct{})
	defer close(release)
	service, r := startLoginService(t, func() time.Duration { arrived <- struct{}{}; <-release; return 0 }), newDurableRedis(t)
	r.start(t)
	config := withOptions(siteConfig(service.URL, r.addr, 5), "attempt_timeout 5s", "reservation_ttl 6s")
	n, witness := startNode(t, config), startNode(t, config)
	for range inFlight {
		go func() { _, _ = login(client(t), n.URL, "alice", "right") }()
	}
	for range inFlight {
		<-arrived
	}
	n.kill(t)
	if state := witness.user(t, "alice"); state.InFlight+state.Failures != inFlight {
		t.Errorf("right after the crash: %+v", state)
	}
	if state := witness.settled(t, "alice"); state.Failures != inFlight {
		t.Errorf("when the slots have expired: %+v", state)
	}
}
