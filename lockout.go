// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package lockout is a Caddy plugin that limits wrong passwords. Put it in
// front of a login service: it recognises login attempts, lets as many wrong
// guesses through as the policy allows, locks the user, and refuses every
// further attempt until an administrator unlocks.
//
// It makes two promises:
//
//   - Exact. However many guesses arrive in parallel, over however many Caddy
//     nodes that share a store: between two successes of a user at most as many
//     failed password checks reach the login service as the policy allows.
//   - Fair. Parallel logins with the right password succeed: an attempt that
//     finds no free slot waits for one and is not refused.
//
// This package only imports, so that xcaddy and Caddy's module pages find the
// plugin at the root of the module. The code is in
//
//   - caddyfile, which turns a Caddyfile into the configuration;
//   - presets, the descriptions of known login services;
//   - module, the Caddy modules `lockout` and `http.handlers.lockout`;
//   - policyapi, which keeps the policies;
//   - counter, which counts attempts and locks users.
package lockout

import (
	_ "github.com/caddy-lockout/caddy-lockout/caddyfile"        // the directive and the global option
	_ "github.com/caddy-lockout/caddy-lockout/internal/command" // caddy lockout
	_ "github.com/caddy-lockout/caddy-lockout/module"           // the Caddy modules
)
