// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"fmt"
	"time"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
	"github.com/caddy-lockout/caddy-lockout/internal/subscription"
)

// newsPing is how often the subscription to locks and unlocks is tried.
const newsPing = 4 * time.Second

// follow hears of locks and unlocks that other nodes make, until ctx ends. The
// scripts publish each under the name of the index that it changes: a plus or
// a minus sign and the member.
func (c *Counter) follow(ctx context.Context) {
	channels := make([]string, keyspace.Shards)
	for i := range channels {
		channels[i] = c.store.keys.Locked(i)
	}
	l := subscription.Listener{
		Client:   c.store.client,
		Channels: channels,
		Ping:     newsPing,
		Confirmed: func() {
			c.denied.dropAll()
			if c.local != nil {
				c.local.known.missed()
			}
		},
		Heard:   func(_, payload string) { c.heard(payload) },
		OnError: c.deaf("following locks and unlocks"),
	}
	l.Listen(ctx)
}

// deaf tells that this node begins to miss what others do.
func (c *Counter) deaf(doing string) func(error) {
	return func(err error) {
		if c.opts.Hooks.Deaf != nil {
			c.opts.Hooks.Deaf(fmt.Errorf("%s: %w", doing, err))
		}
	}
}

// heard takes one message. One that cannot be read is not ours.
func (c *Counter) heard(payload string) {
	if payload == "" {
		return
	}
	s, err := keyspace.ParseMember(payload[1:])
	if err != nil {
		return
	}
	switch payload[0] {
	case '+':
		if c.local != nil {
			c.local.known.add(s)
		}
	case '-':
		c.unlocked(s)
	}
}

// unlocked takes note that somebody unlocked a subject.
func (c *Counter) unlocked(s Subject) {
	c.denied.drop(s)
	if c.local != nil {
		c.local.known.remove(s)
	}
}
