// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package subscription listens to channels of Redis with goroutines that
// somebody waits for, which the channel of go-redis does not offer, and with
// silence that means something.
package subscription

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Between two tries to reach the store: long enough not to hurry it, short
// enough to be back soon after it is.
const (
	shortestPause = 50 * time.Millisecond
	longestPause  = 2 * time.Second
)

// quiet is the least time between two reports of the same Outage: a store that
// comes and goes is one story.
const quiet = 10 * time.Second

// Listener is a subscription that is renewed until its context ends. Its hooks
// are called from one goroutine and must not block.
type Listener struct {
	Client   redis.UniversalClient
	Channels []string
	// Ping is how often the connection is tried. Silence of three times as
	// long ends it.
	Ping time.Duration
	// Confirmed is called when a subscription stands: what was published
	// before, nobody heard.
	Confirmed func()
	// Heard takes a message.
	Heard func(channel, payload string)
	// OnError hears when listening begins to fail, and seldom then.
	OnError func(error)
}

// Listen keeps the subscription until ctx ends.
func (l *Listener) Listen(ctx context.Context) {
	state := Outage{Hook: l.OnError}
	for ctx.Err() == nil {
		var since time.Time
		err := l.session(ctx, func() { since = time.Now() })
		if ctx.Err() != nil {
			return
		}
		// A subscription that ends as soon as it stands is part of the outage.
		if !since.IsZero() && time.Since(since) > longestPause {
			state.Over()
		}
		select {
		case <-time.After(state.Failed(fmt.Errorf("listening: %w", err))):
		case <-ctx.Done():
		}
	}
}

// session is one subscription, until it fails.
func (l *Listener) session(ctx context.Context, stands func()) error {
	s := l.Client.Subscribe(ctx) // to nothing yet: no connection
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { l.keepAlive(ctx, s) })

	if err := s.Subscribe(ctx, l.Channels...); err != nil {
		return err
	}
	for confirmed := 0; ; {
		message, err := s.ReceiveTimeout(ctx, 3*l.Ping)
		if err != nil {
			return err
		}
		switch m := message.(type) {
		case *redis.Subscription:
			// One for each channel. After a reconnection by the client they
			// come again, all of them.
			if confirmed++; confirmed%len(l.Channels) == 0 {
				stands()
				l.Confirmed()
			}
		case *redis.Message:
			l.Heard(m.Channel, m.Payload)
		}
	}
}

// keepAlive pings a subscription, and closes it when ctx ends: nothing else
// interrupts a read of go-redis.
func (l *Listener) keepAlive(ctx context.Context, s *redis.PubSub) {
	ping := time.NewTicker(l.Ping)
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = s.Close()
			return
		case <-ping.C:
			_ = s.Ping(ctx) // its failure ends the read as well
		}
	}
}

// Outage reports the first of a row of failures and says how long to pause
// after each.
type Outage struct {
	// Hook hears of it. It must not block.
	Hook func(error)

	pause    time.Duration // zero while all is well
	reported time.Time
}

// Failed takes a failure and returns how long to wait before the next try.
func (o *Outage) Failed(err error) time.Duration {
	if now := time.Now(); o.pause == 0 && now.Sub(o.reported) >= quiet {
		o.reported = now
		o.Hook(err)
	}
	o.pause = min(max(shortestPause, o.pause*2), longestPause)
	// Half of it at random: the nodes of an instance lose Redis together and
	// must not come back together.
	return o.pause/2 + rand.N(o.pause/2)
}

// Over ends the outage.
func (o *Outage) Over() { o.pause = 0 }
