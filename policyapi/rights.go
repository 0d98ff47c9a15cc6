// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import "github.com/caddy-lockout/caddy-lockout/internal/keyspace"

// Rights are the commands that a Store and its Cache run, by themselves and in
// their scripts, on keys of one slot, so that an ACL can be checked before a
// change is refused for it.
func Rights(keys *keyspace.Keyspace) [][]string {
	policy, sequence := keys.Policy("caddy-lockout"), keys.Sequence()
	events, changes := keys.PolicyEvents(), keys.Changes()
	return [][]string{
		{"EVALSHA", "0", "3", policy, sequence, events},
		{"EVAL", "return", "3", policy, sequence, events},
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
		{"XADD", events, "*", "type", "x"},
		{"PUBLISH", changes, "x"},
		{"SUBSCRIBE", changes},
		{"PING"},
	}
}
