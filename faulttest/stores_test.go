// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
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
	kind string
	// block is the lines in the block redis of a Caddyfile.
	block string
	// client opens one, closed with the test.
	client func(testing.TB) redis.UniversalClient
}

var redisKinds = []redisKind{
	{"standalone", func(t testing.TB, args ...string) *redisStore {
		s := redistest.Start(t, args...)
		return &redisStore{"standalone", "address " + s.Addr, func(t testing.TB) redis.UniversalClient { return s.Client(t) }}
	}},
}
