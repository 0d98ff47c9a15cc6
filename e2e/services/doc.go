// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package services tests Caddy in front of real login services, each with the
// preset of its name. The services and Caddy run as processes of their own.
//
// A service is a file with its description (a value of the type service) and a
// test that calls run, which tries everything that a preset promises.
package services
