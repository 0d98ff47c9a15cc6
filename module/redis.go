// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// Redis says how to reach Redis.
type Redis struct {
	// `standalone`: one server. `sentinel`: the master that Sentinels name.
	// `cluster`: Redis Cluster. Default: `standalone`.
	Mode string `json:"mode,omitempty"`

	// Host and port of the server, of the Sentinels, or of nodes of the
	// cluster: a text, or a list of them. Default: `127.0.0.1:6379` for
	// `standalone`. Placeholders are allowed here and in all other texts but
	// mode.
	Address Addresses `json:"address,omitempty"`

	// The name of the master that the Sentinels watch. Only with `sentinel`,
	// which needs it.
	MasterName string `json:"master_name,omitempty"`

	// The ACL user at the Sentinels. Default: none.
	SentinelUsername string `json:"sentinel_username,omitempty"`

	// The password at the Sentinels. Default: none.
	SentinelPassword string `json:"sentinel_password,omitempty"`

	// The ACL user. Default: none.
	Username string `json:"username,omitempty"`

	// The password. Use a placeholder: `{env.REDIS_PASSWORD}` or
	// `{file./run/secrets/redis}`. Default: none.
	Password string `json:"password,omitempty"`

	// What every key begins with. Default: `lockout`.
	KeyPrefix string `json:"key_prefix,omitempty"`

	// The number of the database. A cluster has only one. Default: 0.
	Database int `json:"database,omitempty"`

	// How long one read or write may take. Default: 100ms, with `cluster` 250ms.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// The most connections to one server. Default: 20.
	PoolSize int `json:"pool_size,omitempty"`

	// TLS to the servers and Sentinels. Default: none.
	TLS *RedisTLS `json:"tls,omitempty"`

	// How many replicas must have a new lock. The lock is in force at once; an
	// administrator's call waits for the replicas, up to a second. When fewer
	// answer, that is logged and counted, and the lock stands. Default: 0, none
	// is asked.
	ConfirmLock int `json:"confirm_lock,omitempty"`

	tls secured // of resolve
}

// Addresses are hosts with ports. One of them is written as a text in JSON.
type Addresses []string

// MarshalJSON writes one address as a text.
func (a Addresses) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON reads a text or a list.
func (a *Addresses) UnmarshalJSON(text []byte) error {
	var one string
	if err := json.Unmarshal(text, &one); err == nil {
		*a = Addresses{one}
		return nil
	}
	var list []string
	if err := json.Unmarshal(text, &list); err != nil {
		return errors.New("reading redis address: want a text or a list of texts")
	}
	*a = list
	return nil
}

// The values of mode.
const (
	modeStandalone = "standalone"
	modeSentinel   = "sentinel"
	modeCluster    = "cluster"
)

const (
	defaultRedisAddress   = "127.0.0.1:6379"
	defaultRedisTimeout   = 100 * time.Millisecond
	defaultClusterTimeout = 250 * time.Millisecond
	defaultRedisPoolSize  = 20
)

// Check finds settings that do not go together. Values that a placeholder may
// still fill are left to the start.
func (r *Redis) Check() error {
	sentinelOnly := r.MasterName != "" || r.SentinelUsername != "" || r.SentinelPassword != ""
	switch r.Mode {
	case "", modeStandalone:
		if len(r.Address) > 1 {
			return fmt.Errorf("checking redis: mode standalone takes one address, got %d; write mode cluster if they are nodes of a Redis Cluster, mode sentinel if they are Sentinels", len(r.Address))
		}
	case modeSentinel:
		if r.MasterName == "" {
			return errors.New("checking redis: mode sentinel needs master_name, the name after `sentinel monitor` in the configuration of the Sentinels")
		}
		if len(r.Address) == 0 {
			return errors.New("checking redis: mode sentinel needs address with host:port of the Sentinels, which is 26379 by default")
		}
	case modeCluster:
		if r.Database != 0 {
			return errors.New("checking redis: mode cluster has only database 0; remove database, and use key_prefix or instance to keep installations apart")
		}
		if len(r.Address) == 0 {
			return errors.New("checking redis: mode cluster needs address with host:port of some nodes; the others are found through them")
		}
	default:
		return fmt.Errorf("checking redis mode: %q is not supported, write standalone, sentinel or cluster", r.Mode)
	}
	if sentinelOnly && r.Mode != modeSentinel {
		return errors.New("checking redis: master_name, sentinel_username and sentinel_password are for mode sentinel; write mode sentinel or remove them")
	}
	if r.SentinelUsername != "" && r.SentinelPassword == "" {
		return errors.New("checking redis: sentinel_username needs sentinel_password")
	}
	if r.Username != "" && r.Password == "" {
		return errors.New("checking redis: username needs password")
	}
	if r.Timeout < 0 || r.Database < 0 || r.PoolSize < 0 || r.ConfirmLock < 0 {
		return errors.New("checking redis: timeout, database, pool_size and confirm_lock must not be negative")
	}
	for i, address := range r.Address {
		if slices.Contains(r.Address[:i], address) {
			return fmt.Errorf("checking redis: address %q is given twice", address)
		}
	}
	if r.TLS != nil {
		return r.TLS.check()
	}
	return nil
}

// resolve returns a copy with defaults and without placeholders.
func (r *Redis) resolve() (*Redis, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	out := *r
	out.setDefaults()
	out.Address = slices.Clone(out.Address)
	texts := map[string]*string{
		"username": &out.Username, "password": &out.Password, "key_prefix": &out.KeyPrefix, "master_name": &out.MasterName,
		"sentinel_username": &out.SentinelUsername, "sentinel_password": &out.SentinelPassword,
	}
	for i := range out.Address {
		texts[fmt.Sprintf("address %d", i+1)] = &out.Address[i]
	}
	if r.TLS != nil {
		copied := *r.TLS
		out.TLS = &copied
		copied.texts(texts)
	}
	repl := caddy.NewReplacer()
	for name, value := range texts {
		// A password that resolves to nothing is a secret that did not arrive.
		resolved, err := repl.ReplaceOrErr(*value, *value != "", true)
		if err != nil {
			return nil, fmt.Errorf("resolving redis %s: %w", name, err)
		}
		*value = resolved
	}
	for _, address := range out.Address {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return nil, fmt.Errorf("checking redis address %q, write host:port: %w", address, err)
		}
	}
	var err error
	out.tls, err = out.TLS.load()
	return &out, err
}

func (r *Redis) setDefaults() {
	if r.Mode == "" {
		r.Mode = modeStandalone
	}
	if len(r.Address) == 0 {
		r.Address = Addresses{defaultRedisAddress}
	}
	if r.Timeout == 0 {
		r.Timeout = caddy.Duration(defaultRedisTimeout)
		if r.Mode == modeCluster {
			r.Timeout = caddy.Duration(defaultClusterTimeout)
		}
	}
	if r.PoolSize == 0 {
		r.PoolSize = defaultRedisPoolSize
	}
}

// key identifies the server and how it is used; equal keys share a client.
// Certificates that were renewed make another key, so that a reload takes them.
func (r *Redis) key() string {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	sum := sha256.Sum256(append(text, r.tls.sum...))
	return "redis:" + hex.EncodeToString(sum[:])
}
