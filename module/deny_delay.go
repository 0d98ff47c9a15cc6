// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

const (
	// maxDelayed bounds the answers of a site that wait for deny_delay. Each
	// costs its connection and a timer, but neither a slot nor its body.
	maxDelayed = 4096
	// maxDenyDelay keeps a reload from waiting long for answers that are due.
	maxDenyDelay = 10 * time.Second
)

// delays hold back the answers to locked users, so that they take as long as a
// wrong password does.
type delays struct {
	floor  time.Duration
	places chan struct{}
	over   chan struct{} // closed when the configuration is replaced
}

func newDelays(floor time.Duration) *delays {
	return &delays{floor: floor, places: make(chan struct{}, maxDelayed), over: make(chan struct{})}
}

// hold waits until the floor has passed since start, the client has left or the
// configuration is replaced. When too many wait already the answer goes at
// once: a flood must not cost memory without end.
func (d *delays) hold(ctx context.Context, start time.Time, err error) {
	if d.floor == 0 || !errors.Is(err, counter.ErrLocked) {
		return
	}
	rest := d.floor - time.Since(start)
	if rest <= 0 {
		return
	}
	select {
	case d.places <- struct{}{}:
		defer func() { <-d.places }()
	default:
		return
	}
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-d.over:
	}
}

// end lets go of every answer that is held back.
func (d *delays) end() { close(d.over) }
