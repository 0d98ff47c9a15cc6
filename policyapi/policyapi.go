// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package policyapi keeps the lockout policies of an instance: how many wrong
// guesses each organization allows.
//
// A Store holds the policies in Redis. An organization without a policy of its
// own takes the instance default, and while none was ever stored, the limits
// of the configuration. Every change raises one sequence of the instance by
// exactly one and is published, both in the script that makes the change.
//
// A Cache answers the limits of an organization from memory, for the path of
// every login attempt. It hears of changes by message, within milliseconds,
// and compares the sequence every few seconds, because Redis promises no
// message. While Redis is away it goes on with what it holds.
//
// A Service answers the calls of the policy API: it reads and changes policies
// through a Cache, and locks users through what package module makes of the
// counter. Access says who may call what. NewREST puts both behind HTTP; other
// transports fit beside it.
package policyapi

import "errors"

// The refusals of the store and the cache. Each is wrapped with what was done
// to which organization.
var (
	ErrExists       = errors.New("policy already exists")
	ErrNotFound     = errors.New("policy does not exist")
	ErrNotChanged   = errors.New("policy has these limits already")
	ErrOrganization = errors.New("organization is not usable")
	ErrOperation    = errors.New("operation id is empty")
	ErrClosed       = errors.New("policy cache is closed")
)

// The refusals of Users.
var (
	ErrUserLocked    = errors.New("user is locked already")
	ErrUserNotLocked = errors.New("user is not locked")
	ErrUserUnknown   = errors.New("user has neither a counter nor a lock")
)

// The refusals of an Authenticator. None of them holds what was presented.
var (
	// ErrNoCredentials: the request carries none.
	ErrNoCredentials = errors.New("auth header missing")
	// ErrMalformedCredentials: what it carries is no bearer token.
	ErrMalformedCredentials = errors.New("invalid auth header")
	// ErrCredentials: the token is not one that is known, or not any more.
	ErrCredentials = errors.New("token is invalid")
)
