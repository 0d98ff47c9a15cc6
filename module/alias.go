// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"slices"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// What follows is how administrators see a name that leads to an account: it is
// locked while the account is, and what is done to the name is done to both.

// userState reads a user. A name is locked while an account is that it leads to.
func (b *backend) userState(ctx context.Context, s counter.Subject) (counter.State, error) {
	state, err := b.counter.State(ctx, s)
	for _, account := range state.Accounts {
		if err != nil || state.Lock != nil {
			break
		}
		var other counter.State
		if other, err = b.counter.State(ctx, beside(s, account)); err == nil {
			state.Lock = other.Lock
		}
	}
	return state, err
}

// beside is another user of the same organization.
func beside(s counter.Subject, user string) counter.Subject {
	return counter.Subject{Organization: s.Organization, User: user}
}

// lockUser locks a user, and the account that the name leads to if it is one: of
// two, nobody knows who is meant.
func (b *backend) lockUser(ctx context.Context, s counter.Subject, op string) error {
	state, err := b.counter.State(ctx, s)
	if err != nil {
		return err
	}
	if len(state.Accounts) != 1 {
		return b.counter.Lock(ctx, s, op)
	}
	account := beside(s, state.Accounts[0])
	if err := b.counter.Lock(ctx, account, op); err != nil {
		return err
	}
	b.tellChange(account, policyapi.ActionLock, op)
	if err := b.counter.Lock(ctx, s, op); err != nil && !errors.Is(err, counter.ErrLocked) {
		return err
	}
	return nil
}

// unlockUser unlocks a user and the accounts that the name leads to, and forgives
// what was counted for names that lead to one of them alone: their owner would
// be locked again by the next attempt. A name that is locked itself stays so.
func (b *backend) unlockUser(ctx context.Context, s counter.Subject, op string) error {
	state, err := b.counter.State(ctx, s)
	if err != nil {
		return err
	}
	result := counter.ErrNotLocked
	for _, account := range state.Accounts {
		account := beside(s, account)
		switch err := b.counter.Unlock(ctx, account, op); {
		case err == nil:
			result = nil
			b.tellChange(account, policyapi.ActionUnlock, op)
		case !errors.Is(err, counter.ErrNotLocked):
			return err
		}
		if err := b.forgiveNames(ctx, account, op); err != nil {
			return err
		}
	}
	switch err := b.counter.Unlock(ctx, s, op); {
	case err == nil:
		result = nil
	case !errors.Is(err, counter.ErrNotLocked):
		return err
	}
	if err := b.forgiveNames(ctx, s, op); err != nil {
		return err
	}
	return result
}

func (b *backend) forgiveNames(ctx context.Context, account counter.Subject, op string) error {
	state, err := b.counter.State(ctx, account)
	if err != nil {
		return err
	}
	for _, name := range state.Names {
		name := beside(account, name)
		state, err := b.counter.State(ctx, name)
		if err != nil {
			return err
		}
		if state.Lock != nil || !slices.Equal(state.Accounts, []string{account.User}) {
			continue
		}
		if err := b.counter.Reset(ctx, name, op, counter.Factors()...); err != nil {
			return err
		}
	}
	return nil
}

// tellChange tells of what a call for a name has done to an account.
func (b *backend) tellChange(s counter.Subject, action policyapi.Action, op string) {
	b.events.changed(policyapi.Change{ID: op, Action: action, Scope: policyapi.ScopeUser, Organization: s.Organization, User: s.User}, "")
}
