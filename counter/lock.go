// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Actor is the kind of party that locked or unlocked.
type Actor string

// The actors.
const (
	// Policy locked because the limit was reached.
	Policy Actor = "policy"
	// Admin is an administrator.
	Admin Actor = "admin"
)

// Lock is what the store knows of a locked user.
type Lock struct {
	// Factor is the one that caused the lock, 0 when an administrator did.
	Factor Factor
	// At is the time of the store's clock.
	At time.Time
	// ID is the attempt or operation that caused it.
	ID string
	// By is the kind of party that locked.
	By Actor
}

// Errors of Reserve, Settle, Lock and Unlock.
var (
	// ErrLocked: the user is locked. See LockedError.
	ErrLocked = errors.New("user is locked")
	// ErrNotLocked: there is no lock to remove.
	ErrNotLocked = errors.New("user is not locked")
	// ErrBusy: no slot came free in time, or too many attempts wait already.
	ErrBusy = errors.New("no free slot")
	// ErrGivenUp: the attempt was given up before the store saw it.
	ErrGivenUp = errors.New("attempt was given up")
	// ErrID: the id of an attempt or operation is not 1 to 32 letters, digits,
	// "-" or "_".
	ErrID = errors.New("id must be 1 to 32 letters, digits, dashes or underscores")
)

// LockedError is an ErrLocked that tells the lock.
type LockedError struct{ Lock Lock }

func (e *LockedError) Error() string {
	return fmt.Sprintf("%v since %s (%s, %s)", ErrLocked, e.Lock.At.UTC().Format(time.RFC3339), e.Lock.Factor, e.Lock.By)
}

// Unwrap makes errors.Is(err, ErrLocked) true.
func (e *LockedError) Unwrap() error { return ErrLocked }

// parseLock reads the field l of the user's hash, see lua/user.lua.
func parseLock(s string) (Lock, error) {
	parts := strings.Split(s, ",")
	if len(parts) != 4 {
		return Lock{}, fmt.Errorf("parsing lock %q: want four parts", s)
	}
	ms, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return Lock{}, fmt.Errorf("parsing lock %q: %w", s, err)
	}
	return Lock{Factor: factorOf(parts[0]), At: time.UnixMilli(ms), ID: parts[2], By: Actor(parts[3])}, nil
}

func checkID(id string) error {
	if id == "" || len(id) > 32 || strings.Trim(id, "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return fmt.Errorf("%w: %q", ErrID, id)
	}
	return nil
}
