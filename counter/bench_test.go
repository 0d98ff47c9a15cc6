// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter_test

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

func BenchmarkAttempt(b *testing.B) {
	for name, client := range map[string]redis.UniversalClient{"redis": redistest.Start(b).Client(b), "miniredis": redistest.Embedded(b)} {
		c := newCounter(b, client, counter.Options{FlushDelay: time.Hour})
		most := []counter.FactorLimit{{Factor: counter.Password, Max: math.MaxUint32}}
		attempt := func(b *testing.B, o counter.Outcome) {
			b.ReportAllocs()
			s, outcomes := counter.Subject{Organization: "acme", User: b.Name()}, settle(counter.Password, o)
			i := 0
			for b.Loop() {
				id := "a" + strconv.Itoa(i)
				i++
				if _, err := c.Reserve(b.Context(), s, id, most); err != nil {
					b.Fatal(err)
				}
				if err := c.Settle(b.Context(), s, id, outcomes); err != nil {
					b.Fatal(err)
				}
			}
			must(b, c.Flush(b.Context()))
		}
		b.Run(name+"/failure", func(b *testing.B) { attempt(b, counter.Failure) })
		b.Run(name+"/success", func(b *testing.B) { attempt(b, counter.Success) })
		b.Run(name+"/locked", func(b *testing.B) {
			b.ReportAllocs()
			s := counter.Subject{Organization: "acme", User: b.Name()}
			_ = c.Lock(b.Context(), s, "op")
			for b.Loop() {
				if _, err := c.Reserve(b.Context(), s, "b", limits5); err == nil {
					b.Fatal("a locked user passed")
				}
			}
		})
	}
}

// BenchmarkMemory reports the bytes that Redis keeps for a user with one
// failure. Run it with -benchtime=100000x.
func BenchmarkMemory(b *testing.B) {
	client := redistest.Start(b).Client(b)
	c := newCounter(b, client, counter.Options{FlushDelay: 20 * time.Millisecond, CallTimeout: 20 * time.Second})
	used := func() int64 {
		info, err := client.Info(b.Context(), "memory").Result()
		must(b, err)
		_, rest, _ := strings.Cut(info, "used_memory:")
		text, _, _ := strings.Cut(rest, "\r")
		n, err := strconv.ParseInt(text, 10, 64)
		must(b, err)
		return n
	}
	before, users := used(), 0
	for b.Loop() {
		s, id := counter.Subject{Organization: "acme", User: "user" + strconv.Itoa(users)}, "a"+strconv.Itoa(users)
		users++
		if _, err := c.Reserve(b.Context(), s, id, limits5); err != nil {
			b.Fatal(err)
		}
		must(b, c.Settle(b.Context(), s, id, settle(counter.Password, counter.Failure)))
	}
	must(b, c.Flush(b.Context()))
	b.ReportMetric(float64(used()-before)/float64(users), "B/user")
}
