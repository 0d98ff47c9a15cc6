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
// that the user was locked before. A name that leads to one account locks both.
func (a *App) Lock(ctx context.Context, organization, user string) error {
	return a.changeUser(organization, user, policyapi.ActionLock, func(b *backend, s counter.Subject, id string) error {
		return b.lockUser(ctx, s, id)
	})
}

// Unlock unlocks a user and forgives every failure so far. counter.ErrNotLocked
// means that the user was not locked. A name that leads to accounts unlocks them
// too.
func (a *App) Unlock(ctx context.Context, organization, user string) error {
	return a.changeUser(organization, user, policyapi.ActionUnlock, func(b *backend, s counter.Subject, id string) error {
		return b.unlockUser(ctx, s, id)
	})
}

// User returns what the store knows of a user. A name is locked while an account
// is that it leads to.
func (a *App) User(ctx context.Context, organization, user string) (state counter.State, err error) {
	err = a.withUser(organization, user, func(b *backend, s counter.Subject) error {
		state, err = b.userState(ctx, s)
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
	change := policyapi.Change{ID: rand.Text(), Action: policyapi.ActionUpdate, Scope: policyapi.ScopeDefault, Limits: &limits}
	if organization == "" {
		_, err = b.policies.UpdateDefault(ctx, limits, change.ID)
	} else {
		change.Action, change.Scope, change.Organization = policyapi.ActionAdd, policyapi.ScopeOrganization, organization
		_, err = b.policies.Add(ctx, organization, limits, change.ID)
		if errors.Is(err, policyapi.ErrExists) {
			change.Action = policyapi.ActionUpdate
			_, err = b.policies.Update(ctx, organization, limits, change.ID)
		}
	}
	if err == nil {
		b.events.changed(change, "")
	}
	return err
}

// changeUser makes a change of a user and tells of it.
func (a *App) changeUser(organization, user string, action policyapi.Action, change func(*backend, counter.Subject, string) error) error {
	return a.withUser(organization, user, func(b *backend, s counter.Subject) error {
		id := rand.Text()
		err := change(b, s, id)
		if err == nil {
			b.events.changed(policyapi.Change{ID: id, Action: action, Scope: policyapi.ScopeUser, Organization: s.Organization, User: s.User}, "")
		}
		return err
	})
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
