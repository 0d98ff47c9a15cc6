// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// never is a poll that takes no part in the test.
const never = time.Hour

func TestMissReadsOnce(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		n := e.node(t, new(line))
		c := n.cache(t, policyapi.Options{Poll: never})
		e.subscribed(t, 1)
		effective(t, c, "warm", fallback)
		count := new(reads)
		n.client.AddHook(count)
		must(t)(e.store.Add(t.Context(), "org", limits(1, 2), newOp()))
		eventually(t, "the read after the message", func() bool { return count.n.Load() >= 1 })

		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if got, err := c.Effective(t.Context(), "org"); err != nil || got != limits(1, 2) {
					t.Errorf("limits are %v, %v", got, err)
				}
			})
		}
		wg.Wait()
		for range 100 {
			effective(t, c, "org", limits(1, 2))
		}
		// One for the calls, one for the message, and at most one for the
		// subscription, which may stand only now.
		if got := count.n.Load(); got > 3 {
			t.Fatalf("%d reads for 200 calls, want 3", got)
		}
	})
}

func TestMessageReachesOtherNode(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		ctx, ok := t.Context(), must(t)
		a, b := e.cache(t, policyapi.Options{Poll: never}), e.node(t, new(line)).cache(t, policyapi.Options{Poll: never})
		e.subscribed(t, 2)
		organizations := []string{"org", "with blank : and colon:", "12 org", longName}
		for _, organization := range organizations {
			effective(t, b, organization, fallback)
		}
		for _, organization := range organizations {
			ok(a.Add(ctx, organization, limits(0, 7), newOp()))
			effective(t, a, organization, limits(0, 7))
			becomes(t, b, organization, limits(0, 7))
			ok(a.Update(ctx, organization, limits(3, 7), newOp()))
			effective(t, a, organization, limits(3, 7))
			becomes(t, b, organization, limits(3, 7))
		}
		ok(a.UpdateDefault(ctx, limits(20, 21), newOp()))
		for _, organization := range organizations {
			effective(t, b, organization, limits(3, 7))
			ok(a.Reset(ctx, organization, newOp()))
			effective(t, a, organization, limits(20, 21))
			becomes(t, b, organization, limits(20, 21))
		}
		ok(b.UpdateDefault(ctx, limits(22, 23), newOp()))
		for _, organization := range organizations {
			effective(t, b, organization, limits(22, 23))
			becomes(t, a, organization, limits(22, 23))
		}
	})
}

func TestPollFindsLostMessages(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		ctx, ok := t.Context(), must(t)
		deaf := new(line)
		deaf.deaf.Store(true)
		b := e.node(t, deaf).cache(t, policyapi.Options{Poll: 20 * time.Millisecond})
		effective(t, b, "org", fallback)
		effective(t, b, "other", fallback)
		ok(e.store.Add(ctx, "org", limits(1, 2), newOp()))
		becomes(t, b, "org", limits(1, 2))
		ok(e.store.UpdateDefault(ctx, limits(3, 4), newOp()))
		becomes(t, b, "other", limits(3, 4))
		ok(e.store.Reset(ctx, "org", newOp()))
		becomes(t, b, "org", limits(3, 4))
	})
}

// The number is allowed to move back, and to a number that was there before.
func TestEmptiedStore(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		ctx, ok := t.Context(), must(t)
		empty := func() {
			t.Helper()
			if err := e.client.FlushAll(ctx).Err(); err != nil {
				t.Fatal(err)
			}
		}
		for name, test := range map[string]struct {
			options policyapi.Options
			deaf    bool
		}{
			"by poll":    {policyapi.Options{Poll: 20 * time.Millisecond}, true},
			"by message": {policyapi.Options{Poll: never}, false},
		} {
			t.Run(name, func(t *testing.T) {
				empty()
				l := new(line)
				l.deaf.Store(test.deaf)
				c := e.node(t, l).cache(t, test.options)
				if !test.deaf {
					e.subscribed(t, 1)
				}
				for i := range 5 {
					ok(e.store.Add(ctx, fmt.Sprint("org", i), limits(1, uint32(i)), newOp()))
				}
				for i := range 5 {
					becomes(t, c, fmt.Sprint("org", i), limits(1, uint32(i)))
				}
				empty()
				ok(e.store.Add(ctx, "org0", limits(9, 9), newOp()))
				becomes(t, c, "org0", limits(9, 9))
				for i := 1; i < 5; i++ {
					becomes(t, c, fmt.Sprint("org", i), fallback)
				}
				ok(e.store.UpdateDefault(ctx, limits(8, 8), newOp()))
				becomes(t, c, "org1", limits(8, 8))
			})
		}
	})
}

