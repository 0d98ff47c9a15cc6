// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// A store that comes later is checked when it comes.
func TestStoreIsCheckedWhenItComes(t *testing.T) {
	t.Parallel()
	service := startLoginService(t, nil)
	r := redistest.Start(t, "--appendonly", "yes", "--maxmemory-policy", "allkeys-random")
	r.Kill()
	config := siteConfig(service.URL, r.Addr, 5)
	n := startNode(t, config)
	n.order(t, order{Do: "validate", Caddyfile: n.config(config)})
	soon(t, "the log says that the store is away", func() bool {
		return strings.Contains(n.stderr.String(), "the store does not answer; attempts are refused until it does")
	})
	if strings.Contains(n.stderr.String(), "the store was checked") {
		t.Fatal("a store that is away was checked")
	}
	r.Restart(t)
	soon(t, "the store was checked", func() bool {
		return strings.Contains(n.stderr.String(), `"msg":"the store was checked","findings":1`)
	})
	if log := n.stderr.String(); strings.Count(log, "allkeys-random throws away locks") != 1 {
		t.Errorf("the log does not tell once that locks can be evicted:\n%s", log)
	}
}

// A lock that no replica has stands, and the operator hears of it.
func TestLockThatReplicasLack(t *testing.T) {
	t.Parallel()
	service, c := startLoginService(t, nil), client(t)
	s := redistest.StartSentinel(t)
	n := startNode(t, withMetrics(redisConfig(service.URL, 2, "mode sentinel", "master_name "+redistest.SentinelMaster,
		"address "+strings.Join(s.SentinelAddrs(), " "), "confirm_lock wait 2")))
	s.Replicas[0].Freeze(t)
	guess(t, n.URL, "alice", 2)
	n.order(t, order{Do: "lock", User: "bob"})
	mustLogin(t, c, n.URL, "alice", "right", 403)
	mustLogin(t, c, n.URL, "bob", "right", 403)
	soon(t, "both locks are reported", func() bool {
		return metric(t, n.URL, `lock_confirmations_total{result="shortfall"}`) == 2
	})
	s.Replicas[0].Thaw(t)
	if got := metric(t, n.URL, `lock_confirmations_total{result="confirmed"}`); got != 0 {
		t.Errorf("%v locks were confirmed", got)
	}
	if log := n.stderr.String(); strings.Count(log, "a lock is not confirmed by as many replicas as confirm_lock wants") != 2 {
		t.Errorf("the log does not tell of two locks:\n%s", log)
	}
}
