// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Between two tries to reach the store: long enough not to hurry it, short
// enough to be back before the next poll.
const (
	shortestPause = 50 * time.Millisecond
	longestPause  = 2 * time.Second
)

// quiet is the least time between two reports of the same goroutine: a store
// that comes and goes is one story.
const quiet = 10 * time.Second

// refresh is the only goroutine that reads policies for the cache and the only
// one that writes what is held. One read after another: whatever a read finds
// is newer than what the one before it found, so taking it over is always
// right, also after the sequence went back.
func (c *Cache) refresh(ctx context.Context) {
	defer c.queue.close()
	poll := time.NewTicker(c.options.Poll)
	defer poll.Stop()
	retry := time.NewTimer(longestPause)
	retry.Stop()
	defer retry.Stop()
	state := outage{hook: c.options.OnError}
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.queue.wake:
		case <-retry.C:
		case <-poll.C:
			c.queue.poll()
		}
		for ctx.Err() == nil {
			b := c.queue.take(c.held)
			if b == nil {
				break
			}
			if err := c.read(ctx, b); err != nil {
				if ctx.Err() == nil {
					retry.Reset(state.failed(fmt.Errorf("reading policies: %w", err)))
				}
				break
			}
			state.over()
		}
	}
}

// read brings one batch.
func (c *Cache) read(ctx context.Context, b *batch) error {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	p, err := c.store.read(ctx, b.organizations)
	if err != nil {
		c.queue.failed(b, err)
		return err
	}
	c.held.put(b.organizations, p, func(organization string) bool { return b.misses[organization] != nil })
	c.queue.read(b, p.sequence)

	// Only now: whoever waited must find what it waited for.
	rows := make(map[string]row, len(b.organizations))
	for i, organization := range b.organizations {
		rows[organization] = p.policies[i]
	}
	for organization, answer := range b.misses {
		limits := p.standard.Limits
		if rows[organization].custom {
			limits = rows[organization].policy.Limits
		}
		answer.finish(limits, rows[organization].err)
	}
	for _, answer := range b.backs {
		answer.finish(Limits{}, rows[answer.organization].err)
	}
	return nil
}

// outage reports the first of a row of failures and says how long to pause
// after each.
type outage struct {
	hook     func(error)
	pause    time.Duration // zero while all is well
	reported time.Time
}

func (o *outage) failed(err error) time.Duration {
	if now := time.Now(); o.pause == 0 && now.Sub(o.reported) >= quiet {
		o.reported = now
		o.hook(err)
	}
	o.pause = min(max(shortestPause, o.pause*2), longestPause)
	// Half of it at random: the nodes of an instance lose Redis together and
	// must not come back together.
	return o.pause/2 + rand.N(o.pause/2)
}

func (o *outage) over() { o.pause = 0 }