// A message that is lost shows in the number of the next one; one that is
// forged, late or repeated does no harm.
func TestMessagesOutOfOrder(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		ctx, ok := t.Context(), must(t)
		c := e.cache(t, policyapi.Options{Poll: never})
		e.subscribed(t, 1)
		ok(e.store.Add(ctx, "org", limits(1, 1), newOp()))
		becomes(t, c, "org", limits(1, 1))
		for i, payload := range []string{"3 other", "1 org", "2", "", "x org", "18446744073709551616 org", "99 a\nb", "7 "} {
			// What no message told of: only a payload that is doubted, or that
			// names the organization, brings it.
			want := limits(1, uint32(i+10))
			if err := e.client.HSet(ctx, e.keys.Policy("org"), "otp", fmt.Sprint(want.MaxOTPAttempts)).Err(); err != nil {
				t.Fatal(err)
			}
			if err := e.client.Publish(ctx, e.keys.Changes(), payload).Err(); err != nil {
				t.Fatal(err)
			}
			becomes(t, c, "org", want)
		}
		ok(e.store.Update(ctx, "org", limits(5, 5), newOp()))
		becomes(t, c, "org", limits(5, 5))
	})
}

// The read of a miss begins before a change and ends after its message.
func TestSlowReadLosesToMessage(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		n := e.node(t, new(line))
		var slow atomic.Bool
		answered, release := make(chan struct{}), make(chan struct{})
		n.client.AddHook(&reads{gate: func() {
			if slow.CompareAndSwap(true, false) {
				answered <- struct{}{}
				<-release
			}
		}})
		witness := e.client.Subscribe(t.Context(), e.keys.Changes())
		defer witness.Close()
		c := n.cache(t, policyapi.Options{Poll: never})
		e.subscribed(t, 2)
		effective(t, c, "warm", fallback)
		for i := range 20 {
			organization, want := fmt.Sprint("org", i), limits(uint32(i), 5)
			slow.Store(true)
			done := make(chan error)
			go func() {
				_, err := c.Effective(context.Background(), organization)
				done <- err
			}()
			<-answered
			must(t)(e.store.Add(t.Context(), organization, want, newOp()))
			if _, err := witness.ReceiveMessage(t.Context()); err != nil {
				t.Fatal(err)
			}
			release <- struct{}{}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			becomes(t, c, organization, want)
		}
	})
}

func TestStoreDownAtConstruction(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		l := new(line)
		l.set(true)
		var reports atomic.Int64
		c := e.node(t, l).cache(t, policyapi.Options{Poll: 50 * time.Millisecond, OnError: func(error) { reports.Add(1) }})
		if _, err := c.Effective(t.Context(), "org"); !errors.Is(err, errCut) {
			t.Fatalf("organization never seen: %v", err)
		}
		eventually(t, "several tries", func() bool { return l.dials.Load() > 20 })
		if n := reports.Load(); n < 1 || n > 2 {
			t.Fatalf("%d reports of one outage, want one from each goroutine", n)
		}
		must(t)(e.store.Add(t.Context(), "org", limits(1, 2), newOp()))
		l.set(false)
		effective(t, c, "org", limits(1, 2))
		e.subscribed(t, 1)
	})
}

