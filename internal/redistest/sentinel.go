// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package redistest

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// SentinelMaster is the name of the master that the sentinels watch.
const SentinelMaster = "lockout-master"

const (
	sentinelReplicas = 2
	sentinels        = 3
)

// Sentinel is a master with two replicas that three sentinels watch, two of
// which decide.
type Sentinel struct {
	// Master is the master at the start.
	Master    *Server
	Replicas  []*Server
	Sentinels []*Server
}

// StartSentinel runs servers without persistence and their sentinels, with
// further command line arguments for the servers. A master that does not answer
// for a second is replaced.
func StartSentinel(t testing.TB, args ...string) *Sentinel {
	t.Helper()
	return Config{Args: args}.StartSentinel(t)
}

// StartSentinel is the function StartSentinel with all that a Config can say.
// The default user must stay able to watch and to replicate.
func (c Config) StartSentinel(t testing.TB) *Sentinel {
	t.Helper()
	quick := append([]string{"--repl-diskless-sync-delay", "0"}, nothingOnDisk...)
	s := &Sentinel{Master: c.start(t, func(string) []string { return quick })}
	host, port, _ := net.SplitHostPort(s.Master.Addr)
	for range sentinelReplicas {
		s.Replicas = append(s.Replicas, c.start(t, func(string) []string { return append([]string{"--replicaof", host, port}, quick...) }))
	}
	master := s.Master.Client(t)
	// Sentinels look for replicas every ten seconds only: they must find them
	// at first sight.
	poll(t, "replicas of the master", func(ctx context.Context) bool {
		return strings.Count(master.Info(ctx, "replication").Val(), "state=online") == sentinelReplicas
	})
	c.Args = c.SentinelArgs
	for range sentinels {
		s.Sentinels = append(s.Sentinels, c.start(t, func(dir string) []string { return []string{sentinelFile(t, dir, host, port), "--sentinel"} }))
	}
	for _, one := range s.Sentinels {
		admin := one.sentinelClient(t)
		poll(t, "a sentinel that knows the others", func(ctx context.Context) bool {
			known := admin.Master(ctx, SentinelMaster).Val()
			return known["flags"] == "master" && known["num-slaves"] == "2" && known["num-other-sentinels"] == "2"
		})
	}
	return s
}

// sentinelFile writes the settings of a sentinel, which must be able to change
// them.
func sentinelFile(t testing.TB, dir, host, port string) string {
	t.Helper()
	path := filepath.Join(dir, "sentinel.conf")
	lines := []string{
		"sentinel monitor " + SentinelMaster + " " + host + " " + port + " 2",
		"sentinel down-after-milliseconds " + SentinelMaster + " 1000",
		"sentinel failover-timeout " + SentinelMaster + " 5000",
		"sentinel parallel-syncs " + SentinelMaster + " 2",
	}
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (s *Server) sentinelClient(t testing.TB) *redis.SentinelClient {
	t.Helper()
	c := redis.NewSentinelClient(&redis.Options{Addr: s.Addr, TLSConfig: s.TLS, DialTimeout: time.Second})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// SentinelAddrs are the addresses of the sentinels.
func (s *Sentinel) SentinelAddrs() []string {
	var addrs []string
	for _, one := range s.Sentinels {
		addrs = append(addrs, one.Addr)
	}
	return addrs
}

// Servers are the master at the start and its replicas.
func (s *Sentinel) Servers() []*Server { return append([]*Server{s.Master}, s.Replicas...) }

// Client returns a client of the master that the sentinels name, with the
// settings that the module uses, closed with the test.
func (s *Sentinel) Client(t testing.TB) *redis.Client {
	t.Helper()
	c := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: SentinelMaster, SentinelAddrs: s.SentinelAddrs(), TLSConfig: s.Master.TLS, ContextTimeoutEnabled: true,
		DialTimeout: time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second,
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}
