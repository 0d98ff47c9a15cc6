// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// patience is how long a test waits for what must happen.
const patience = 60 * time.Second

// redisKind is a way to run Redis.
type redisKind struct {
	name  string
	start func(t testing.TB, args ...string) *redisStore
}

// redisStore is servers that run.
type redisStore struct {
	name string
	// block is the lines in the block redis of a Caddyfile.
	block string
	// client opens one that waits longer than any fault lasts.
	client func(testing.TB) redis.UniversalClient
	// dial opens one with the time-outs of the module, over connections made in
	// some way (nil: as usual), and with a pool of some size (0: as usual).
	dial func(t testing.TB, how dialer, pool int) redis.UniversalClient
	// masters are the servers that take writes at the start.
	masters []*redistest.Server
	// replicas follow them; those of masters[i] come first for i = 0.
	replicas []*redistest.Server
}

// What the module gives its clients.
const (
	readTimeout    = 100 * time.Millisecond
	clusterTimeout = 250 * time.Millisecond
	slotsInterval  = time.Second
)

// dialer makes the connections of a client.
type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

func closing(t testing.TB, c redis.UniversalClient) redis.UniversalClient {
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// timeout is generous where no fault is meant: this machine is busy.
const timeout = "\ntimeout 5s"

var redisKinds = []redisKind{
	{"standalone", startStandalone}, {"sentinel", startSentinel}, {"cluster", startCluster},
}

func startStandalone(t testing.TB, args ...string) *redisStore {
	s := redistest.Start(t, args...)
	return &redisStore{
		"standalone", "address " + s.Addr,
		func(t testing.TB) redis.UniversalClient { return s.Client(t) },
		func(t testing.TB, how dialer, pool int) redis.UniversalClient {
			return closing(t, redis.NewClient(&redis.Options{
				Addr: s.Addr, Dialer: how, PoolSize: pool, ContextTimeoutEnabled: true,
				DialTimeout: time.Second, ReadTimeout: readTimeout, WriteTimeout: readTimeout,
			}))
		},
		[]*redistest.Server{s}, nil,
	}
}

func startSentinel(t testing.TB, args ...string) *redisStore {
	s := redistest.StartSentinel(t, args...)
	return &redisStore{
		"sentinel",
		"mode sentinel\nmaster_name " + redistest.SentinelMaster + "\naddress " + strings.Join(s.SentinelAddrs(), " "),
		func(t testing.TB) redis.UniversalClient { return s.Client(t) },
		func(t testing.TB, how dialer, pool int) redis.UniversalClient {
			return closing(t, redis.NewFailoverClient(&redis.FailoverOptions{
				MasterName: redistest.SentinelMaster, SentinelAddrs: s.SentinelAddrs(), Dialer: how, PoolSize: pool,
				ContextTimeoutEnabled: true, DialTimeout: time.Second, ReadTimeout: readTimeout, WriteTimeout: readTimeout,
			}))
		},
		[]*redistest.Server{s.Master}, s.Replicas,
	}
}

func startCluster(t testing.TB, args ...string) *redisStore {
	s := redistest.StartCluster(t, args...)
	return &redisStore{
		"cluster", "mode cluster\naddress " + strings.Join(s.Addrs(), " "),
		func(t testing.TB) redis.UniversalClient { return s.Client(t) },
		func(t testing.TB, how dialer, pool int) redis.UniversalClient {
			return closing(t, redis.NewClusterClient(&redis.ClusterOptions{
				Addrs: s.Addrs(), Dialer: how, PoolSize: pool, ContextTimeoutEnabled: true,
				DialTimeout: time.Second, ReadTimeout: clusterTimeout, WriteTimeout: clusterTimeout,
				ClusterStateReloadInterval: slotsInterval,
			}))
		},
		s.Masters, s.Replicas,
	}
}

// storeKind is any store that a site can have.
type storeKind struct {
	name  string
	nodes int // the embedded store is for one
	start func(t testing.TB) *redisStore
}

// storeKinds are all stores, each with as many nodes as the promises name.
func storeKinds() []storeKind {
	all := []storeKind{{"embedded", 1, func(testing.TB) *redisStore { return &redisStore{name: "embedded"} }}}
	for _, k := range redisKinds {
		all = append(all, storeKind{k.name, 3, func(t testing.TB) *redisStore { return k.start(t) }})
	}
	return all
}

// startNodes runs the nodes of a site on a store.
func startNodes(t testing.TB, k int, s *redisStore, at site) []*node {
	t.Helper()
	if s.block != "" {
		at.redis = s.block + timeout
	}
	nodes := make([]*node, k)
	for i := range nodes {
		nodes[i] = startNode(t, t.TempDir(), at)
	}
	return nodes
}