func TestStoreAwayKeepsWhatIsHeld(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		ctx, ok := t.Context(), must(t)
		l := new(line)
		c := e.node(t, l).cache(t, policyapi.Options{Poll: 20 * time.Millisecond})
		e.subscribed(t, 1)
		ok(c.Add(ctx, "org", limits(1, 2), newOp()))
		effective(t, c, "org", limits(1, 2))
		effective(t, c, "other", fallback)

		l.set(true)
		for range 3 {
			effective(t, c, "org", limits(1, 2))
			effective(t, c, "other", fallback)
			if _, err := c.Effective(ctx, "never seen"); err == nil {
				t.Fatal("an organization never seen has limits while the store is away")
			}
			if _, err := c.Update(ctx, "org", limits(9, 9), newOp()); err == nil {
				t.Fatal("a change was made while the store is away")
			}
		}
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		if _, err := c.Effective(short, "never seen"); err == nil {
			t.Fatal("no error after the caller's time")
		}
		ok(e.store.Update(ctx, "org", limits(3, 4), newOp()))
		ok(e.store.UpdateDefault(ctx, limits(5, 6), newOp()))
		effective(t, c, "org", limits(1, 2))
		l.set(false)
		becomes(t, c, "org", limits(3, 4))
		becomes(t, c, "other", limits(5, 6))
		effective(t, c, "never seen", limits(5, 6))
	})
}

// The connection of the subscription breaks, and a change falls into the gap.
func TestBrokenSubscription(t *testing.T) {
	t.Parallel()
	e := newEnv(t, redistest.Start(t).Client(t))
	c := e.cache(t, policyapi.Options{Poll: never})
	e.subscribed(t, 1)
	effective(t, c, "org", fallback)
	for i := range uint32(4) {
		if err := e.client.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
			t.Fatal(err)
		}
		must(t)(e.store.UpdateDefault(t.Context(), limits(i, i), newOp()))
		becomes(t, c, "org", limits(i, i))
	}
}

// Two nodes write at the same time. Each reads what it wrote, and both end
// with what the store holds.
func TestOwnChanges(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		nodes := []*policyapi.Cache{
			e.node(t, new(line)).cache(t, policyapi.Options{Poll: 10 * time.Millisecond}),
			e.node(t, new(line)).cache(t, policyapi.Options{Poll: never}),
		}
		ctx := t.Context()
		var wg sync.WaitGroup
		for i, c := range nodes {
			organization := fmt.Sprint("org", i)
			wg.Go(func() {
				for j := range uint32(30) {
					for _, step := range []struct {
						write func() (policyapi.Details, error)
						want  policyapi.Limits
					}{
						{func() (policyapi.Details, error) { return c.Add(ctx, organization, limits(j, 1), newOp()) }, limits(j, 1)},
						{func() (policyapi.Details, error) { return c.Update(ctx, organization, limits(j, 2), newOp()) }, limits(j, 2)},
						{func() (policyapi.Details, error) { return c.Reset(ctx, organization, newOp()) }, fallback},
					} {
						_, err := step.write()
						got, err2 := c.Effective(ctx, organization)
						if err != nil || err2 != nil || got != step.want {
							t.Errorf("own change: %v, then %v, %v, want %v", err, got, err2, step.want)
							return
						}
					}
				}
				if _, err := c.Add(ctx, organization, limits(99, uint32(i)), newOp()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, c := range nodes {
			for i := range nodes {
				becomes(t, c, fmt.Sprint("org", i), limits(99, uint32(i)))
			}
		}
	})
}

func TestBoundedAndHotStays(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		n := e.node(t, new(line))
		c := n.cache(t, policyapi.Options{Poll: never, Organizations: 20})
		e.subscribed(t, 1)
		effective(t, c, "hot", fallback)
		count := new(reads)
		n.client.AddHook(count)
		const flood = 500
		for i := range flood {
			effective(t, c, "hot", fallback)
			effective(t, c, fmt.Sprint("cold", i), fallback)
		}
		// Some twenty reads are the most that eviction may cost the hot one:
		// in the first rounds, all entries look alike.
		if n := count.n.Load(); n < flood || n > flood+20 {
			t.Fatalf("%d reads for %d organizations", n, flood)
		}
		// What was evicted is read again: not more than the bound is held.
		count.n.Store(0)
		for i := range flood {
			effective(t, c, fmt.Sprint("cold", i), fallback)
		}
		if n := count.n.Load(); n < flood-20 {
			t.Fatalf("%d reads: more than 20 of %d organizations were held", n, flood)
		}
	})
}

