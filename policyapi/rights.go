// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import "github.com/caddy-lockout/caddy-lockout/internal/keyspace"

// Rights are the commands that a Store and its Cache run, by themselves and in
// their scripts, on keys of one slot, so that an ACL can be checked before a
// change is refused for it.
func Rights(keys *keyspace.Keyspace) [][]string {
	policy, sequence, changes := keys.Policy("caddy-lockout"), keys.Sequence(), keys.Changes()
	return [][]string{
		{"EVALSHA", "0", "2", policy, sequence},
		{"EVAL", "return", "2", policy, sequence},
		{"TIME"},
		{"MULTI"},
		{"EXEC"},
		{"GET", sequence},
		{"INCR", sequence},
		{"HGET", policy, "ops"},
		{"HMGET", policy, "sequence"},
		{"HEXISTS", policy, "sequence"},
		{"HSET", policy, "sequence", "0"},
		{"HSETNX", policy, "sequence", "0"},
		{"HDEL", policy, "sequence"},
		{"EXPIRE", policy, "1"},
		{"PERSIST", policy},
		{"PUBLISH", changes, "x"},
		{"SUBSCRIBE", changes},
		{"PING"},
	}
}
