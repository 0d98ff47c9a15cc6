// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// A node whose clock is an hour off, either way, counts as the others do: every
// deadline and every time of a lock is the store's. The node runs in a bubble of
// testing/synctest, whose clock stands where the test puts it.
func TestNodeWithAWrongClock(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{time.Hour, -time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			right := newCounter(t, server.Client(t), counter.Options{})
			real := time.Now()
			sent, reached := 0, 0
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(real.Add(off))) // which takes no time, and moves the clock of the bubble
				client := redis.NewClient(&redis.Options{Addr: server.Addr, ContextTimeoutEnabled: true, ReadTimeout: patience, WriteTimeout: patience})
				keys, err := keyspace.New("", "")
				if err != nil {
					t.Fatal(err)
				}
				wrong, err := counter.New(client, keys, counter.Options{CallTimeout: patience})
				if err != nil {
					t.Fatal(err)
				}
				ctx, s := context.Background(), subjectOf("alice")
				nodes := []*counter.Counter{wrong, right}
				for i := range 50 {
					id := fmt.Sprint("a", i)
					sent++
					_, err := nodes[i%2].Reserve(ctx, s, id, []counter.FactorLimit{{Factor: counter.Password, Max: limit}})
					if errors.Is(err, counter.ErrLocked) {
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					reached++
					// Neither node takes the slot of the other for expired.
					for _, n := range nodes {
						st, err := n.State(ctx, s)
						if got := st.Factors[counter.Password]; err != nil || got.Reservations != 1 || int(got.Failures) != reached-1 {
							t.Errorf("during attempt %d: %+v, %v", i, got, err)
						}
					}
					if err := nodes[i%2].Settle(ctx, s, id, []counter.FactorOutcome{{Factor: counter.Password, Outcome: counter.Failure}}); err != nil {
						t.Fatal(err)
					}
					if err := nodes[i%2].Flush(ctx); err != nil {
						t.Fatal(err)
					}
				}
				if err := wrong.Lock(ctx, subjectOf("bob"), "op"); err != nil {
					t.Error(err)
				}
				if err := errors.Join(wrong.Close(ctx), client.Close()); err != nil {
					t.Error(err)
				}
			})
			bob, err := right.State(context.Background(), subjectOf("bob"))
			if err != nil || bob.Lock == nil {
				t.Fatalf("bob: %+v, %v", bob, err)
			}
			if d := time.Since(bob.Lock.At); d < -time.Minute || d > time.Minute {
				t.Errorf("the lock by the node whose clock is wrong has the time %s, %s from now", bob.Lock.At, d)
			}
			alice, err := right.State(context.Background(), subjectOf("alice"))
			if err != nil || alice.Lock == nil || reached != limit {
				t.Errorf("alice: %+v, %v; %d attempts reached the service", alice, err, reached)
			}
			report(t, row{
				fault: "one node's clock is off by " + off.String(), store: "standalone", sent: sent, reached: reached,
				counted: int(alice.Factors[counter.Password].Failures), locks: 1, invariant: "exactly 5; times are the store's",
			})
		})
	}
}
