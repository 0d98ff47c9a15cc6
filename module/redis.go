// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Redis says how to reach the Redis server.
type Redis struct {
	// So far: `standalone`. Default: `standalone`.
	Mode string `json:"mode,omitempty"`

	// Host and port. Default: `127.0.0.1:6379`. Placeholders are allowed here
	// and in the next three fields.
	Address string `json:"address,omitempty"`

	// The ACL user. Default: none.
	Username string `json:"username,omitempty"`

	// The password. Use a placeholder: `{env.REDIS_PASSWORD}` or
	// `{file./run/secrets/redis}`. Default: none.
	Password string `json:"password,omitempty"`

	// What every key begins with. Default: `lockout`.
	KeyPrefix string `json:"key_prefix,omitempty"`

	// The number of the database. Default: 0.
	Database int `json:"database,omitempty"`

	// How long one read or write may take. Default: 100ms.
	Timeout caddy.Duration `json:"timeout,omitempty"`
}

const (
	defaultRedisAddress = "127.0.0.1:6379"
	defaultRedisTimeout = 100 * time.Millisecond
	redisDialTimeout    = time.Second
	redisPoolSize       = 20
)

// resolve returns a copy with defaults and without placeholders.
func (r *Redis) resolve() (*Redis, error) {
	out := *r
	if out.Mode == "" {
		out.Mode = "standalone"
	}
	if out.Mode != "standalone" {
		return nil, fmt.Errorf("checking redis mode: %q is not supported, write standalone", out.Mode)
	}
	if out.Address == "" {
		out.Address = defaultRedisAddress
	}
	if out.Timeout == 0 {
		out.Timeout = caddy.Duration(defaultRedisTimeout)
	}
	if out.Timeout < 0 || out.Database < 0 {
		return nil, fmt.Errorf("checking redis: timeout and database must not be negative")
	}
	repl := caddy.NewReplacer()
	for _, f := range []struct {
		name  string
		value *string
	}{{"address", &out.Address}, {"username", &out.Username}, {"password", &out.Password}, {"key_prefix", &out.KeyPrefix}} {
		// A password that resolves to nothing is a secret that did not arrive.
		resolved, err := repl.ReplaceOrErr(*f.value, *f.value != "", true)
		if err != nil {
			return nil, fmt.Errorf("resolving redis %s: %w", f.name, err)
		}
		*f.value = resolved
	}
	if _, _, err := net.SplitHostPort(out.Address); err != nil {
		return nil, fmt.Errorf("checking redis address %q, write host:port: %w", out.Address, err)
	}
	return &out, nil
}

// key identifies the server and how it is used; equal keys share a client.
func (r *Redis) key() string {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	sum := sha256.Sum256(text)
	return "redis:" + hex.EncodeToString(sum[:])
}

// open returns a client. It connects when it is first used.
func (r *Redis) open() *store {
	timeout := time.Duration(r.Timeout)
	client := redis.NewClient(&redis.Options{
		Addr:         r.Address,
		Username:     r.Username,
		Password:     r.Password,
		DB:           r.Database,
		DialTimeout:  redisDialTimeout,
		ReadTimeout:  timeout,
		WriteTimeout: timeout,
		PoolSize:     redisPoolSize,
		// Without it a deadline of 100 ms lasted 950 ms.
		ContextTimeoutEnabled:    true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	return &store{client: client, close: func(context.Context) error { return client.Close() }}
}
