// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
)

// Record is what outlasts the store of one user, for a store that lives in
// memory and is written down elsewhere.
type Record struct {
	// Lock is the lock in the form of the store, empty for a user who is not
	// locked.
	Lock string
	// Counters are the fields of the hash that last: counters, reservations and
	// which names lead to which accounts.
	Counters map[string]string
	// Expires is when the counters are forgotten. Zero: never.
	Expires time.Time
}

// ErrRecord reports a record that no store has written.
var ErrRecord = errors.New("record is not one of the counter")

// These fields last, see lua/user.lua. Tombstones and the id of the last unlock
// answer calls of a process that is gone.
var (
	counterField     = regexp.MustCompile(`^[nb][` + factorLetters[1:] + `]$`)
	counterValue     = regexp.MustCompile(`^\d{1,15}$`)
	reservationField = regexp.MustCompile(`^r[-_0-9a-zA-Z]{1,32}$`)
	reservationValue = regexp.MustCompile(`^\d{1,15}((?:,[` + factorLetters[1:] + `]\d{1,15}/\d{1,10}(?:/\d{1,15})?)+)(?:@[-_0-9a-zA-Z]{0,22})?$`)
	byNameField      = regexp.MustCompile(`^v[` + factorLetters[1:] + `][-_0-9a-zA-Z]{22}$`)
	linkField        = regexp.MustCompile(`^[ao](?s:.+)$`)
)

// Check refuses what would make a script fail later. The error wraps
// ErrRecord.
func (r Record) Check() error {
	if r.Lock != "" {
		if _, err := parseLock(r.Lock); err != nil {
			return fmt.Errorf("%w: %w", ErrRecord, err)
		}
	}
	for name, value := range r.Counters {
		counts := counterValue.MatchString(value) &&
			(counterField.MatchString(name) || byNameField.MatchString(name) || linkField.MatchString(name))
		if !counts && (!reservationField.MatchString(name) || !reservationValue.MatchString(value)) {
			return fmt.Errorf("%w: field %q with value %q", ErrRecord, name, value)
		}
	}
	return nil
}

// ReadRecords reads the users with these keys (keyspace.UserKeys.User), in
// their order. Each record is of one moment; one of an unknown user is empty.
func ReadRecords(ctx context.Context, client redis.UniversalClient, keys []string) ([]Record, error) {
	hashes := make([]*redis.MapStringStringCmd, len(keys))
	lives := make([]*redis.DurationCmd, len(keys))
	if _, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			hashes[i], lives[i] = p.HGetAll(ctx, key), p.PTTL(ctx, key)
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("reading records of users: %w", err)
	}
	now := time.Now()
	records := make([]Record, len(keys))
	for i := range keys {
		r := &records[i]
		for name, value := range hashes[i].Val() {
			switch name[0] {
			case 'l':
				r.Lock = value
			case 'n', 'b', 'r', 'v', 'a', 'o':
				if r.Counters == nil {
					r.Counters = map[string]string{}
				}
				r.Counters[name] = value
			}
		}
		if life := lives[i].Val(); life > 0 {
			r.Expires = now.Add(life)
		}
	}
	return records, nil
}

// Row is a user to be restored. The member of the index is needed for a locked
// user only.
type Row struct {
	Keys   keyspace.UserKeys
	Member string
	Record
}

// Restore writes users into a store that nobody uses yet. Reservations are of
// attempts whose node is gone: the next touch of the user finds them expired
// and counts them as failed, as it would anywhere else.
func Restore(ctx context.Context, client redis.UniversalClient, rows []Row) error {
	now := time.Now()
	if _, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, r := range rows {
			restoreRow(ctx, p, now, r)
		}
		return nil
	}); err != nil {
		return fmt.Errorf("restoring users: %w", err)
	}
	return nil
}

func restoreRow(ctx context.Context, p redis.Pipeliner, now time.Time, r Row) {
	life := time.Duration(0)
	if r.Lock == "" && !r.Expires.IsZero() {
		if life = r.Expires.Sub(now); life <= 0 {
			return
		}
	}
	values := make([]any, 0, 2*len(r.Counters)+2)
	for name, value := range r.Counters {
		if name[0] == 'r' {
			_, seen, _ := strings.Cut(value, ",")
			value = "0," + seen
		}
		values = append(values, name, value)
	}
	if r.Lock != "" {
		values = append(values, "l", r.Lock)
		p.ZAdd(ctx, r.Keys.Locked, redis.Z{Member: r.Member})
	}
	if len(values) == 0 {
		return
	}
	p.HSet(ctx, r.Keys.User, values...)
	if life > 0 {
		p.PExpire(ctx, r.Keys.User, life)
	}
}
