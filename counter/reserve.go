// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Queue bounds the attempts of one user that wait on this node for a slot.
type Queue struct {
	// Size is how many may wait; one more is refused as busy at once.
	Size int
	// Wait is how long one may wait.
	Wait time.Duration
}

// DefaultQueue is the queue of Reserve.
var DefaultQueue = Queue{Size: 256, Wait: 30 * time.Second}

// Reservation is the permission to send one attempt to the login service.
type Reservation struct {
	// Held is false when every limit is 0: nothing is to be settled then, and
	// a success needs only Check.
	Held bool
}

// Reserve asks for a slot of every factor, all or none, and waits for one in
// the DefaultQueue. See ReserveIn.
func (c *Counter) Reserve(ctx context.Context, s Subject, attemptID string, limits []FactorLimit) (Reservation, error) {
	return c.ReserveIn(ctx, DefaultQueue, s, attemptID, limits)
}

// ReserveIn asks for a slot of every factor whose limit is not 0, all or none.
// Whoever got one must Settle under the same id. attemptID is 1 to 32 letters,
// digits, dashes or underscores, and never used twice.
//
// Errors: a LockedError when the user is locked; ErrBusy when the queue is full
// or no slot came free in time; ErrID; ErrAliased when the user is a name that
// leads to accounts, which ReserveAll follows; the context's error when it ended
// while waiting; else the store's error, ErrAway when the store was not even
// asked. After any of them the attempt holds nothing: what an unanswered call may
// have reserved is given back in the background.
func (c *Counter) ReserveIn(ctx context.Context, q Queue, s Subject, attemptID string, limits []FactorLimit) (Reservation, error) {
	if err := checkAttempt(attemptID, limits); err != nil {
		return Reservation{}, err
	}
	return c.reserveAs(ctx, q, s, role{}, attemptID, limits)
}

func checkAttempt(attemptID string, limits []FactorLimit) error {
	if err := checkID(attemptID); err != nil {
		return err
	}
	for i, l := range limits {
		if !l.Factor.valid() {
			return fmt.Errorf("%w: %d", ErrFactor, l.Factor)
		}
		if slices.ContainsFunc(limits[:i], func(x FactorLimit) bool { return x.Factor == l.Factor }) {
			return fmt.Errorf("%w: %s is named twice", ErrFactor, l.Factor)
		}
	}
	return nil
}

func (c *Counter) reserveAs(ctx context.Context, q Queue, s Subject, as role, id string, limits []FactorLimit) (Reservation, error) {
	factors := maskOf(limits)
	// Nobody overtakes: with others waiting, the end of the line is the place.
	if factors == 0 || !c.lines.ahead(s, factors) {
		r, full, err := c.try(ctx, s, as, id, limits)
		if err != nil || !full {
			return r, err
		}
	}
	return c.await(ctx, q, s, as, id, limits, factors)
}

// Check returns a LockedError when the user is locked, or an account that the
// name of the user leads to; or the store's error.
func (c *Counter) Check(ctx context.Context, s Subject, attemptID string) error {
	_, err := c.ReserveAll(ctx, Queue{}, attemptID, Want{Subject: s})
	return err
}

// try asks once. full means that there is no free slot now.
func (c *Counter) try(ctx context.Context, s Subject, as role, id string, limits []FactorLimit) (r Reservation, full bool, err error) {
	if c.local == nil {
		return c.tryStore(ctx, s, as, id, limits)
	}
	// What was counted here must not be free in the store. Neither must what may
	// still be counted here: a store that is back is only asked for a lock until
	// the slots of this node have ended. Looked at first: one that ends while
	// the debt is paid is not in it.
	held := c.local.holds(s, limits)
	if err = c.pay(ctx, s, c.store.run); err == nil {
		if held {
			_, _, err = c.tryStore(ctx, s, as, id, nil)
			full = err == nil
		} else {
			r, full, err = c.tryStore(ctx, s, as, id, limits)
		}
	}
	if err != nil && Away(err) {
		return c.reserveLocally(s, as, id, limits)
	}
	return r, full, err
}

// tryStore asks the store, unless it has just said that the user is locked.
func (c *Counter) tryStore(ctx context.Context, s Subject, as role, id string, limits []FactorLimit) (r Reservation, full bool, err error) {
	asked := time.Now()
	lock, epoch := c.denied.of(s, asked)
	if lock != nil {
		return Reservation{}, false, &LockedError{Lock: *lock}
	}
	riding := c.pending.of(s)
	reply, err := c.store.reserve(ctx, s, as, id, limits, riding)
	if err != nil {
		// The store may have granted it and only the answer got lost.
		if maskOf(limits) != 0 && !errors.Is(err, ErrAway) {
			c.deliver(s, &settlement{id: id, outcomes: giveUp, born: time.Now()})
		}
		return Reservation{}, false, err
	}
	c.acknowledge(s, riding, reply)
	switch reply.code {
	case codeGranted:
		return Reservation{Held: true}, false, nil
	case codePasses:
		return Reservation{}, false, nil
	case codeFull:
		return Reservation{}, true, nil
	case codeStrange:
		return Reservation{}, false, &aliasedError{name: s, accounts: reply.accounts}
	case codeGivenUp:
		return Reservation{}, false, ErrGivenUp
	case codeLocked:
		if reply.lock == nil {
			return Reservation{}, false, fmt.Errorf("reserving: the store names no lock")
		}
		c.denied.put(s, *reply.lock, asked, epoch)
		if reply.lock.ID == id {
			c.locked(s, *reply.lock)
		}
		if reply.free > 0 {
			c.deliver(s, &settlement{id: id, outcomes: giveUp, born: time.Now()})
		}
		return Reservation{}, false, &LockedError{Lock: *reply.lock}
	}
	return Reservation{}, false, fmt.Errorf("reserving: unknown reply %d", reply.code)
}

// await waits in line for a slot. A settle on this node wakes the line; slots
// that other nodes free are found by whoever is first in line, who asks again
// from time to time.
func (c *Counter) await(ctx context.Context, q Queue, s Subject, as role, id string, limits []FactorLimit, factors mask) (Reservation, error) {
	w := c.lines.join(s, factors, q.Size)
	if w == nil {
		return Reservation{}, ErrBusy
	}
	defer c.lines.leave(s, w)
	start := time.Now()
	defer func() { c.waited(time.Since(start)) }()
	// What was settled before this attempt came may decide about it.
	signal(c.pending.hurry)

	deadline := time.NewTimer(q.Wait)
	defer deadline.Stop()
	again := time.NewTimer(c.poll())
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return Reservation{}, fmt.Errorf("waiting for a slot: %w", context.Cause(ctx))
		case <-deadline.C:
			return Reservation{}, ErrBusy
		case <-w.woken:
			if lock := c.lines.refused(w); lock != nil {
				return Reservation{}, &LockedError{Lock: *lock}
			}
		case <-again.C:
			again.Reset(c.poll())
			if !c.lines.first(s, w) {
				continue
			}
		}
		if r, full, err := c.try(ctx, s, as, id, limits); err != nil || !full {
			return r, err
		}
	}
}

func (c *Counter) waited(d time.Duration) {
	if c.opts.Hooks.Waited != nil {
		c.opts.Hooks.Waited(d)
	}
}
