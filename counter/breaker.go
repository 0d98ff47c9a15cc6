// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
)

const (
	// tripAfter failed calls in a row the store counts as away. One is a
	// connection that broke.
	tripAfter = 3
	// probeEvery is how often a store that is away is tried.
	probeEvery = 200 * time.Millisecond
)

// breakers keep a dead store from holding requests: while one is open, calls
// for its users fail at once, and only the counter's own goroutine tries the
// store. On a Cluster each shard has its own, because one dead master leaves
// the others at work.
type breakers struct {
	of    []*gobreaker.TwoStepCircuitBreaker[struct{}]
	shard []Subject // of each, somebody to ask for; nobody has this name
}

func newBreakers(cluster bool, away func(bool)) *breakers {
	b := &breakers{}
	n := 1
	if cluster {
		n = keyspace.Shards
	}
	b.shard = make([]Subject, n)
	for range n {
		b.of = append(b.of, gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
			Timeout:      probeEvery / 2,
			ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
			IsSuccessful: func(err error) bool { return err == nil || !Away(err) },
			OnStateChange: func(_ string, from, to gobreaker.State) {
				if from == gobreaker.StateClosed || to == gobreaker.StateClosed {
					away(to != gobreaker.StateClosed)
				}
			},
		}))
	}
	for i, found := 0, 0; found < n; i++ {
		// No attempt has an organization without a name.
		s := Subject{User: "probe " + strconv.Itoa(i)}
		if at := b.index(s); b.shard[at] == (Subject{}) {
			b.shard[at] = s
			found++
		}
	}
	return b
}

func (b *breakers) index(s Subject) int { return keyspace.Shard(s) % len(b.of) }

// allow returns ErrAway, or a function that takes the result of the call.
func (b *breakers) allow(s Subject) (func(error), error) {
	breaker := b.of[b.index(s)]
	if breaker.State() != gobreaker.StateClosed {
		return nil, ErrAway
	}
	done, err := breaker.Allow()
	if err != nil {
		return nil, ErrAway
	}
	return done, nil
}

// closed reports whether calls for a subject are made.
func (b *breakers) closed(s Subject) bool {
	return b.of[b.index(s)].State() == gobreaker.StateClosed
}

// probe tries the store for each breaker that is open, with a script that
// writes nothing. All at once: a shard that is back must not wait for the
// time-outs of those of a master that stays dead.
func (c *Counter) probe(ctx context.Context) {
	b := c.store.breakers
	var asking sync.WaitGroup
	defer asking.Wait()
	for i, breaker := range b.of {
		if ctx.Err() != nil {
			return
		}
		if breaker.State() != gobreaker.StateHalfOpen {
			continue
		}
		done, err := breaker.Allow()
		if err != nil {
			continue
		}
		asking.Go(func() {
			s := b.shard[i]
			_, err := c.store.script(ctx, "state", c.store.stateScript, s, []any{s.Member()})
			done(err)
		})
	}
}

// often does something as often as a store that is away is tried, until ctx
// ends.
func often(ctx context.Context, do func(context.Context)) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do(ctx)
		}
	}
}
