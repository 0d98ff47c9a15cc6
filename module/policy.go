// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// limits returns the limit of each factor under the policy of an organization.
func (a *App) limits(ctx context.Context, b *backend, organization string, factors ...counter.Factor) ([]counter.FactorLimit, error) {
	policy, err := a.policy(ctx, b, organization)
	if err != nil {
		return nil, err
	}
	limits := make([]counter.FactorLimit, len(factors))
	for i, f := range factors {
		limits[i] = counter.FactorLimit{Factor: f, Max: policy.MaxOTPAttempts}
		if f == counter.Password {
			limits[i].Max = policy.MaxPasswordAttempts
		}
	}
	return limits, nil
}

// policy is the one in force. With on_store_error local it is the last one
// known, or the default of the configuration, while the store is away.
func (a *App) policy(ctx context.Context, b *backend, organization string) (policyapi.Limits, error) {
	if !a.local() {
		return b.policies.Effective(ctx, organization)
	}
	if limits, known := b.policies.Known(organization); known {
		return limits, nil
	}
	if !b.store.health.outage().IsZero() {
		return a.defaultLimits(), nil // nobody waits for a store that is away
	}
	limits, err := b.policies.Effective(ctx, organization)
	if err != nil && counter.Away(err) {
		b.store.health.saw(0, err)
		return a.defaultLimits(), nil
	}
	return limits, err
}

// defaultLimits is the policy while the store holds none.
func (a *App) defaultLimits() policyapi.Limits {
	return policyapi.Limits{
		MaxPasswordAttempts: *a.DefaultPolicy.MaxPasswordAttempts,
		MaxOTPAttempts:      *a.DefaultPolicy.MaxOTPAttempts,
	}
}
