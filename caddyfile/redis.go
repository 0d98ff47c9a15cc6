// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"math"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-lockout/caddy-lockout/module"
)

// parseRedis reads the redis block. An empty one means Redis with all its
// defaults; none at all means the embedded store.
func parseRedis(d *caddyfile.Dispenser) (*module.Redis, error) {
	r := new(module.Redis)
	return r, readBlock(d, "redis", []option{
		{name: "mode", read: word(&r.Mode, []string{"standalone"}, "sentinel", "cluster")},
		{name: "address", read: address(&r.Address)},
		{name: "username", read: text(&r.Username)},
		{name: "password", read: text(&r.Password)},
		{name: "key_prefix", read: text(&r.KeyPrefix)},
		{name: "database", read: number(&r.Database, 0, math.MaxInt32)},
		{name: "timeout", read: duration(&r.Timeout)},
	})
}
