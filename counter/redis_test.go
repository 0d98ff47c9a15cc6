// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

var limits5 = []counter.FactorLimit{{Factor: counter.Password, Max: 5}}

func newKeys(t testing.TB) *keyspace.Keyspace {
	t.Helper()
	k, err := keyspace.New("", "")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// newCounter returns a counter that ends with the test.
func newCounter(t testing.TB, client redis.UniversalClient, o counter.Options) *counter.Counter {
	t.Helper()
	c, err := counter.New(client, newKeys(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func settle(f counter.Factor, o counter.Outcome) []counter.FactorOutcome {
	return []counter.FactorOutcome{{Factor: f, Outcome: o}}
}

func wantFailures(t testing.TB, c *counter.Counter, s counter.Subject, failures, held uint32) {
	t.Helper()
	st, err := c.State(t.Context(), s)
	if got := st.Factors[counter.Password]; err != nil || got.Failures != failures || got.Reservations != held {
		t.Fatalf("state %+v, %v; want %d failures, %d reservations", st, err, failures, held)
	}
}

// TestRetriesOfTheClient cuts the connection after Redis has run a script, so
// that go-redis sends it again by itself.
func TestRetriesOfTheClient(t *testing.T) {
	t.Parallel()
	p := startProxy(t, redistest.Start(t).Addr)
	client := redis.NewClient(&redis.Options{Addr: p.addr, ContextTimeoutEnabled: true, ReadTimeout: 5 * time.Second})
	t.Cleanup(func() { _ = client.Close() })
	c := newCounter(t, client, counter.Options{CallTimeout: 20 * time.Second, FlushDelay: time.Hour})
	ctx := t.Context()

	s := counter.Subject{User: "alice"}
	_, err := c.State(ctx, s) // the connection works
	must(t, err)
	for i := range uint32(10) {
		id := fmt.Sprintf("a%d", i)
		limits := []counter.FactorLimit{{Factor: counter.Password, Max: 100}}
		p.cut("reserve", 2)
		r, err := c.Reserve(ctx, s, id, limits)
		if err != nil || !r.Held {
			t.Fatalf("reserving over a cut connection: %+v, %v", r, err)
		}
		wantFailures(t, c, s, i, 1)
		must(t, c.Settle(ctx, s, id, settle(counter.Password, counter.Failure)))
		p.cut("settle", 2)
		must(t, c.Flush(ctx))
		wantFailures(t, c, s, i+1, 0)
	}
	_, err = c.Reserve(ctx, s, "right", []counter.FactorLimit{{Factor: counter.Password, Max: 100}})
	must(t, err)
	p.cut("success", 2)
	must(t, c.Settle(ctx, s, "right", settle(counter.Password, counter.Success)))
	wantFailures(t, c, s, 0, 0)

	p.cut("lock", 1)
	must(t, c.Lock(ctx, s, "op1"))
	p.cut("unlock", 1)
	must(t, c.Unlock(ctx, s, "op2"))
	events, err := client.XLen(ctx, newKeys(t).User(s).Events).Result()
	if err != nil || events != 2 {
		t.Fatalf("%d events, %v; want one lock and one unlock", events, err)
	}
	if left := p.left.Load(); left != 0 {
		t.Fatalf("%d cuts did not happen", left)
	}
}

// proxy passes connections on to Redis and cuts some after the answer to a
// script has come, which it keeps.
type proxy struct {
	addr string
	left atomic.Int64
	t    testing.TB
}

func startProxy(t testing.TB, backend string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &proxy{addr: l.Addr().String(), t: t}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.pass(c, backend) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return p
}

// cut arms the next k scripts.
func (p *proxy) cut(what string, k int64) {
	p.t.Helper()
	if left := p.left.Swap(k); left != 0 {
		p.t.Fatalf("%d cuts did not happen before the %s", left, what)
	}
}

// pass passes one connection on. A client sends and then reads, so each read of
// what it sent is a whole call here.
func (p *proxy) pass(client net.Conn, backend string) {
	defer client.Close()
	server, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	var cutting atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		defer client.Close()
		buf := make([]byte, 64<<10)
		for {
			k, err := server.Read(buf)
			if err != nil || cutting.Load() {
				return
			}
			if _, err := client.Write(buf[:k]); err != nil {
				return
			}
		}
	})
	defer wg.Wait()
	defer server.Close()
	buf := make([]byte, 64<<10)
	for {
		k, err := client.Read(buf)
		if err != nil {
			return
		}
		// A retry is an EVALSHA as well: the script is known by then.
		if bytes.Contains(bytes.ToLower(buf[:k]), []byte("eval")) && p.take() {
			cutting.Store(true)
		}
		if _, err := io.Copy(server, bytes.NewReader(buf[:k])); err != nil {
			return
		}
		if cutting.Load() {
			wg.Wait() // until Redis has answered
			return
		}
	}
}

// take uses up one cut.
func (p *proxy) take() bool {
	for {
		left := p.left.Load()
		if left <= 0 {
			return false
		}
		if p.left.CompareAndSwap(left, left-1) {
			return true
		}
	}
}

func TestHashStaysAListpack(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	c := newCounter(t, client, counter.Options{})
	ctx, s := t.Context(), counter.Subject{Organization: "acme", User: "alice"}
	var all []counter.FactorLimit
	for _, f := range counter.Factors() {
		all = append(all, counter.FactorLimit{Factor: f, Max: 100})
	}
	id := func(i int) string { return fmt.Sprintf("%032d", i) }
	for i := range 13 {
		_, err := c.Reserve(ctx, s, id(i), all)
		must(t, err)
		if i < 10 {
			must(t, c.Settle(ctx, s, id(i), nil))
		}
		if i == 5 {
			must(t, c.Reset(ctx, s, "reset", counter.Factors()...))
		}
	}
	must(t, c.Lock(ctx, s, "lock"))
	must(t, c.Unlock(ctx, s, id(98)))
	must(t, c.Lock(ctx, s, id(99)))
	key := newKeys(t).User(s).User
	hash, err := client.HGetAll(ctx, key).Result()
	must(t, err)
	if len(hash) != 5*2+3+1+1+1 {
		t.Fatalf("the hash has %d fields, want 2 for each factor, 3 reservations, a lock, an unlock and the trace of the lock before: %v", len(hash), hash)
	}
	for field, value := range hash {
		if len(field) > 64 || len(value) > 64 {
			t.Errorf("field %q has %d bytes: %q", field, len(value), value)
		}
	}
	if encoding, err := client.ObjectEncoding(ctx, key).Result(); err != nil || encoding != "listpack" {
		t.Fatalf("the hash is a %s, %v; want a listpack", encoding, err)
	}
}

// TestPausedRedis lets Redis hold back what it gets, as a stalled one does.
func TestPausedRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	operator := server.Client(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr, ContextTimeoutEnabled: true, ReadTimeout: 100 * time.Millisecond})
	t.Cleanup(func() { _ = client.Close() })
	c := newCounter(t, client, counter.Options{CallTimeout: 300 * time.Millisecond})
	ctx, s := t.Context(), counter.Subject{User: "alice"}
	_, err := c.State(ctx, s)
	must(t, err)
	must(t, operator.ClientPause(ctx, 1500*time.Millisecond).Err())
	for i := range 4 {
		if _, err := c.Reserve(ctx, s, fmt.Sprintf("a%d", i), limits5); err == nil {
			t.Fatal("a paused Redis answered")
		}
	}
	long, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	must(t, c.Flush(long))
	wantFailures(t, c, s, 0, 0)
	for errors.Is(c.Check(ctx, s, "check"), counter.ErrAway) {
		time.Sleep(10 * time.Millisecond) // until the counter has found the store
	}
	// All slots are there: nobody was charged for the stall.
	for i := range 5 {
		_, err := c.ReserveIn(ctx, counter.Queue{}, s, fmt.Sprintf("b%d", i), limits5)
		must(t, err)
	}
}
