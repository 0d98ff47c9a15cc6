// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package redistest

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	clusterMasters = 3
	clusterSlots   = 16384
)

// Cluster is a Redis Cluster of three masters with a replica each.
type Cluster struct {
	// Masters are the masters at the start, Replicas[i] the replica of
	// Masters[i].
	Masters, Replicas []*Server
}

// StartCluster runs a cluster without persistence, with further command line
// arguments for every node. A master that does not answer is replaced after
// some two seconds.
func StartCluster(t testing.TB, args ...string) *Cluster {
	t.Helper()
	return Config{Args: args}.StartCluster(t)
}

// StartCluster is the function StartCluster with all that a Config can say. The
// default user must stay able to set the cluster up.
func (c Config) StartCluster(t testing.TB) *Cluster {
	t.Helper()
	all := make([]*Server, 2*clusterMasters)
	ids, buses, admins := make([]string, len(all)), make([]int, len(all)), make([]*redis.Client, len(all))
	for i := range all {
		all[i] = c.start(t, func(string) []string {
			// The usual port of the bus is 10000 above the other, which need
			// not exist.
			buses[i] = freePort(t)
			return append([]string{
				"--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(buses[i]), "--cluster-node-timeout", "2000",
				"--cluster-allow-replica-migration", "no", "--repl-diskless-sync-delay", "0",
			}, nothingOnDisk...)
		})
		admins[i] = all[i].Client(t)
		ids[i] = text(t, admins[i], "CLUSTER", "MYID")
	}
	for i, admin := range admins {
		text(t, admin, "CLUSTER", "SET-CONFIG-EPOCH", i+1)
		if i < clusterMasters {
			text(t, admin, "CLUSTER", "ADDSLOTSRANGE", i*clusterSlots/clusterMasters, (i+1)*clusterSlots/clusterMasters-1)
		}
		for j := range i {
			host, port, _ := net.SplitHostPort(all[j].Addr)
			text(t, admin, "CLUSTER", "MEET", host, port, buses[j])
		}
	}
	for i, admin := range admins[clusterMasters:] {
		poll(t, "a replica that knows its master", func(ctx context.Context) bool {
			return admin.Do(ctx, "CLUSTER", "REPLICATE", ids[i]).Err() == nil
		})
	}
	for i, admin := range admins {
		poll(t, "a node of the cluster that is ready", func(ctx context.Context) bool {
			info, nodes := admin.ClusterInfo(ctx).Val(), admin.ClusterNodes(ctx).Val()
			replication := admin.Info(ctx, "replication").Val()
			return strings.Contains(info, "cluster_state:ok") &&
				strings.Count(nodes, "slave") == clusterMasters && !strings.Contains(nodes, "fail") &&
				(i < clusterMasters && strings.Contains(replication, "state=online") ||
					i >= clusterMasters && strings.Contains(replication, "master_link_status:up"))
		})
	}
	return &Cluster{Masters: all[:clusterMasters], Replicas: all[clusterMasters:]}
}

// Addrs are the addresses of all nodes.
func (c *Cluster) Addrs() []string {
	var addrs []string
	for _, s := range append(c.Masters[:clusterMasters:clusterMasters], c.Replicas...) {
		addrs = append(addrs, s.Addr)
	}
	return addrs
}

// Client returns a client of the cluster with the settings that the module
// uses, closed with the test.
func (c *Cluster) Client(t testing.TB) *redis.ClusterClient {
	t.Helper()
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: c.Addrs(), TLSConfig: c.Masters[0].TLS, ContextTimeoutEnabled: true,
		// The client does not look for another master when one is gone, but
		// reads the slots again at this interval, a minute by default.
		ClusterStateReloadInterval: time.Second,
		DialTimeout:                time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second,
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// text runs a command that must succeed.
func text(t testing.TB, c *redis.Client, command ...any) string {
	t.Helper()
	got, err := c.Do(context.Background(), command...).Text()
	if err != nil {
		t.Fatalf("%v: %v", command, err)
	}
	return got
}

// poll waits until something is as it should be.
func poll(t testing.TB, what string, ready func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for !ready(ctx) {
		select {
		case <-ctx.Done():
			t.Fatalf("waiting for %s: not within %s", what, startTimeout)
		case <-time.After(pollInterval):
		}
	}
}
