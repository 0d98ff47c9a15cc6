// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
)

// meeting is a cluster that answers nobody before all shards have been asked.
type meeting struct {
	mu    sync.Mutex
	asked int
	full  chan struct{}
}

func (m *meeting) DialHook(next redis.DialHook) redis.DialHook { return next }

func (m *meeting) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(context.Context, []redis.Cmder) error { return io.EOF }
}

func (m *meeting) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		m.mu.Lock()
		if m.asked++; m.asked == keyspace.Shards {
			close(m.full)
		}
		m.mu.Unlock()
		select {
		case <-m.full:
			cmd.(*redis.Cmd).SetVal([]any{""})
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// A shard that is back is found while others cost a time-out each.
func TestShardsAreProbedAtOnce(t *testing.T) {
	t.Parallel()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}})
	t.Cleanup(func() { _ = client.Close() })
	m := &meeting{full: make(chan struct{})}
	client.AddHook(m)
	c := newTest(t, client, Options{CallTimeout: 20 * time.Second, DenyTTL: -1})
	b := c.store.breakers
	for _, s := range b.shard {
		for range tripAfter {
			done, err := b.allow(s)
			if err != nil {
				t.Fatal(err)
			}
			done(io.EOF)
		}
		if b.closed(s) {
			t.Fatal("three failures did not open the breaker")
		}
	}
	for end := time.Now().Add(40 * time.Second); ; time.Sleep(time.Millisecond) {
		open := 0
		for _, s := range b.shard {
			if !b.closed(s) {
				open++
			}
		}
		if open == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d breakers are still open", open, len(b.shard))
		}
	}
}
