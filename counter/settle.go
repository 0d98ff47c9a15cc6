// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	settleBackoff    = 20 * time.Millisecond
	maxSettleBackoff = time.Second
)

// Settle ends the attempt with an outcome for each factor that it reserved. A
// factor without one counts as failed.
//
// A success is settled before Settle returns, and tried again until ctx ends;
// give ctx the deadline of the reservation. A LockedError means that the user
// was locked meanwhile: the answer must not reach the client.
//
// Everything else is taken over and delivered in the background, with the next
// call for the same subject or within a few milliseconds, tried again until the
// store has acknowledged it. Settle then returns at once. ErrFactor and ErrID are
// the only other errors.
func (c *Counter) Settle(ctx context.Context, s Subject, attemptID string, outcomes []FactorOutcome) error {
	if err := checkID(attemptID); err != nil {
		return err
	}
	letters, success, err := encodeOutcomes(outcomes)
	if err != nil {
		return err
	}
	t := &settlement{id: attemptID, outcomes: letters, born: time.Now()}
	if c.local != nil {
		if ours, err := c.settleLocally(s, t); ours {
			return err
		}
	}
	if success {
		return c.settleNow(ctx, s, t)
	}
	c.deliver(s, t)
	return nil
}

// Reset forgives the failures of some factors, as a completed password reset
// does. It removes no lock.
func (c *Counter) Reset(ctx context.Context, s Subject, operationID string, factors ...Factor) error {
	if err := checkID(operationID); err != nil {
		return err
	}
	t := &settlement{id: operationID, born: time.Now()}
	for _, f := range factors {
		if !f.valid() {
			return fmt.Errorf("%w: %d", ErrFactor, f)
		}
		t.outcomes += string(f.letter()) + "z"
	}
	return c.settleNow(ctx, s, t)
}

// settleNow settles before it returns, together with what is pending.
func (c *Counter) settleNow(ctx context.Context, s Subject, t *settlement) error {
	for wait := settleBackoff; ; wait = min(2*wait, maxSettleBackoff) {
		riding := c.pending.of(s)
		reply, err := c.store.settle(ctx, group{subject: s, settlements: append(riding[:len(riding):len(riding)], t)})
		if err == nil {
			c.acknowledge(s, riding, reply)
			if reply.lock == nil {
				return nil
			}
			if reply.lock.ID == t.id {
				c.locked(s, *reply.lock)
			}
			if reply.code == 0 {
				return &LockedError{Lock: *reply.lock}
			}
			return nil
		}
		if c.local != nil && Away(err) {
			return c.passWithout(s, t)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("settling a success: %w (%w)", err, context.Cause(ctx))
		}
	}
}

// deliver leaves a settlement to the background.
func (c *Counter) deliver(s Subject, t *settlement) {
	if !c.pending.add(s, t) {
		// The store has been away for long. The reservation will expire.
		c.lost(s, errors.New("settling: too much is pending"))
		return
	}
	if c.lines.ahead(s, ^mask(0)) {
		signal(c.pending.hurry)
	}
}

// acknowledge takes note of what the store said of a subject when these
// settlements reached it.
func (c *Counter) acknowledge(s Subject, ts []*settlement, r reply) {
	c.pending.done(s, ts)
	if r.lock == nil {
		c.lines.wake(s, r.free)
		return
	}
	for _, t := range ts {
		if t.id == r.lock.ID {
			c.locked(s, *r.lock)
		}
	}
	c.lines.refuse(s, *r.lock)
}

// Flush delivers everything that is pending. It tries again until ctx ends.
func (c *Counter) Flush(ctx context.Context) error {
	for wait := settleBackoff; ; wait = min(2*wait, maxSettleBackoff) {
		err := c.flush(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("flushing: %w (%w)", err, context.Cause(ctx))
		}
	}
}

// flush tries once to deliver what is pending.
func (c *Counter) flush(ctx context.Context) error {
	now := time.Now()
	for _, g := range c.pending.expired(func(t *settlement) bool { return now.Sub(t.born) > c.keep(t) }) {
		for range g.settlements {
			c.lost(g.subject, errors.New("settling: the store did not answer until the reservation expired"))
		}
	}
	groups := c.pending.all()
	if len(groups) == 0 {
		return nil
	}
	var failed error
	for i, r := range c.store.settleAll(ctx, groups) {
		if r.err != nil {
			failed = r.err
			continue
		}
		c.acknowledge(groups[i].subject, groups[i].settlements, r)
	}
	return failed
}

// giveUpLife is how long a reserve without answer is remembered. A stalled
// store may run it whenever it comes back, and the user was told 503.
const giveUpLife = time.Hour

// keep returns how long a settlement is worth delivering. A reservation that
// has expired counts as failed already.
func (c *Counter) keep(t *settlement) time.Duration {
	if t.outcomes == giveUp {
		return max(giveUpLife, c.opts.ReservationTTL)
	}
	return c.opts.ReservationTTL
}

// flushLoop delivers in the background until ctx ends.
func (c *Counter) flushLoop(ctx context.Context) {
	backoff := time.Duration(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.pending.ready:
		}
		select {
		case <-ctx.Done():
			return
		case <-c.pending.hurry:
		case <-time.After(max(c.opts.FlushDelay, backoff)):
		}
		if err := c.flush(ctx); err != nil {
			backoff = min(max(2*backoff, settleBackoff), maxSettleBackoff)
			signal(c.pending.ready)
		} else {
			backoff = 0
		}
	}
}

func (c *Counter) lost(s Subject, err error) {
	if c.opts.Hooks.Lost != nil {
		c.opts.Hooks.Lost(s, err)
	}
}
