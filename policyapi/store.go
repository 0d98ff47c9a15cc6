// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
)

// Store reads and changes the policies of one instance in Redis. It holds
// nothing, opens nothing before it is used and is safe for concurrent use.
type Store struct {
	client   redis.UniversalClient
	keys     *keyspace.Keyspace
	fallback Limits
}

// NewStore returns the store of the instance of keys. The fallback is in force
// while the instance has no default: until the first UpdateDefault.
//
// The caller keeps the client and closes it.
func NewStore(client redis.UniversalClient, keys *keyspace.Keyspace, fallback Limits) *Store {
	return &Store{client: client, keys: keys, fallback: fallback}
}

// Get returns what is in force for an organization: its policy, else the
// default.
func (s *Store) Get(ctx context.Context, organization string) (Policy, error) {
	if err := CheckOrganization(organization); err != nil {
		return Policy{}, fmt.Errorf("reading policy: %w", err)
	}
	page, err := s.read(ctx, []string{organization})
	if err == nil {
		err = page.policies[0].err
	}
	if err != nil {
		return Policy{}, fmt.Errorf("reading policy of organization %q: %w", organization, err)
	}
	if !page.policies[0].custom {
		return page.standard, nil
	}
	return page.policies[0].policy, nil
}

// Default returns the instance default. Its details name only the instance
// while it comes from the configuration.
func (s *Store) Default(ctx context.Context) (Policy, error) {
	page, err := s.read(ctx, nil)
	if err != nil {
		return Policy{}, fmt.Errorf("reading default policy: %w", err)
	}
	return page.standard, nil
}

// page is what the store held at one moment.
type page struct {
	sequence uint64 // of the latest change of the instance
	standard Policy // the default
	policies []row  // one per organization asked for, in the same order
}

type row struct {
	policy Policy
	custom bool
	// err concerns this organization alone, so that one broken policy does
	// not take the others with it.
	err error
}

// read takes the default, the policies of organizations and the sequence out
// of the store in one transaction, so that the sequence tells how new the rest
// is. It needs no script: the commands of MULTI see one moment, and in the
// embedded store they cost a fraction of a script.
func (s *Store) read(ctx context.Context, organizations []string) (page, error) {
	pipe := s.client.TxPipeline()
	sequence := pipe.Get(ctx, s.keys.Sequence())
	standard := pipe.HMGet(ctx, s.keys.Policy(""), fields...)
	custom := make([]*redis.SliceCmd, len(organizations))
	for i, organization := range organizations {
		custom[i] = pipe.HMGet(ctx, s.keys.Policy(organization), fields...)
	}
	// The answers of Redis are looked at one by one below, because an absent
	// sequence is an error among them.
	var answer redis.Error
	if _, err := pipe.Exec(ctx); err != nil && !errors.As(err, &answer) {
		return page{}, err
	}

	var p page
	switch text, err := sequence.Result(); {
	case errors.Is(err, redis.Nil): // no change yet
	case err != nil:
		return page{}, err
	default:
		if p.sequence, err = strconv.ParseUint(text, 10, 64); err != nil {
			return page{}, fmt.Errorf("parsing sequence of the instance: %w", err)
		}
	}
	values, err := standard.Result()
	if err != nil {
		return page{}, err
	}
	stored := false
	if p.standard, stored, err = parsePolicy(values); err != nil {
		return page{}, fmt.Errorf("parsing default policy: %w", err)
	}
	if !stored {
		p.standard.Limits = s.fallback
	}
	p.standard.IsDefault = true
	p.standard.Details.ResourceOwner = s.keys.Instance()

	p.policies = make([]row, len(organizations))
	for i, organization := range organizations {
		r := &p.policies[i]
		if values, r.err = custom[i].Result(); r.err != nil {
			continue
		}
		r.policy, r.custom, r.err = parsePolicy(values)
		r.policy.Details.ResourceOwner = organization
	}
	return p, nil
}
