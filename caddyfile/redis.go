// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"math"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-lockout/caddy-lockout/module"
)

const (
	maxPoolSize = 10000
	maxReplicas = 100
)

// parseRedis reads the redis block. An empty one means Redis with all its
// defaults; none at all means the embedded store.
func parseRedis(d *caddyfile.Dispenser) (*module.Redis, error) {
	opener := place(d)
	r := new(module.Redis)
	err := readBlock(d, "redis", []option{
		{name: "mode", read: word(&r.Mode, []string{"standalone", "sentinel", "cluster"})},
		{name: "address", read: addresses((*[]string)(&r.Address))},
		{name: "master_name", read: text(&r.MasterName)},
		{name: "sentinel_username", read: text(&r.SentinelUsername)},
		{name: "sentinel_password", read: text(&r.SentinelPassword)},
		{name: "username", read: text(&r.Username)},
		{name: "password", read: text(&r.Password)},
		{name: "key_prefix", read: text(&r.KeyPrefix)},
		{name: "database", read: number(&r.Database, 0, math.MaxInt32)},
		{name: "timeout", read: duration(&r.Timeout)},
		{name: "pool_size", read: number(&r.PoolSize, 1, maxPoolSize)},
		{name: "tls", read: redisTLS(r)},
		{name: "confirm_lock", read: confirmLock(r)},
	})
	if err != nil {
		return nil, err
	}
	if err := r.Check(); err != nil {
		return nil, opener.WrapErr(err)
	}
	return r, nil
}

// redisTLS reads the tls block; an empty one is TLS with all its defaults.
func redisTLS(r *module.Redis) reader {
	return func(d *caddyfile.Dispenser) error {
		r.TLS = new(module.RedisTLS)
		return readBlock(d, "tls", []option{
			{name: "ca", read: text(&r.TLS.CA)},
			{name: "certificate", read: func(d *caddyfile.Dispenser) error {
				files, err := arguments(d, "<certificate file>", "<key file>")
				if err == nil {
					r.TLS.Certificate, r.TLS.Key = files[0], files[1]
				}
				return err
			}},
			{name: "server_name", read: text(&r.TLS.ServerName)},
			{name: "insecure_skip_verify", read: func(d *caddyfile.Dispenser) error {
				r.TLS.InsecureSkipVerify = true
				_, err := arguments(d)
				return err
			}},
		})
	}
}

// confirmLock reads `confirm_lock wait N`.
func confirmLock(r *module.Redis) reader {
	return func(d *caddyfile.Dispenser) error {
		option := d.Val()
		args, err := arguments(d, "wait", "<replicas>")
		if err != nil {
			return err
		}
		if args[0] != "wait" {
			return d.Errf("%s: unknown %q; want wait <replicas>", option, args[0])
		}
		n, err := parseNumber(d, option+" wait", args[1], 1, maxReplicas)
		r.ConfirmLock = int(n)
		return err
	}
}
