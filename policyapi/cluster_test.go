// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"context"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

func clusterEnv(t testing.TB, client *redis.ClusterClient) env {
	t.Helper()
	keys, err := keyspace.New("", "cluster")
	if err != nil {
		t.Fatal(err)
	}
	return env{client: client, keys: keys, store: policyapi.NewStore(client, keys, fallback)}
}

// A cluster refuses scripts and transactions over several slots, and a change
// reaches nodes of Caddy that listen to another of its servers.
func TestCluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	client := cluster.Client(t)
	e := clusterEnv(t, client)
	a, b := e.cache(t, policyapi.Options{Poll: never}), clusterEnv(t, cluster.Client(t)).cache(t, policyapi.Options{})
	effective(t, b, "org", fallback)
	must(t)(a.Add(t.Context(), "org", limits(1, 2), newOp()))
	effective(t, a, "org", limits(1, 2))
	becomes(t, b, "org", limits(1, 2))
	must(t)(a.UpdateDefault(t.Context(), limits(3, 4), newOp()))
	must(t)(a.Reset(t.Context(), "org", newOp()))
	becomes(t, b, "org", limits(3, 4))

	// The server with the policies dies; its replica has them.
	master, err := client.MasterForKey(t.Context(), e.keys.Sequence())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := wait(t.Context(), e, master); n != 1 || err != nil {
		t.Fatalf("the policies are on %d replicas, %v", n, err)
	}
	i := slices.IndexFunc(cluster.Masters, func(s *redistest.Server) bool { return s.Addr == master.Options().Addr })
	cluster.Masters[i].Kill()
	op := newOp()
	eventually(t, "a change after the failover", func() bool {
		_, err := a.Add(t.Context(), "org", limits(5, 6), op)
		return err == nil
	})
	becomes(t, b, "org", limits(5, 6))
	becomes(t, b, "another", limits(3, 4))
}

// wait writes something to the server and asks how many replicas have it.
func wait(ctx context.Context, e env, master *redis.Client) (int64, error) {
	conn := master.Conn()
	defer func() { _ = conn.Close() }()
	if err := conn.HSet(ctx, e.keys.Policy("waiting"), "x", "y").Err(); err != nil {
		return 0, err
	}
	return conn.Wait(ctx, 1, patience).Result()
}
