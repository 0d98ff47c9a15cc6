// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
)

// storm is a fault that strikes a store under load.
type storm struct {
	fault  string
	stores []redisKind
	lossy  bool // an async replica takes over
	strike func(t testing.TB, s *redisStore)
}

var storms = []storm{
	{"none: load alone", redisKinds, false, func(testing.TB, *redisStore) { time.Sleep(500 * time.Millisecond) }},
	{"SIGSTOP 0.7 s of every master", redisKinds, false, func(t testing.TB, s *redisStore) {
		// The replicas do not take over yet.
		s.freezeFor(t, 700*time.Millisecond)
	}},
	{"SCRIPT FLUSH again and again", redisKinds, false, func(t testing.TB, s *redisStore) {
		for _, c := range s.masterClients(t) {
			for range 30 {
				if err := c.ScriptFlush(context.Background()).Err(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
	}},
	{"CLIENT KILL of every connection", redisKinds, false, func(t testing.TB, s *redisStore) {
		for _, c := range s.masterClients(t) {
			for range 20 {
				if err := c.ClientKillByFilter(context.Background(), "TYPE", "normal", "SKIPME", "yes").Err(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(20 * time.Millisecond)
			}
		}
	}},
	{"kill -9 of a master, a replica takes over", redisKinds[1:], true, func(t testing.TB, s *redisStore) {
		time.Sleep(300 * time.Millisecond)
		killed := time.Now()
		s.masters[0].Kill()
		s.awaitPromotion(t, 1)
		t.Logf("a replica took over after %s", time.Since(killed))
	}},
	{"CLUSTER FAILOVER by the operator", redisKinds[2:], false, func(t testing.TB, s *redisStore) {
		time.Sleep(300 * time.Millisecond)
		if err := s.replicas[0].Client(t).Do(context.Background(), "CLUSTER", "FAILOVER").Err(); err != nil {
			t.Fatal(err)
		}
		s.awaitPromotion(t, 1)
		time.Sleep(300 * time.Millisecond)
	}},
	{"slots move to another master", redisKinds[2:], false, moveSlots},
}

// However a store under load is struck, each guess that reached the login
// service is counted once, and no slot stays behind.
func TestStorms(t *testing.T) {
	t.Parallel()
	const users = 6
	for _, st := range storms {
		for _, kind := range st.stores {
			t.Run(st.fault+"/"+kind.name, func(t *testing.T) {
				t.Parallel()
				s := kind.start(t)
				f := newFront(t, s, 3, nil)
				f.storm(users, func() { st.strike(t, s) })
				t.Logf("load ended")
				report(t, f.tally(t, s, row{fault: st.fault}, users, st.lossy))
			})
		}
	}
}

// awaitPromotion waits until so many replicas have become masters.
func (s *redisStore) awaitPromotion(t testing.TB, k int) {
	t.Helper()
	eventually(t, "a replica takes over", func() bool {
		promoted := 0
		for _, r := range s.replicas {
			if strings.Contains(r.Client(t).Info(context.Background(), "replication").Val(), "role:master") {
				promoted++
			}
		}
		return promoted >= k
	})
}

// moveSlots moves the slots of users from the first master to the second, as an
// operator who reshards does.
func moveSlots(t testing.TB, s *redisStore) {
	ctx := context.Background()
	from, to := s.masters[0].Client(t), s.masters[1].Client(t)
	fromID, toID := nodeID(t, from), nodeID(t, to)
	moved := 0
	for _, slot := range userSlots(t, from) {
		if slot >= 16384/3 { // not of the first master
			continue
		}
		do(t, to, "CLUSTER", "SETSLOT", slot, "IMPORTING", fromID)
		do(t, from, "CLUSTER", "SETSLOT", slot, "MIGRATING", toID)
		for {
			keys, err := from.ClusterGetKeysInSlot(ctx, slot, 10).Result()
			if err != nil {
				t.Fatal(err)
			}
			if len(keys) == 0 {
				break
			}
			host, port, _ := net.SplitHostPort(s.masters[1].Addr)
			args := []any{"MIGRATE", host, port, "", 0, 5000, "KEYS"}
			for _, k := range keys {
				args = append(args, k)
			}
			do(t, from, args...)
		}
		for _, c := range []*redis.Client{to, from, s.masters[2].Client(t)} {
			do(t, c, "CLUSTER", "SETSLOT", slot, "NODE", toID)
		}
		moved++
	}
	if moved == 0 {
		t.Fatal("no slot moved")
	}
}

// userSlots are the slots that hold users.
func userSlots(t testing.TB, c *redis.Client) (slots []int) {
	t.Helper()
	keys, err := keyspace.New("", "")
	if err != nil {
		t.Fatal(err)
	}
	for shard := range keyspace.Shards {
		slot, err := c.ClusterKeySlot(context.Background(), keys.Locked(shard)).Result()
		if err != nil {
			t.Fatal(err)
		}
		slots = append(slots, int(slot))
	}
	return slots
}

func nodeID(t testing.TB, c *redis.Client) string {
	t.Helper()
	id, err := c.Do(context.Background(), "CLUSTER", "MYID").Text()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func do(t testing.TB, c *redis.Client, args ...any) {
	t.Helper()
	if err := c.Do(context.Background(), args...).Err(); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
}
