// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// listen keeps a subscription to the changes of the instance until ctx ends.
func (c *Cache) listen(ctx context.Context) {
	state := outage{hook: c.options.OnError}
	for ctx.Err() == nil {
		var since time.Time
		err := c.session(ctx, func() { since = time.Now() })
		if ctx.Err() != nil {
			return
		}
		// A subscription that ends as soon as it stands is part of the outage.
		if !since.IsZero() && time.Since(since) > longestPause {
			state.over()
		}
		select {
		case <-time.After(state.failed(fmt.Errorf("listening for policy changes: %w", err))):
		case <-ctx.Done():
		}
	}
}

// session is one subscription, until it fails. It does not use the channel of
// go-redis, whose goroutines nobody can wait for.
func (c *Cache) session(ctx context.Context, confirmed func()) error {
	subscription := c.store.client.Subscribe(ctx) // to nothing yet: no connection
	ctx, cancel := context.WithCancel(ctx)
	c.wg.Go(func() { c.keepAlive(ctx, subscription) })
	defer cancel()

	if err := subscription.Subscribe(ctx, c.store.keys.Changes()); err != nil {
		return err
	}
	for {
		// Silence beyond several pings is a connection that died without
		// saying so.
		message, err := subscription.ReceiveTimeout(ctx, 3*c.options.Poll)
		if err != nil {
			return err
		}
		switch m := message.(type) {
		case *redis.Subscription:
			// Whatever was published before this, nobody heard.
			confirmed()
			c.queue.doubt()
		case *redis.Message:
			c.heard(m.Payload)
		}
	}
}

// keepAlive pings a subscription, so that silence means something, and closes
// it when ctx ends: nothing else interrupts a read of go-redis.
func (c *Cache) keepAlive(ctx context.Context, subscription *redis.PubSub) {
	ping := time.NewTicker(c.options.Poll)
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = subscription.Close()
			return
		case <-ping.C:
			_ = subscription.Ping(ctx) // its failure ends the read as well
		}
	}
}

// heard takes the payload that lua/change.lua publishes: the sequence, a blank
// and the organization, which may hold anything. It carries no limits: a
// message that comes late cannot bring old ones.
func (c *Cache) heard(payload string) {
	number, organization, ok := strings.Cut(payload, " ")
	sequence, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil || (organization != "" && CheckOrganization(organization) != nil) {
		c.queue.doubt() // someone else publishes here: believe the store only
		return
	}
	c.queue.changed(sequence, organization)
}
