// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"fmt"
	"time"

	"github.com/caddy-lockout/caddy-lockout/internal/subscription"
)

// refresh is the only goroutine that reads policies for the cache and the only
// one that writes what is held. One read after another: whatever a read finds
// is newer than what the one before it found, so taking it over is always
// right, also after the sequence went back.
func (c *Cache) refresh(ctx context.Context) {
	defer c.queue.close()
	poll := time.NewTicker(c.options.Poll)
	defer poll.Stop()
	retry := time.NewTimer(time.Hour)
	retry.Stop()
	defer retry.Stop()
	state := subscription.Outage{Hook: c.options.OnError}
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
					retry.Reset(state.Failed(fmt.Errorf("reading policies: %w", err)))
				}
				break
			}
			state.Over()
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
