// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// patience is how long a test waits for what must happen. Only a failure takes
// as long.
const patience = 20 * time.Second

var fallback = policyapi.Limits{MaxPasswordAttempts: 10, MaxOTPAttempts: 11}

// env is one instance in one store.
type env struct {
	client redis.UniversalClient
	dial   dialer
	keys   *keyspace.Keyspace
	store  *policyapi.Store
}

type dialer func(ctx context.Context, network, addr string) (net.Conn, error)

var instances atomic.Int64

// newEnv returns a fresh instance, so that tests may share a server.
func newEnv(t testing.TB, client *redis.Client) env {
	t.Helper()
	keys, err := keyspace.New("", fmt.Sprintf("instance-%d", instances.Add(1)))
	if err != nil {
		t.Fatal(err)
	}
	return env{client: client, dial: client.Options().Dialer, keys: keys, store: policyapi.NewStore(client, keys, fallback)}
}

// node returns the same instance through a client of its own, whose
// connections go through the line.
func (e env) node(t testing.TB, l *line) env {
	t.Helper()
	o := e.client.(*redis.Client).Options()
	l.dial = e.dial
	client := redis.NewClient(&redis.Options{
		Addr: o.Addr, Dialer: l.open, ContextTimeoutEnabled: true, DisableIdentity: true,
		DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience,
	})
	t.Cleanup(func() { _ = client.Close() })
	e.client, e.store = client, policyapi.NewStore(client, e.keys, fallback)
	return e
}

// overStores runs a test over the embedded store and over a real Redis.
func overStores(t *testing.T, test func(t *testing.T, e env)) {
	t.Helper()
	t.Parallel()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		test(t, newEnv(t, redistest.Embedded(t).(*redis.Client)))
	})
	t.Run("redis-server", func(t *testing.T) {
		t.Parallel()
		test(t, newEnv(t, redistest.Start(t).Client(t)))
	})
}

// cache returns a cache over the store of the instance: a node.
func (e env) cache(t testing.TB, options policyapi.Options) *policyapi.Cache {
	t.Helper()
	if options.Timeout == 0 {
		options.Timeout = patience // a busy machine is not a store that is away
	}
	c := policyapi.NewCache(e.store, options)
	t.Cleanup(c.Close)
	return c
}

func (e env) sequence(t testing.TB) uint64 {
	t.Helper()
	n, err := e.client.Get(t.Context(), e.keys.Sequence()).Uint64()
	if err != nil && !errors.Is(err, redis.Nil) {
		t.Fatal(err)
	}
	return n
}

// newOp returns an id that no call used before.
var ops atomic.Int64

func newOp() string { return fmt.Sprintf("op-%d", ops.Add(1)) }

func limits(password, otp uint32) policyapi.Limits {
	return policyapi.Limits{MaxPasswordAttempts: password, MaxOTPAttempts: otp}
}

// eventually polls until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !holds() {
		if time.Since(start) > patience {
			t.Fatalf("waited %s for: %s", patience, what)
		}
		time.Sleep(200 * time.Microsecond)
	}
	return time.Since(start)
}

// becomes waits until a cache answers these limits.
func becomes(t testing.TB, c *policyapi.Cache, organization string, want policyapi.Limits) time.Duration {
	t.Helper()
	return eventually(t, fmt.Sprintf("limits %v of %q", want, organization), func() bool {
		got, err := c.Effective(context.Background(), organization)
		return err == nil && got == want
	})
}

func effective(t testing.TB, c *policyapi.Cache, organization string, want policyapi.Limits) {
	t.Helper()
	got, err := c.Effective(t.Context(), organization)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Fatalf("limits of %q are %v, want %v", organization, got, want)
	}
}

func must(t testing.TB) func(policyapi.Details, error) policyapi.Details {
	return func(d policyapi.Details, err error) policyapi.Details {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
}

// subscribed waits until n connections listen for the changes of the instance.
func (e env) subscribed(t testing.TB, n int64) {
	t.Helper()
	channel := e.keys.Changes()
	eventually(t, fmt.Sprintf("%d subscriptions", n), func() bool {
		got, err := e.client.PubSubNumSub(t.Context(), channel).Result()
		return err == nil && got[channel] == n
	})
}

var longName = strings.Repeat("ä", 200)
