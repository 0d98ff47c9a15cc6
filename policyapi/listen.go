// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/caddy-lockout/caddy-lockout/internal/subscription"
)

// listen keeps a subscription to the changes of the instance until ctx ends.
func (c *Cache) listen(ctx context.Context) {
	l := subscription.Listener{
		Client:    c.store.client,
		Channels:  []string{c.store.keys.Changes()},
		Ping:      c.options.Poll,
		Confirmed: c.queue.doubt,
		Heard:     func(_, payload string) { c.heard(payload) },
		OnError:   func(err error) { c.options.OnError(fmt.Errorf("following policy changes: %w", err)) },
	}
	l.Listen(ctx)
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
