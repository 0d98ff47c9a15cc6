// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"errors"
	"net/http"
)

// AnyOf is an Authenticator of those whom one of several knows.
type AnyOf []Authenticator

// Authenticate returns the caller whom the first one knows, else the error that
// tells most.
func (all AnyOf) Authenticate(r *http.Request) (Caller, error) {
	told := ErrNoCredentials
	for _, a := range all {
		caller, err := a.Authenticate(r)
		if err == nil {
			return caller, nil
		}
		if telling(err) >= telling(told) {
			told = err
		}
	}
	return Caller{}, told
}

// telling ranks errors. One that could not tell comes first: the caller may
// be right.
func telling(err error) int {
	switch {
	case errors.Is(err, ErrNoCredentials):
		return 0
	case errors.Is(err, ErrMalformedCredentials):
		return 1
	case err == ErrCredentials: //nolint:errorlint // the bare one gives no reason
		return 2
	case errors.Is(err, ErrCredentials):
		return 3
	default:
		return 4
	}
}