// More organizations than one read takes, and every one of them changes.
func TestRefreshOfMany(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		ctx := t.Context()
		c := e.cache(t, policyapi.Options{Poll: never})
		e.subscribed(t, 1)
		const many = 1300
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() {
				if _, err := c.Effective(ctx, fmt.Sprint("org", i)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		pipe := e.client.Pipeline()
		for i := range many {
			pipe.HSet(ctx, e.keys.Policy(fmt.Sprint("org", i)), "sequence", 1, "password", i, "otp", 0, "created", "1 2", "changed", "1 2")
		}
		pipe.Publish(ctx, e.keys.Changes(), "7 org0") // six are missing
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
		for i := range many {
			becomes(t, c, fmt.Sprint("org", i), limits(uint32(i), 0))
		}
	})
}

func TestClose(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		c := policyapi.NewCache(e.store, policyapi.Options{})
		effective(t, c, "org", fallback)
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if _, err := c.Effective(t.Context(), fmt.Sprint("org", i)); err != nil && !errors.Is(err, policyapi.ErrClosed) && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		c.Close()
		c.Close()
		wg.Wait()
		effective(t, c, "org", fallback)
		if _, err := c.Effective(t.Context(), "never seen"); !errors.Is(err, policyapi.ErrClosed) {
			t.Fatalf("closed cache: %v", err)
		}
		e.subscribed(t, 0)
	})
}

func TestCacheRefusesOrganizations(t *testing.T) {
	t.Parallel()
	l := new(line)
	l.set(true)
	e := newEnv(t, redistest.Start(t).Client(t))
	c := e.node(t, l).cache(t, policyapi.Options{})
	for name, organization := range map[string]string{"empty": "", "too long": longName + "x", "control": "a\x00"} {
		if _, err := c.Effective(t.Context(), organization); !errors.Is(err, policyapi.ErrOrganization) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Readers never see limits that were not in force at some time, while nodes
// write, messages break and the store goes away.
func TestReadersAndWriters(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		ctx := t.Context()
		stop := make(chan struct{})
		var wg sync.WaitGroup
		lines := []*line{new(line), new(line)}
		var nodes []*policyapi.Cache
		for _, l := range lines {
			nodes = append(nodes, e.node(t, l).cache(t, policyapi.Options{Poll: 10 * time.Millisecond, Organizations: 6}))
		}
		for i, c := range nodes {
			wg.Go(func() {
				for j := uint32(1); ; j++ {
					select {
					case <-stop:
						return
					default:
					}
					organization := fmt.Sprint("org", j%8)
					// Password and OTP limits always go together.
					_, _ = c.Add(ctx, organization, limits(j, j+1), newOp())
					_, _ = c.Update(ctx, organization, limits(j+2, j+3), newOp())
					if j%3 == 0 {
						_, _ = c.Reset(ctx, organization, newOp())
						_, _ = c.UpdateDefault(ctx, limits(j, j+1), newOp())
					}
					if j%20 == 0 {
						lines[i].set(true)
						lines[i].set(false)
					}
				}
			})
			for range 4 {
				wg.Go(func() {
					for j := 0; ; j++ {
						select {
						case <-stop:
							return
						default:
						}
						got, err := c.Effective(ctx, fmt.Sprint("org", j%8))
						if err == nil && got.MaxOTPAttempts != got.MaxPasswordAttempts+1 {
							t.Errorf("limits %v were never in force", got)
							return
						}
					}
				})
			}
		}
		eventually(t, "100 changes", func() bool { return e.sequence(t) >= 100 })
		close(stop)
		wg.Wait()
		for i := range 8 {
			organization := fmt.Sprint("org", i)
			p, err := e.store.Get(ctx, organization)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range nodes {
				becomes(t, c, organization, p.Limits)
			}
		}
	})
}
