// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/counter/countertest"
	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

func TestConformanceOverRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	countertest.Exercise(t, func(t testing.TB) redis.UniversalClient { return server.Client(t) })
}

func TestConformanceOverCluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	countertest.Exercise(t, func(t testing.TB) redis.UniversalClient { return cluster.Client(t) })
}

// Over TLS as well: neither Sentinel nor TLS changes what the server does.
func TestConformanceOverSentinel(t *testing.T) {
	t.Parallel()
	sentinel := redistest.Config{TLS: redistest.NewCertificates(t)}.StartSentinel(t)
	countertest.Exercise(t, func(t testing.TB) redis.UniversalClient { return sentinel.Client(t) })
}

func TestConformanceOverMiniredis(t *testing.T) {
	t.Parallel()
	countertest.Exercise(t, embedded(t))
}

// embedded returns a function that opens clients of one miniredis.
func embedded(t testing.TB) func(testing.TB) redis.UniversalClient {
	t.Helper()
	first := redistest.Embedded(t).(*redis.Client)
	return func(t testing.TB) redis.UniversalClient {
		o := first.Options()
		c := redis.NewClient(&redis.Options{
			Dialer: o.Dialer, DisableIdentity: true, ContextTimeoutEnabled: true,
			ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout,
		})
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
}
