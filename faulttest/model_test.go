// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// The counter does what the model says, call by call, whatever the order of the
// calls and whichever of them or of their answers are lost.
func TestModel(t *testing.T) {
	t.Parallel()
	t.Run("embedded store", func(t *testing.T) {
		t.Parallel()
		// Only here the clock can be moved, so only here slots expire.
		client, server := redistest.EmbeddedServer(t)
		l := newLab(t, func(testing.TB) redis.UniversalClient {
			return client.(*redis.Client).WithTimeout(patience)
		})
		now := time.UnixMilli(1_800_000_000_000)
		server.SetTime(now)
		l.now = func() time.Time { return now }
		l.advance = func(d time.Duration) {
			now = now.Add(d)
			server.SetTime(now)
			server.FastForward(d)
		}
		rapid.Check(t, l.play)
	})
	for _, kind := range redisKinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, newLab(t, kind.start(t).client).play)
		})
	}
}
