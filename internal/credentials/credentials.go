// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package credentials reads a login out of a request: it recognises guarded
// targets, reads credentials out of bodies, queries, headers and paths, and
// reduces user names to the canonical form that counters are kept under.
//
// Most published lockout bypasses are two readers who disagree about one
// request: the proxy counts for one user, the login service checks another.
// So there is one rule: a guarded request that can be read in two ways is
// refused. No reader here guesses, repairs or skips; what it returns is what
// every sane reader behind it must see as well.
//
//	Paths                  is the target guarded, or only spelled like a guarded one?
//	CheckHeaders           do hop-by-hop and doubled headers leave one reading?
//	CouldCarryCredentials  may a request that is no attempt pass uncounted?
//	LoginRule              user and secret, wherever they stand; the body as it goes on
//	ReadBasic              user and secret of an Authorization header
//	Names                  the canonical form of a user name
//
// Refusals are typed and never repeat what the client sent, so they can be
// logged, counted and answered without leaking a password.
package credentials
