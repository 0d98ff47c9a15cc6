// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"time"
)

// user returns a user who has a counter or a lock. The field is where the
// request has the id, for errors about it.
func (s *Service) user(ctx context.Context, field, id string) (UserRow, error) {
	ctx, cancel, g, err := s.begin(ctx, userRead)
	if err != nil {
		return UserRow{}, err
	}
	defer cancel()
	if err := checkUserID(s.users, g.organization, field, id); err != nil {
		return UserRow{}, err
	}
	user := User{Organization: g.organization, Name: id}
	state, err := s.users.State(ctx, user)
	if err != nil {
		return UserRow{}, err
	}
	if !state.Known {
		return UserRow{}, ErrUserUnknown
	}
	return UserRow{User: user, UserState: state}, nil
}

func (s *Service) lock(ctx context.Context, field, id string) (Details, error) {
	ctx, cancel, g, err := s.begin(ctx, userWrite)
	if err != nil {
		return Details{}, err
	}
	defer cancel()
	if err := checkUserID(s.users, g.organization, field, id); err != nil {
		return Details{}, err
	}
	at, err := s.users.Lock(ctx, User{Organization: g.organization, Name: id}, g.id)
	if err != nil {
		return Details{}, err
	}
	s.changed(ctx, g, Change{Action: ActionLock, Scope: ScopeUser, User: id})
	return userDetails(g.organization, at), nil
}

func (s *Service) unlock(ctx context.Context, field, id string) (Details, error) {
	ctx, cancel, g, err := s.begin(ctx, userWrite)
	if err != nil {
		return Details{}, err
	}
	defer cancel()
	if err := checkUserID(s.users, g.organization, field, id); err != nil {
		return Details{}, err
	}
	if err := s.users.Unlock(ctx, User{Organization: g.organization, Name: id}, g.id); err != nil {
		return Details{}, err
	}
	s.changed(ctx, g, Change{Action: ActionUnlock, Scope: ScopeUser, User: id})
	return userDetails(g.organization, time.Now()), nil
}

// userDetails are those of a user that changed at a time, which may be zero.
// The store counts no versions of users; clients only need a number that grows
// with each change, and the time in milliseconds does.
func userDetails(organization string, at time.Time) Details {
	d := Details{ResourceOwner: organization, ChangeDate: at}
	if !at.IsZero() {
		d.Sequence = uint64(max(at.UnixMilli(), 0))
	}
	return d
}
