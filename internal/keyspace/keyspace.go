// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package keyspace is the page of Redis keys: every key that caddy-lockout
// reads or writes is built here, and nowhere else.
//
//	key (default prefix "lockout")              type    TTL                      written by
//	lockout:{<instance>#<shard>}:u:<subject>    hash    counter TTL; none while  counter: reserve, settle,
//	                                                    the user is locked       lock, unlock
//	lockout:{<instance>#<shard>}:locked         zset    none                     counter: whatever locks or unlocks
//	lockout:{<instance>#<shard>}:events         stream  capped                   counter: whatever locks or unlocks
//	lockout:{<instance>#b<hash>}:bind:<hash>    hash    life of the session's    binding: add; find moves
//	                                                    key                      the end of its life
//	lockout:{<instance>}:policy                 hash    none                     policyapi: default policy
//	lockout:{<instance>}:policy:<organization>  hash    none                     policyapi: policy of an organization
//	lockout:{<instance>}:sequence               string  none                     policyapi: rises by one per change
//	lockout:{<instance>}:changes                channel -                        policyapi: published changes
//	lockout:{<instance>}:events                 stream  capped                   policyapi: every change of a policy
//
// The part in braces is the Cluster hash tag. All keys of one user and the
// index entry that lists a locked user share a tag, so one script keeps them
// consistent. All policy keys of an instance share another.
package keyspace

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Shards is the number of hash tags over which the users of an instance are
// spread. It is part of the stored format: changing it loses every counter.
const Shards = 64

const (
	// DefaultPrefix starts every key unless the configuration names another.
	DefaultPrefix = "lockout"
	// DefaultInstance names the instance unless the configuration does.
	DefaultInstance = "default"

	maxNameBytes = 128
)

// ErrName reports a prefix or an instance that cannot be part of a key.
var ErrName = errors.New("name cannot be part of a Redis key")

// Keyspace builds the keys of one instance below one prefix. The zero value
// is not usable; see New.
type Keyspace struct {
	prefix   string
	instance string
	shards   [Shards]shard
}

type shard struct{ user, locked, events string }

// New returns the keyspace of an instance. Empty arguments stand for the
// defaults. Braces would move the Cluster hash tag, so they are refused, as
// are control characters; the error wraps ErrName.
func New(prefix, instance string) (*Keyspace, error) {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	if instance == "" {
		instance = DefaultInstance
	}
	for _, n := range []struct{ what, name string }{{"key prefix", prefix}, {"instance", instance}} {
		if err := checkName(n.name); err != nil {
			return nil, fmt.Errorf("checking %s %q: %w", n.what, n.name, err)
		}
	}
	k := &Keyspace{prefix: prefix, instance: instance}
	for i := range k.shards {
		tag := prefix + ":{" + instance + "#" + strconv.Itoa(i) + "}:"
		k.shards[i] = shard{user: tag + "u:", locked: tag + "locked", events: tag + "events"}
	}
	return k, nil
}

func checkName(s string) error {
	if len(s) > maxNameBytes {
		return fmt.Errorf("%w: longer than %d bytes", ErrName, maxNameBytes)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%w: not valid UTF-8", ErrName)
	}
	if i := strings.IndexFunc(s, func(r rune) bool { return r == '{' || r == '}' || r <= ' ' || r == 0x7f }); i >= 0 {
		return fmt.Errorf("%w: braces, blanks and control characters are not allowed", ErrName)
	}
	return nil
}

// Instance returns the name of the instance.
func (k *Keyspace) Instance() string { return k.instance }

// Policy returns the key of an organization's policy, or of the instance
// default when organization is empty.
func (k *Keyspace) Policy(organization string) string {
	if organization == "" {
		return k.instanceTag() + "policy"
	}
	return k.instanceTag() + "policy:" + organization
}

// Sequence returns the key of the policy change counter.
func (k *Keyspace) Sequence() string { return k.instanceTag() + "sequence" }

// Changes returns the channel on which policy changes are published.
func (k *Keyspace) Changes() string { return k.instanceTag() + "changes" }

// PolicyEvents returns the stream of policy changes.
func (k *Keyspace) PolicyEvents() string { return k.instanceTag() + "events" }

// Locked returns the index of locked users of a shard in [0, Shards).
func (k *Keyspace) Locked(shard int) string { return k.shards[shard].locked }

// Events returns the stream of lock events of a shard in [0, Shards).
func (k *Keyspace) Events(shard int) string { return k.shards[shard].events }

func (k *Keyspace) instanceTag() string { return k.prefix + ":{" + k.instance + "}:" }
