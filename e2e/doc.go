// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package e2e tests Caddy with the lockout plugin in front of real login
// services. The services run in the process of the test.
package e2e
