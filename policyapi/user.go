// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"
)

// User names a user: an organization and the canonical name, under which
// attempts are counted.
type User struct{ Organization, Name string }

// UserState is what is known of a user.
type UserState struct {
	// Known users have a counter or a lock. No other exists for the API.
	Known  bool
	Locked bool
	// LockedAt is set if Locked is.
	LockedAt time.Time
}

// UserRow is a user in a list.
type UserRow struct {
	User
	UserState
}

// Users is what the API needs of the counter. Package module provides it:
// this package knows no counter.
type Users interface {
	// Canonical returns the form of a name under which attempts are counted in
	// an organization, or an error that says why no attempt can have it.
	Canonical(organization, name string) (string, error)
	// Lock locks a user and returns when. If the user is locked, the error
	// wraps ErrUserLocked. The op names the call, as for Store.Add.
	Lock(ctx context.Context, user User, op string) (time.Time, error)
	// Unlock unlocks a user and forgives every failure. If the user is not
	// locked, the error wraps ErrUserNotLocked.
	Unlock(ctx context.Context, user User, op string) error
	// State returns what is known of a user.
	State(ctx context.Context, user User) (UserState, error)
	// ListLocked returns at most limit locked users of an organization, or of
	// all for nil, behind a cursor, and the cursor of the next page, empty
	// after the last. Those of one organization are ordered by name.
	ListLocked(ctx context.Context, organization *string, after string, limit int) (page []UserRow, next string, err error)
	// CountLocked returns how many users of an organization, or of all for
	// nil, are locked.
	CountLocked(ctx context.Context, organization *string) (uint64, error)
}

// maxUserRunes is the longest user id of the wire contract.
const maxUserRunes = 200

// checkUserID refuses an id that no user can have. Ids are compared byte for
// byte with canonical names, so another spelling would name nobody: a lock on
// it would hold nobody off, and "not locked" would be a wrong comfort. The
// error names the spelling that counts.
func checkUserID(users Users, organization, field, id string) error {
	if n := utf8.RuneCountInString(id); n < 1 || n > maxUserRunes {
		return argumentError(fmt.Sprintf("invalid %s: value length must be between 1 and %d runes, inclusive", field, maxUserRunes))
	}
	canonical, err := users.Canonical(organization, id)
	if err != nil {
		return argumentError(fmt.Sprintf("invalid %s: no attempt can have this user name: %v", field, err))
	}
	if canonical != id {
		return argumentError(fmt.Sprintf("invalid %s: value must be the canonical user name, here %q", field, canonical))
	}
	return nil
}
