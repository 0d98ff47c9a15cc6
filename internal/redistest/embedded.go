// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package redistest

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/pipe"
)

// Embedded returns a client of a fresh miniredis, connected through an
// in-process pipe as the embedded store is.
func Embedded(t testing.TB) redis.UniversalClient {
	t.Helper()
	c, _ := EmbeddedServer(t)
	return c
}

// EmbeddedServer is Embedded for tests that also move the server's clock.
func EmbeddedServer(t testing.TB) (redis.UniversalClient, *miniredis.Miniredis) {
	t.Helper()
	m := miniredis.NewMiniRedis()
	c := redis.NewClient(&redis.Options{
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			c, err := m.Dial()
			if err != nil {
				return nil, err
			}
			return pipe.Buffered(c), nil
		},
		ContextTimeoutEnabled: true,
		DisableIdentity:       true,
		ReadTimeout:           5 * time.Second, WriteTimeout: 5 * time.Second,
	})
	t.Cleanup(func() { _ = c.Close(); m.Close() })
	return c, m
}
