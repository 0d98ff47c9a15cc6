// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What follows is the counter with Options.Local: the floor under it while the
// store is away, and the way back.

// reserveLocally asks for a slot in this process.
func (c *Counter) reserveLocally(s Subject, as role, id string, limits []FactorLimit) (Reservation, bool, error) {
	r, full, lock, fresh := c.local.reserve(s, as, id, limits, time.Now())
	if fresh {
		c.tell(s, *lock)
	}
	if lock != nil {
		return r, false, &LockedError{Lock: *lock}
	}
	return r, full, nil
}

// settleLocally ends an attempt that has its slot in this process. ours is
// false for one that has none here.
func (c *Counter) settleLocally(s Subject, t *settlement) (ours bool, err error) {
	done := c.local.settle(s, t.id, t.outcomes, time.Now())
	switch {
	case !done.ours:
		return false, nil
	case done.fresh:
		c.tell(s, *done.lock)
	}
	if done.lock != nil {
		c.lines.refuse(s, *done.lock)
	} else {
		c.lines.wake(s, done.free)
	}
	if !done.pass {
		lock := Lock{}
		if done.lock != nil {
			lock = *done.lock
		}
		return true, &LockedError{Lock: lock}
	}
	return true, nil
}

// passWithout lets a success go whose slot is in a store that is away, unless
// the user is known to be locked. The slot is given back when the store is
// there: nobody knows what was counted meanwhile, so nothing is forgiven.
func (c *Counter) passWithout(s Subject, t *settlement) error {
	void := *t
	void.outcomes = voided(t.outcomes)
	c.deliver(s, &void)
	_, _, err := c.reserveLocally(s, role{}, t.id, nil)
	return err
}

// voided is the outcomes with each success made void.
func voided(outcomes string) string {
	b := []byte(outcomes)
	for i := 1; i < len(b); i += 2 {
		if b[i] == 's' || b[i] == 'o' {
			b[i] = 'v'
		}
	}
	return string(b)
}

// payAll tells the store what was counted without it.
func (c *Counter) payAll(ctx context.Context) {
	for _, s := range c.local.debtors() {
		if ctx.Err() != nil {
			return
		}
		if c.store.breakers.closed(s) {
			_ = c.pay(ctx, s, c.store.run) // stays owed, and is tried again
		}
	}
}

// payOff is payAll for a counter that closes: nobody will try again, so it does
// until ctx ends, and does not wait until the store has been found.
func (c *Counter) payOff(ctx context.Context) {
	if c.local == nil {
		return
	}
	c.payAll(ctx) // first where the store answers
	for wait := settleBackoff; ; wait = min(2*wait, maxSettleBackoff) {
		var failed error
		for _, s := range c.local.debtors() {
			if ctx.Err() != nil {
				return
			}
			if err := c.pay(ctx, s, c.store.script); err != nil {
				failed = err
			}
		}
		if failed == nil {
			return
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// pay tells the store what was counted without it for a user: failures are
// added, and a lock is made again.
func (c *Counter) pay(ctx context.Context, s Subject, call caller) error {
	if c.local == nil {
		return nil
	}
	// A debt that was sent before is paid as it was then, so there may be more.
	for {
		d, owes := c.local.owed(s)
		if !owes {
			return nil
		}
		reply, err := c.store.merge(ctx, s, d, call)
		if err != nil {
			return err
		}
		c.local.paid(s, d.id, reply.code == codeMergedBefore)
		if l := reply.lock; l != nil {
			if l.ID == d.id || d.lock != nil && l.ID == d.lock.ID {
				c.tell(s, *l) // unless it was told when it was made here
				c.confirm.add(s, *l)
			}
			c.lines.refuse(s, *l)
		}
	}
}

// defaulted tells of the debts that a closed counter leaves behind.
func (c *Counter) defaulted() {
	if c.local == nil {
		return
	}
	for _, s := range c.local.debtors() {
		if _, owes := c.local.owed(s); owes {
			c.lost(s, errUnpaid)
		}
	}
}

var errUnpaid = errors.New("merging: the store did not come back before the counter closed")

// codeMergedBefore is merge.lua's answer to a call that ran before.
const codeMergedBefore = 2

// mergeLife is how long the store remembers that a debt was paid.
const mergeLife = giveUpLife

func (s *store) merge(ctx context.Context, subject Subject, d debt, call caller) (reply, error) {
	fixed := s.fixed()
	fixed[0] = mergeLife.Milliseconds()
	factor, cause := "", ""
	if d.lock != nil {
		factor, cause = string(d.lock.Factor.letter()), d.lock.ID
	}
	args := append(fixed, subject.Member(), d.id, factor, cause)
	for _, f := range Factors() {
		if d.failures[f] > 0 {
			args = append(args, string(f.letter()), d.failures[f], d.max[f])
		}
	}
	values, err := call(ctx, "merge", s.mergeScript, subject, args)
	if err != nil {
		return reply{}, fmt.Errorf("adding what was counted without the store: %w", err)
	}
	return parseReply(values)
}
