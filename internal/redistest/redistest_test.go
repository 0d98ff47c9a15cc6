// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package redistest_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

func TestStoresAnswer(t *testing.T) {
	t.Parallel()
	secure := redistest.Config{TLS: redistest.NewCertificates(t)}
	for name, client := range map[string]redis.UniversalClient{
		"redis-server":      redistest.Start(t).Client(t),
		"miniredis":         redistest.Embedded(t),
		"TLS":               secure.Start(t).Client(t),
		"ACL user":          redistest.Start(t, "--user", "app", "on", ">secret", "~k", "+@all").ClientOf(t, "app", "secret"),
		"cluster":           redistest.StartCluster(t).Client(t),
		"cluster over TLS":  secure.StartCluster(t).Client(t),
		"sentinel":          redistest.StartSentinel(t).Client(t),
		"sentinel over TLS": secure.StartSentinel(t).Client(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := redis.NewScript(`return {redis.call('TIME')[1] ~= nil, redis.call('SET', KEYS[1], 'x')}`).
				Run(context.Background(), client, []string{"k"}).Result()
			if err != nil {
				t.Fatal(err)
			}
			if want := []any{int64(1), "OK"}; !reflect.DeepEqual(got, want) {
				t.Fatalf("script answered %v, want %v", got, want)
			}
		})
	}
}

func TestServerThatDiesComesBack(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	c := s.Client(t)
	if err := c.Set(t.Context(), "k", "kept", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.Freeze(t)
	s.Thaw(t)
	s.Kill()
	if err := c.Get(t.Context(), "k").Err(); err == nil {
		t.Fatal("a killed server answers")
	}
	s.Restart(t)
	if got, err := c.Get(t.Context(), "k").Result(); got != "kept" || err != nil {
		t.Fatalf("after the restart: %q, %v", got, err)
	}
}

// A failover takes some seconds; whoever waits for less must know.
func TestMasterThatDiesIsReplaced(t *testing.T) {
	t.Parallel()
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		c := redistest.StartCluster(t)
		client := c.Client(t)
		c.Masters[0].Kill()
		// CRC16 of this key lies in the first third of the slots.
		writes(t, client, "b")
	})
	t.Run("sentinel", func(t *testing.T) {
		t.Parallel()
		s := redistest.StartSentinel(t)
		client := s.Client(t)
		s.Master.Kill()
		writes(t, client, "b")
	})
}

func writes(t *testing.T, client redis.UniversalClient, key string) {
	t.Helper()
	for started := time.Now(); ; {
		err := client.Set(t.Context(), key, "x", 0).Err()
		if err == nil {
			return
		}
		if time.Since(started) > time.Minute {
			t.Fatalf("no new master: %v", err)
		}
	}
}
