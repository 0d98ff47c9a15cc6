// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// Replicas are asynchronous: a master acknowledges what no replica has yet.
// Confirmed locks are those that replicas are known to have, and no failover
// loses one. What is not confirmed may be lost, and the table says how often it
// was.
func TestLocksOverFailover(t *testing.T) {
	t.Parallel()
	for _, kind := range redisKinds[1:] {
		for _, cutOff := range []bool{false, true} {
			name := "replicas keep up"
			if cutOff {
				name = "replicas are cut off before"
			}
			t.Run(kind.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := kind.start(t)
				var mu sync.Mutex
				confirmed := map[string]bool{}
				n := newCounter(t, s.dial(t, nil, 0), counter.Options{
					ConfirmReplicas: 1, ConfirmTimeout: 100 * time.Millisecond,
					Hooks: counter.Hooks{Confirmed: func(u counter.Subject, _ counter.Lock, replicas int, err error) {
						mu.Lock()
						defer mu.Unlock()
						confirmed[u.User] = err == nil && replicas >= 1
					}},
				})
				var locked []string
				lock := func(k int) {
					user := fmt.Sprint("alice", len(locked))
					for range k {
						if err := n.Lock(context.Background(), subjectOf(user), fmt.Sprint("op", len(locked))); err == nil {
							locked = append(locked, user)
						}
						user = fmt.Sprint("alice", len(locked))
					}
				}
				lock(60)
				if cutOff {
					for _, r := range s.replicas {
						r.Freeze(t)
					}
					// What is on its way would still arrive.
					for _, m := range s.masterClients(t) {
						do(t, m, "CLIENT", "KILL", "TYPE", "replica")
					}
					lock(20)
				}
				for _, m := range s.masters[:1] {
					m.Kill()
				}
				if cutOff {
					for _, r := range s.replicas {
						r.Thaw(t)
					}
				}
				s.awaitPromotion(t, 1)
				r := row{fault: "kill -9 of a master after locks, " + name, store: kind.name, sent: len(locked)}
				sure, gone := 0, 0
				for _, user := range locked {
					var st counter.State
					eventually(t, "the new master answers", func() (ok bool) {
						var err error
						st, err = n.State(context.Background(), subjectOf(user))
						return err == nil
					})
					mu.Lock()
					is := confirmed[user]
					mu.Unlock()
					switch {
					case st.Lock != nil:
						r.locks++
					case is:
						t.Errorf("the lock of %s was confirmed by a replica, and is lost", user)
					default:
						gone++
					}
					if is {
						sure++
					}
				}
				if sure == 0 {
					t.Error("no lock was confirmed: nothing is proven")
				}
				r.invariant = fmt.Sprintf("%d confirmed by WAIT: 0 lost; %d not confirmed: %d lost (sent: lock calls)", sure, len(locked)-sure, gone)
				report(t, r)
			})
		}
	}
}
