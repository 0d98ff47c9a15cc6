// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// ErrUser reports a user or an organization that no attempt can have.
var ErrUser = errors.New("no such user can exist")

// Lock locks a user by order of an administrator. The user name is reduced to
// its canonical form, as that of an attempt is. A counter.LockedError means
// that the user was locked before.
func (a *App) Lock(ctx context.Context, organization, user string) error {
	return a.withUser(organization, user, func(b *backend, s counter.Subject) error {
		return b.counter.Lock(ctx, s, rand.Text())
	})
}

// Unlock unlocks a user and forgives every failure so far. counter.ErrNotLocked
// means that the user was not locked.
func (a *App) Unlock(ctx context.Context, organization, user string) error {
	return a.withUser(organization, user, func(b *backend, s counter.Subject) error {
		return b.counter.Unlock(ctx, s, rand.Text())
	})
}

// User returns what the store knows of a user.
func (a *App) User(ctx context.Context, organization, user string) (state counter.State, err error) {
	err = a.withUser(organization, user, func(b *backend, s counter.Subject) error {
		state, err = b.counter.State(ctx, s)
		return err
	})
	return state, err
}

// SetPolicy stores the policy of an organization, or the instance default when
// organization is empty.
func (a *App) SetPolicy(ctx context.Context, organization string, limits policyapi.Limits) error {
	b, err := a.spec.acquire()
	if err != nil {
		return err
	}
	defer a.spec.leave()
	if organization == "" {
		_, err = b.policies.UpdateDefault(ctx, limits, rand.Text())
		return err
	}
	_, err = b.policies.Add(ctx, organization, limits, rand.Text())
	if errors.Is(err, policyapi.ErrExists) {
		_, err = b.policies.Update(ctx, organization, limits, rand.Text())
	}
	return err
}

func (a *App) withUser(organization, user string, f func(*backend, counter.Subject) error) error {
	if err := policyapi.CheckOrganization(organization); err != nil {
		return fmt.Errorf("%w: %w", ErrUser, err)
	}
	name, refusal := a.namesOf(organization).Canonical(user)
	if refusal != nil {
		return fmt.Errorf("%w: %w", ErrUser, refusal)
	}
	b, err := a.spec.acquire()
	if err != nil {
		return err
	}
	defer a.spec.leave()
	return f(b, counter.Subject{Organization: organization, User: name})
}
