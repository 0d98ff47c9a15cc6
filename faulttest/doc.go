// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package faulttest tests Caddy with the lockout plugin, and the counter alone,
// while things break: real Redis servers, Sentinels and Clusters are stopped,
// killed, cut off and moved about, and so are the Caddy nodes.
package faulttest
