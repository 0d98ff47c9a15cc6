// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// confirmed collects what Hooks.Confirmed tells.
type confirmed struct {
	mu   sync.Mutex
	seen map[string][]error
}

func (c *confirmed) hook(s counter.Subject, _ counter.Lock, _ int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[s.User] = append(c.seen[s.User], err)
}

// of waits for the one report about a user.
func (c *confirmed) of(t testing.TB, user string) error {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c.mu.Lock()
		seen := c.seen[user]
		c.mu.Unlock()
		if len(seen) == 1 {
			return seen[0]
		}
		if len(seen) > 1 || time.Now().After(end) {
			t.Fatalf("reports about the lock of %s: %v, want one", user, seen)
		}
	}
}

func (c *confirmed) want(t testing.TB, user string, want error) {
	t.Helper()
	if err := c.of(t, user); !errors.Is(err, want) {
		t.Errorf("lock of %s: %v, want %v", user, err, want)
	}
}

// lockByGuesses uses up a limit of one, so that settling it locks.
func lockByGuesses(t testing.TB, c *counter.Counter, s counter.Subject) {
	t.Helper()
	_, err := c.Reserve(t.Context(), s, "guess", []counter.FactorLimit{{Factor: counter.Password, Max: 1}})
	must(t, err)
	must(t, c.Settle(t.Context(), s, "guess", settle(counter.Password, counter.Failure)))
}

func confirming(t testing.TB, client redis.UniversalClient, replicas int) (*counter.Counter, *confirmed) {
	seen := &confirmed{seen: map[string][]error{}}
	return newCounter(t, client, counter.Options{
		CallTimeout: 20 * time.Second, ConfirmReplicas: replicas, ConfirmTimeout: 300 * time.Millisecond,
		Hooks: counter.Hooks{Confirmed: seen.hook},
	}), seen
}

func user(name string) counter.Subject { return counter.Subject{Organization: "acme", User: name} }

func TestLocksAreConfirmedByReplicas(t *testing.T) {
	t.Parallel()
	sentinel := redistest.StartSentinel(t)
	client := sentinel.Client(t)
	c, seen := confirming(t, client, 2)
	lockByGuesses(t, c, user("guessed"))
	seen.want(t, "guessed", nil)
	must(t, c.Lock(t.Context(), user("admin"), "op"))
	seen.want(t, "admin", nil)
	must(t, c.Lock(t.Context(), user("admin"), "op")) // repeated: no second report
	seen.want(t, "admin", nil)

	// One of two is too few for two and enough for one.
	sentinel.Replicas[0].Freeze(t)
	must(t, c.Lock(t.Context(), user("too few"), "op"))
	seen.want(t, "too few", counter.ErrUnconfirmed)
	lockByGuesses(t, c, user("too few guessed"))
	seen.want(t, "too few guessed", counter.ErrUnconfirmed)
	one, enough := confirming(t, client, 1)
	must(t, one.Lock(t.Context(), user("enough"), "op"))
	enough.want(t, "enough", nil)
	for _, name := range []string{"too few", "too few guessed"} {
		if err := c.Check(t.Context(), user(name), "check"); !errors.Is(err, counter.ErrLocked) {
			t.Errorf("without confirmation %s is not locked: %v", name, err)
		}
	}
	sentinel.Replicas[0].Thaw(t)
}

// The wait for replicas may be longer than a read of the client.
func TestConfirmingOutlastsAReadOfTheClient(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr, ContextTimeoutEnabled: true, ReadTimeout: time.Second})
	t.Cleanup(func() { _ = client.Close() })
	seen := &confirmed{seen: map[string][]error{}}
	c := newCounter(t, client, counter.Options{
		CallTimeout: 20 * time.Second, ConfirmReplicas: 1, ConfirmTimeout: 2 * time.Second, Hooks: counter.Hooks{Confirmed: seen.hook},
	})
	must(t, c.Lock(t.Context(), user("alice"), "op"))
	seen.want(t, "alice", counter.ErrUnconfirmed)
}

// Each lock is confirmed by the replicas of the master that has its slot.
func TestLocksAreConfirmedOnTheirNodeOfACluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	client := cluster.Client(t)
	c, seen := confirming(t, client, 1)
	cluster.Replicas[1].Freeze(t)
	counts := map[bool]int{}
	for i := range 24 {
		s := user(fmt.Sprintf("user%d", i))
		master, err := client.MasterForKey(t.Context(), newKeys(t).User(s).User)
		must(t, err)
		want := error(nil)
		if master.Options().Addr == cluster.Masters[1].Addr {
			want = counter.ErrUnconfirmed
		}
		counts[want == nil]++
		if i%2 == 0 {
			lockByGuesses(t, c, s)
		} else {
			must(t, c.Lock(t.Context(), s, "op"))
		}
		seen.want(t, s.User, want)
	}
	if counts[true] == 0 || counts[false] == 0 {
		t.Errorf("users by master: %v, want some on either", counts)
	}
	cluster.Replicas[1].Thaw(t)
}

// A lock that a failover has lost is not taken for confirmed.
func TestLockThatIsGoneIsNotConfirmed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client(t)
	seen := &confirmed{seen: map[string][]error{}}
	c := newCounter(t, client, counter.Options{
		CallTimeout: 20 * time.Second, ConfirmReplicas: 1,
		Hooks: counter.Hooks{
			// This runs between the lock and its confirmation.
			Locked:    func(counter.Subject, counter.Lock) { must(t, client.FlushAll(t.Context()).Err()) },
			Confirmed: seen.hook,
		},
	})
	must(t, c.Lock(t.Context(), user("alice"), "op"))
	seen.want(t, "alice", counter.ErrLockGone)
	if n, err := client.DBSize(t.Context()).Result(); n != 0 || err != nil {
		t.Errorf("confirming wrote %d keys, %v", n, err)
	}
}

// What a closing counter still delivers is confirmed too.
func TestCloseConfirms(t *testing.T) {
	t.Parallel()
	client := redistest.StartSentinel(t).Client(t)
	seen := &confirmed{seen: map[string][]error{}}
	c, err := counter.New(client, newKeys(t), counter.Options{
		CallTimeout: 20 * time.Second, FlushDelay: time.Hour, ConfirmReplicas: 2, Hooks: counter.Hooks{Confirmed: seen.hook},
	})
	must(t, err)
	lockByGuesses(t, c, user("late"))
	must(t, c.Close(t.Context()))
	if seen.want(t, "late", nil); len(seen.seen) != 1 {
		t.Errorf("reports %v", seen.seen)
	}
}
