// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// Record is the policy of an organization in the form of the store, for a
// store that lives in memory and is written down elsewhere.
type Record struct {
	// Policy holds the fields of the policy, nil where there is none.
	Policy map[string]string
	// Sequence is that of the instance when the record was read.
	Sequence uint64
}

// ErrRecord reports a record that no store has written.
var ErrRecord = errors.New("record is not one of the policy store")

// Check refuses what would make a read fail later. The error wraps ErrRecord.
func (r Record) Check() error {
	if r.Policy == nil {
		return nil
	}
	values := make([]any, len(fields))
	for i, name := range fields {
		values[i] = r.Policy[name]
	}
	if p, ok, err := parsePolicy(values); err != nil {
		return fmt.Errorf("%w: %w", ErrRecord, err)
	} else if !ok || len(r.Policy) != len(fields) || p.Details.Sequence > r.Sequence {
		return fmt.Errorf("%w: fields %v at sequence %d", ErrRecord, r.Policy, r.Sequence)
	}
	return nil
}

// ReadRecord reads the policy of an organization, or the instance default when
// organization is empty. Recent calls are left out: those who might repeat them
// are gone when the record is restored.
func (s *Store) ReadRecord(ctx context.Context, organization string) (Record, error) {
	pipe := s.client.TxPipeline()
	sequence := pipe.Get(ctx, s.keys.Sequence())
	policy := pipe.HMGet(ctx, s.keys.Policy(organization), fields...)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return Record{}, fmt.Errorf("reading record of a policy: %w", err)
	}
	var r Record
	var err error
	if text := sequence.Val(); text != "" {
		if r.Sequence, err = strconv.ParseUint(text, 10, 64); err != nil {
			return Record{}, fmt.Errorf("parsing sequence of the instance: %w", err)
		}
	}
	for i, value := range policy.Val() {
		text, ok := value.(string)
		if !ok && i == 0 {
			break // without a sequence it is no policy
		}
		if r.Policy == nil {
			r.Policy = make(map[string]string, len(fields))
		}
		r.Policy[fields[i]] = text
	}
	return r, nil
}

// Restore writes the policies of an instance, by organization, into a store
// that nobody uses yet. The sequence goes on where the newest record saw it.
func (s *Store) Restore(ctx context.Context, records map[string]Record) error {
	latest := uint64(0)
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for organization, r := range records {
			latest = max(latest, r.Sequence)
			if r.Policy != nil {
				p.HSet(ctx, s.keys.Policy(organization), r.Policy)
			}
		}
		if latest > 0 {
			p.Set(ctx, s.keys.Sequence(), strconv.FormatUint(latest, 10), 0)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("restoring policies: %w", err)
	}
	return nil
}
