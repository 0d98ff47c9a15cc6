// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// A cluster of one node refuses scripts and transactions over several slots
// like any other.
func TestCluster(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--cluster-enabled", "yes")
	node := server.Client(t)
	if err := node.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a cluster that is ready", func() bool {
		info, err := node.ClusterInfo(t.Context()).Result()
		return err == nil && strings.Contains(info, "cluster_state:ok")
	})
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr}, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	keys, err := keyspace.New("", "cluster")
	if err != nil {
		t.Fatal(err)
	}
	e := env{client: client, keys: keys, store: policyapi.NewStore(client, keys, fallback)}
	a, b := e.cache(t, policyapi.Options{Poll: never}), e.cache(t, policyapi.Options{Poll: never})
	effective(t, b, "org", fallback)
	must(t)(a.Add(t.Context(), "org", limits(1, 2), newOp()))
	effective(t, a, "org", limits(1, 2))
	becomes(t, b, "org", limits(1, 2))
	must(t)(a.UpdateDefault(t.Context(), limits(3, 4), newOp()))
	must(t)(a.Reset(t.Context(), "org", newOp()))
	becomes(t, b, "org", limits(3, 4))
}
