// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import "github.com/caddy-lockout/caddy-lockout/internal/keyspace"

// Rights are the commands that a counter runs, by itself and in its scripts, on
// keys of one slot, so that an ACL can be checked before an attempt is refused
// for it. Confirming locks needs WAIT as well.
func Rights(keys *keyspace.Keyspace) [][]string {
	k := keys.User(Subject{Organization: "caddy-lockout", User: "rights"})
	return [][]string{
		{"EVALSHA", "0", "3", k.User, k.Locked, k.Events},
		{"EVAL", "return", "3", k.User, k.Locked, k.Events},
		{"TIME"},
		{"HGETALL", k.User},
		{"HGET", k.User, "l"},
		{"HSET", k.User, "l", "0"},
		{"HDEL", k.User, "l"},
		{"DEL", k.User},
		{"PERSIST", k.User},
		{"PEXPIRE", k.User, "1"},
		{"PTTL", k.User},
		{"ZADD", k.Locked, "0", "x"},
		{"ZREM", k.Locked, "x"},
		{"ZRANGEBYLEX", k.Locked, "-", "+"},
		{"ZLEXCOUNT", k.Locked, "-", "+"},
		{"XADD", k.Events, "*", "type", "x"},
		{"PUBLISH", k.Locked, "x"}, // the channel has the name of the index
		{"SUBSCRIBE", k.Locked},
	}
}
