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

// State is what the store knows of a user.
type State struct {
	// Lock is nil when the user is not locked.
	Lock *Lock
	// Factors holds the factors with a counter or a reservation.
	Factors map[Factor]FactorState
	// Accounts are the users to whom the name leads.
	Accounts []string
	// Names are the users whose names lead to this account.
	Names []string
}

// FactorState is the state of one factor.
type FactorState struct {
	// Failures since the last success, reset or unlock.
	Failures uint32
	// Reservations of attempts whose outcome is not known yet.
	Reservations uint32
}

// An administrator's calls are made whatever the breaker says: they are few, and
// whoever makes them wants to know.

// State reads a user. What is pending in this node is delivered first.
func (c *Counter) State(ctx context.Context, s Subject) (State, error) {
	if err := c.settlePending(ctx, s); err != nil {
		return State{}, err
	}
	values, err := c.store.script(ctx, "state", c.store.stateScript, s, []any{s.Member()})
	if err != nil {
		return State{}, err
	}
	return parseState(values)
}

// Lock locks a user by order of an administrator. Attempts in flight keep their
// slots; their success is refused. Repeating a call with the same operationID
// gives the same answer. A LockedError means that the user was locked before.
func (c *Counter) Lock(ctx context.Context, s Subject, operationID string) error {
	if err := checkID(operationID); err != nil {
		return err
	}
	values, err := c.store.admin(ctx, "lock", c.store.lockScript, s, operationID)
	if err != nil {
		return err
	}
	if len(values) != 2 {
		return fmt.Errorf("locking: unexpected reply %v", values)
	}
	text, _ := values[1].(string)
	lock, err := parseLock(text)
	if err != nil {
		return err
	}
	c.lines.refuse(s, lock)
	if values[0] != int64(1) {
		return &LockedError{Lock: lock}
	}
	if confirmed := c.locked(s, lock); confirmed != nil {
		patience := time.NewTimer(c.opts.CallTimeout + 2*c.opts.ConfirmTimeout)
		defer patience.Stop()
		select {
		case <-confirmed:
		// The lock stands, only nobody waits any more.
		case <-patience.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// Unlock removes a lock, whatever caused it, and forgives every failure so
// far. Attempts in flight keep their slots and count afterwards. Repeating a
// call with the same operationID gives the same answer for a while. ErrNotLocked
// means that there was no lock.
func (c *Counter) Unlock(ctx context.Context, s Subject, operationID string) error {
	if err := checkID(operationID); err != nil {
		return err
	}
	if err := c.settlePending(ctx, s); err != nil {
		return err
	}
	values, err := c.store.admin(ctx, "unlock", c.store.unlockScript, s, operationID)
	if err != nil {
		return err
	}
	c.unlocked(s)
	if len(values) != 1 || values[0] != int64(1) {
		return ErrNotLocked
	}
	if c.opts.Hooks.Unlocked != nil {
		c.opts.Hooks.Unlocked(s, Admin)
	}
	return nil
}

// settlePending delivers what is pending for a subject, and what was counted
// without the store: an unlock would otherwise leave behind failures, or a lock,
// that came before it.
func (c *Counter) settlePending(ctx context.Context, s Subject) error {
	if err := c.pay(ctx, s, c.store.script); err != nil {
		return err
	}
	ts := c.pending.of(s)
	if len(ts) == 0 {
		return nil
	}
	reply := c.store.settleAll(ctx, []group{{subject: s, settlements: ts}})[0]
	if reply.err != nil {
		return fmt.Errorf("settling what is pending: %w", reply.err)
	}
	c.acknowledge(s, ts, reply)
	return nil
}

func parseState(values []any) (State, error) {
	st := State{Factors: map[Factor]FactorState{}}
	if len(values) == 0 {
		return st, fmt.Errorf("parsing the store's state %v: want a lock", values)
	}
	if text, _ := values[0].(string); text != "" {
		lock, err := parseLock(text)
		if err != nil {
			return st, err
		}
		st.Lock = &lock
	}
	rest := values[1:]
	for _, users := range []*[]string{&st.Accounts, &st.Names} {
		var err error
		if *users, rest, err = parseUsers(rest); err != nil {
			return st, fmt.Errorf("parsing the store's state %v: %w", values, err)
		}
	}
	if len(rest)%3 != 0 {
		return st, fmt.Errorf("parsing the store's state %v: want triples", values)
	}
	for ; len(rest) > 0; rest = rest[3:] {
		letter, _ := rest[0].(string)
		failures, ok1 := rest[1].(int64)
		held, ok2 := rest[2].(int64)
		f := factorOf(letter)
		if f == 0 || !ok1 || !ok2 {
			return st, fmt.Errorf("parsing the store's state %v: want factor and two numbers", values)
		}
		st.Factors[f] = FactorState{Failures: uint32(failures), Reservations: uint32(held)}
	}
	return st, nil
}

// parseUsers reads a number and as many users, in an order of their own.
func parseUsers(values []any) (users []string, rest []any, err error) {
	if len(values) == 0 {
		return nil, nil, errors.New("want a number of users")
	}
	n, ok := values[0].(int64)
	if !ok || n < 0 || n > int64(len(values)-1) {
		return nil, nil, errors.New("want as many users as it says")
	}
	for _, v := range values[1 : 1+n] {
		user, _ := v.(string)
		users = append(users, user)
	}
	slices.Sort(users)
	return users, values[1+n:], nil
}
