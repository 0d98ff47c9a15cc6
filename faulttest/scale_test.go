// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// bytesPerUser is what a user with failures may cost Redis, TTL included.
const bytesPerUser = 210

// Many users with failures, and many locked ones: memory stays within its bound,
// lists are read by pages, and who is not locked is forgotten some day.
func TestScale(t *testing.T) {
	t.Parallel()
	tracked, locked := 100_000, 10_000
	if *long {
		tracked, locked = 1_000_000, 100_000
	}
	server := redistest.Start(t)
	client := server.Client(t)
	ctx := context.Background()
	keys, err := keyspace.New("", "")
	if err != nil {
		t.Fatal(err)
	}
	c := newCounter(t, client, counter.Options{CallTimeout: patience})

	// One of them by hand, so that the others are what the counter writes.
	model := counter.Record{Counters: map[string]string{"np": "3", "bp": "2"}, Expires: time.Now().Add(counterLife)}
	sample := subjectOf("sample")
	for i := range 4 {
		id := fmt.Sprint("a", i)
		if _, err := c.Reserve(ctx, sample, id, []counter.FactorLimit{{Factor: counter.Password, Max: limit}}); err != nil {
			t.Fatal(err)
		}
		outcome := counter.Failure
		if i == 2 {
			outcome = counter.Success
		}
		if err := c.Settle(ctx, sample, id, []counter.FactorOutcome{{Factor: counter.Password, Outcome: outcome}}); err != nil {
			t.Fatal(err)
		}
		if i == 1 { // success forgives two, the last one counts
			if err := c.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := c.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	restore(t, client, keys, 1, func(int) (counter.Subject, counter.Record) { return subjectOf("restored"), model })
	byHand, restored := sizeOf(t, client, keys, sample), sizeOf(t, client, keys, subjectOf("restored"))
	if byHand > restored {
		t.Errorf("a user whom the counter wrote takes %d bytes, one that was restored %d", byHand, restored)
	}

	before := usedMemory(t, client)
	restore(t, client, keys, tracked, func(i int) (counter.Subject, counter.Record) {
		return subjectOf(fmt.Sprintf("tracked%d@example.com", i)), model
	})
	perUser := (usedMemory(t, client) - before) / int64(tracked)
	if perUser > bytesPerUser {
		t.Errorf("a tracked user takes %d bytes, want at most %d", perUser, bytesPerUser)
	}
	for _, i := range []int{0, tracked / 2, tracked - 1} {
		key := keys.User(subjectOf(fmt.Sprintf("tracked%d@example.com", i))).User
		if ttl := client.PTTL(ctx, key).Val(); ttl <= 0 || ttl > counterLife {
			t.Errorf("user %d, who is not locked, lives for %s", i, ttl)
		}
	}
	report(t, row{
		fault: fmt.Sprintf("none: %d tracked users", tracked), store: "standalone",
		invariant: fmt.Sprintf("%d bytes a user with TTL, at most %d", perUser, bytesPerUser),
	})

	lockText := fmt.Sprintf("p,%d,abcdefghijklmnop,policy", time.Now().UnixMilli())
	restore(t, client, keys, locked, func(i int) (counter.Subject, counter.Record) {
		return subjectOf(fmt.Sprintf("locked%d@example.com", i)),
			counter.Record{Lock: lockText, Counters: map[string]string{"np": "5"}}
	})
	readPages(t, c, locked)
}

// readPages reads the whole list and reports how long a page took.
func readPages(t *testing.T, c *counter.Counter, locked int) {
	t.Helper()
	const page = 100
	var times []time.Duration
	seen, last := 0, ""
	filter := counter.ListFilter{Limit: page}
	for {
		start := time.Now()
		rows, next, err := c.ListLocked(context.Background(), filter)
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, time.Since(start))
		for _, r := range rows {
			if r.Member() <= last {
				t.Fatalf("%q is listed after %q", r.Member(), last)
			}
			last = r.Member()
		}
		seen += len(rows)
		if next == "" {
			break
		}
		filter.After = next
	}
	count, err := c.CountLocked(context.Background(), nil)
	if err != nil || seen != locked || count != int64(locked) {
		t.Errorf("%d users are listed, %d counted, %v; want %d", seen, count, err, locked)
	}
	slices.Sort(times)
	report(t, row{
		fault: fmt.Sprintf("none: page of %d of %d locked users", page, locked), store: "standalone", locks: locked,
		invariant: fmt.Sprintf("each listed once; page p50 %.1f ms, p99 %.1f ms",
			ms(times[len(times)/2]), ms(times[len(times)*99/100])),
	})
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// restore writes users as the embedded store does when it starts, which is the
// same form and takes seconds for a million.
func restore(t testing.TB, client redis.UniversalClient, keys *keyspace.Keyspace, k int, user func(i int) (counter.Subject, counter.Record)) {
	t.Helper()
	const batch = 2000
	var rows []counter.Row
	for i := range k {
		s, r := user(i)
		rows = append(rows, counter.Row{Keys: keys.User(s), Member: s.Member(), Record: r})
		if len(rows) == batch || i == k-1 {
			if err := counter.Restore(context.Background(), client, rows); err != nil {
				t.Fatal(err)
			}
			rows = rows[:0]
		}
	}
}

// sizeOf is what the hash of a user takes.
func sizeOf(t testing.TB, client *redis.Client, keys *keyspace.Keyspace, s counter.Subject) int64 {
	t.Helper()
	size, err := client.MemoryUsage(context.Background(), keys.User(s).User).Result()
	if err != nil {
		t.Fatal(err)
	}
	return size
}

func usedMemory(t testing.TB, client *redis.Client) int64 {
	t.Helper()
	info, err := client.Info(context.Background(), "memory").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, "used_memory:")
	text, _, _ := strings.Cut(rest, "\r\n")
	used, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return used
}
