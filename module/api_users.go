// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// apiUsers are the users of the policy API: those of the counter.
type apiUsers struct {
	backend *backend
	app     *App
}

// Canonical returns the form of a name under which attempts are counted.
func (u *apiUsers) Canonical(organization, name string) (string, error) {
	canonical, refusal := u.app.namesOf(organization).Canonical(name)
	if refusal != nil {
		return "", refusal
	}
	return canonical, nil
}

// Lock locks a user.
func (u *apiUsers) Lock(ctx context.Context, user policyapi.User, op string) (time.Time, error) {
	err := u.backend.lockUser(ctx, subjectOf(user), op)
	if errors.Is(err, counter.ErrLocked) {
		return time.Time{}, policyapi.ErrUserLocked
	}
	if err != nil {
		return time.Time{}, err
	}
	// The lock carries the store's time. It is made whether or not that can be
	// read, and may be gone already.
	state, err := u.backend.userState(ctx, subjectOf(user))
	if err != nil || state.Lock == nil {
		return time.Now(), nil
	}
	return state.Lock.At, nil
}

// Unlock unlocks a user.
func (u *apiUsers) Unlock(ctx context.Context, user policyapi.User, op string) error {
	err := u.backend.unlockUser(ctx, subjectOf(user), op)
	if errors.Is(err, counter.ErrNotLocked) {
		return policyapi.ErrUserNotLocked
	}
	return err
}

// State returns what the store knows of a user.
func (u *apiUsers) State(ctx context.Context, user policyapi.User) (policyapi.UserState, error) {
	state, err := u.backend.userState(ctx, subjectOf(user))
	if err != nil {
		return policyapi.UserState{}, err
	}
	s := policyapi.UserState{Known: len(state.Factors)+len(state.Accounts)+len(state.Names) > 0}
	if state.Lock != nil {
		s.Known, s.Locked, s.LockedAt = true, true, state.Lock.At
	}
	return s, nil
}

// ListLocked returns a page of locked users.
func (u *apiUsers) ListLocked(ctx context.Context, organization *string, after string, limit int) ([]policyapi.UserRow, string, error) {
	locked, next, err := u.backend.counter.ListLocked(ctx, counter.ListFilter{Organization: organization, After: after, Limit: limit})
	if err != nil {
		return nil, "", err
	}
	rows := make([]policyapi.UserRow, len(locked))
	for i, l := range locked {
		rows[i] = policyapi.UserRow{
			User:      policyapi.User{Organization: l.Organization, Name: l.User},
			UserState: policyapi.UserState{Known: true, Locked: true, LockedAt: l.Lock.At},
		}
	}
	return rows, next, nil
}

// CountLocked counts locked users.
func (u *apiUsers) CountLocked(ctx context.Context, organization *string) (uint64, error) {
	n, err := u.backend.counter.CountLocked(ctx, organization)
	return uint64(max(n, 0)), err
}

func subjectOf(u policyapi.User) counter.Subject {
	return counter.Subject{Organization: u.Organization, User: u.Name}
}

// Interface guards
var _ policyapi.Users = (*apiUsers)(nil)
