// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package binding_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/binding"
	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

var (
	alice = binding.Subject{Organization: "acme", User: "alice"}
	bob   = binding.Subject{Organization: "acme", User: "bob"}
	carol = binding.Subject{Organization: "acme", User: "carol"}
)

func open(t testing.TB, client redis.UniversalClient) *binding.Store {
	t.Helper()
	keys, err := keyspace.New("", "")
	if err != nil {
		t.Fatal(err)
	}
	return binding.New(client, keys, 5*time.Second, func(string, time.Duration, error) {})
}

// exercise runs over every store.
func exercise(t *testing.T, s *binding.Store) {
	add := func(site, key string, life time.Duration, want error, subjects ...binding.Subject) {
		t.Helper()
		if err := s.Add(t.Context(), site, key, life, subjects...); !errors.Is(err, want) {
			t.Errorf("adding %v to %.20q: %v, want %v", subjects, key, err, want)
		}
	}
	expect := func(site, key string, life time.Duration, want error, subjects ...binding.Subject) {
		t.Helper()
		found, err := s.Find(t.Context(), site, key)
		if !errors.Is(err, want) || !reflect.DeepEqual(found.Subjects, subjects) || found.Life != life {
			t.Errorf("%.20q of %s leads to %+v, %v, want %v for %s, %v", key, site, found, err, subjects, life, want)
		}
	}
	expect("a", "unknown", 0, binding.ErrUnknown)
	expect("a", "", 0, binding.ErrUnknown)

	add("a", "k", time.Minute, nil, alice)
	expect("a", "k", time.Minute, nil, alice)
	expect("b", "k", 0, binding.ErrUnknown) // another site
	expect("a", "K", time.Minute, nil, alice)
	expect("a", "kk", 0, binding.ErrUnknown)

	// All subjects stay, in one order, and the life never gets shorter.
	add("a", "two", time.Hour, nil, bob)
	add("a", "two", time.Minute, nil, bob)
	add("a", "two", time.Minute, nil, alice)
	expect("a", "two", time.Hour, nil, alice, bob)
	// Too many: the key leads to nobody, and cannot be taken over.
	add("a", "two", time.Minute, binding.ErrCrowded, carol)
	expect("a", "two", 0, binding.ErrCrowded)
	add("a", "two", time.Minute, binding.ErrCrowded, alice)
	expect("a", "two", 0, binding.ErrCrowded)
	add("a", "three", time.Minute, binding.ErrCrowded, alice, bob, carol)
	expect("a", "three", 0, binding.ErrCrowded)

	// Who joins a key is one more, but makes none.
	join := func(key string, want error, subject binding.Subject) {
		t.Helper()
		if err := s.Join(t.Context(), "a", key, time.Minute, subject); !errors.Is(err, want) {
			t.Errorf("joining %q: %v, want %v", key, err, want)
		}
	}
	join("nobody's", nil, alice)
	expect("a", "nobody's", 0, binding.ErrUnknown)
	join("k", nil, bob)
	expect("a", "k", time.Minute, nil, alice, bob)
	join("k", binding.ErrCrowded, carol)
	expect("a", "k", 0, binding.ErrCrowded)

	// What cannot be a key is none.
	for _, none := range []string{
		strings.Repeat("x", binding.MaxKeyBytes+1), "", "--", "k\x00", "k%00", "k\u0301", "%252525256b", "\x7fk", "k\n",
	} {
		add("a", none, time.Minute, binding.ErrUnknown, alice)
		expect("a", none, 0, binding.ErrUnknown)
	}
	add("a", "s:Ab+/1-x=", time.Minute, nil, bob)
	for _, spelled := range []string{"s%3AAb%2B%2f1-x%3d", "S:AB-_1-X", "s:Ab+/1-x= ", "sab1x", "%2573ab1x", "sab1x%"} {
		expect("a", spelled, time.Minute, nil, bob)
	}
	odd := binding.Subject{Organization: "!", User: ".!\x00"}
	add("a", "odd", time.Minute, nil, odd)
	expect("a", "odd", time.Minute, nil, odd)
}

func TestBindings(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]func(*testing.T) redis.UniversalClient{
		"miniredis": func(t *testing.T) redis.UniversalClient { return redistest.Embedded(t) },
		"Redis":     func(t *testing.T) redis.UniversalClient { return redistest.Start(t).Client(t) },
		"Cluster":   func(t *testing.T) redis.UniversalClient { return redistest.StartCluster(t).Client(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			exercise(t, open(t, client(t)))
		})
	}
}

func TestKeysEnd(t *testing.T) {
	t.Parallel()
	client, server := redistest.EmbeddedServer(t)
	s := open(t, client)
	for _, key := range []string{"used", "unused"} {
		if err := s.Add(t.Context(), "a", key, time.Minute, alice); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Add(t.Context(), "a", "crowded", time.Minute, alice, bob, carol); !errors.Is(err, binding.ErrCrowded) {
		t.Fatal(err)
	}
	for range 3 {
		server.FastForward(40 * time.Second)
		if _, err := s.Find(t.Context(), "a", "used"); err != nil {
			t.Errorf("a key that is used has ended: %v", err)
		}
		// Whoever tries it does not keep the refusal alive.
		_ = s.Add(t.Context(), "a", "crowded", time.Minute, alice)
	}
	if _, err := s.Find(t.Context(), "a", "unused"); !errors.Is(err, binding.ErrUnknown) {
		t.Errorf("a key outlives its life: %v", err)
	}
	if found, err := s.Find(t.Context(), "a", "crowded"); err != nil || len(found.Subjects) != 1 {
		t.Errorf("a key that is refused outlives its life: %v, %v", found, err)
	}
	if left := client.Keys(context.Background(), "*").Val(); len(left) != 2 || strings.Contains(fmt.Sprint(left), "used") {
		t.Errorf("keys %q", left)
	}
}

// No key tells what the client holds, and none lies with the users.
func TestKeysAreHashed(t *testing.T) {
	t.Parallel()
	keys, err := keyspace.New("", "")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, in := range [][2]string{{"a", "bc"}, {"ab", "c"}, {"", "abc"}, {"abc", ""}, {"a", "bd"}} {
		key := keys.Binding(in[0], in[1])
		if other, taken := seen[key]; taken {
			t.Errorf("%q and %q share a key", in, other)
		}
		seen[key] = in[0] + "/" + in[1]
		if !strings.HasPrefix(key, "lockout:{default#b") || strings.Contains(key, "abc") {
			t.Errorf("key %q", key)
		}
	}
}
