// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package module holds the Caddy modules of caddy-lockout: the app `lockout`,
// which keeps the store, and the handler `http.handlers.lockout`, which stands
// in front of a login service. It owns their lifecycle and everything that
// touches an HTTP request; counting, policies and reading logins it leaves to
// counter, policyapi and internal/credentials.
//
// The way of a request is Handler.ServeHTTP, from top to bottom.
package module

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// App holds what all lockout handlers of a Caddy instance share: the store and
// the defaults. It is provisioned with its defaults when a site uses lockout
// and the configuration has no `lockout` app.
type App struct {
	// Where policies, counters and locks are kept. Default: an embedded store
	// in this process, for one node only.
	Redis *Redis `json:"redis,omitempty"`

	// The name of the instance: installations that share a Redis and must not
	// share users differ in it. Default: `default`.
	Instance string `json:"instance,omitempty"`

	// The policy while the store holds no instance default. Default: 10
	// attempts for both.
	DefaultPolicy *DefaultPolicy `json:"default_policy,omitempty"`

	// What happens to attempts while the store does not answer. `closed`:
	// refused with 503 and Retry-After. `open`: they pass uncounted, those of
	// locked users too. `local`: each node goes on by itself: it refuses users
	// whom it knows to be locked, counts the others under the last policy that
	// it knew, and adds what it counted when the store is back. The limit then
	// holds for each node. Default: `closed`.
	OnStoreError string `json:"on_store_error,omitempty"`

	// How long a node remembers that a user is locked without asking the
	// store. The message of an unlock ends it at once; when that is lost, the
	// unlock is in force on this node so much later. 0 asks each time.
	// Default: 1s.
	DenyCache *caddy.Duration `json:"deny_cache,omitempty"`

	// How long an attempt may take at the login service until it counts as a
	// failure. Default: 30s.
	AttemptTimeout caddy.Duration `json:"attempt_timeout,omitempty"`

	// How long the slot of an attempt is held when its node died. Must be
	// longer than attempt_timeout. Default: 40s.
	ReservationTTL caddy.Duration `json:"reservation_ttl,omitempty"`

	// How long after the last failure the counters of a user who is not locked
	// are forgotten, and how long after the last success under it a name leads to
	// its account. Default: 30 days.
	CounterTTL caddy.Duration `json:"counter_ttl,omitempty"`

	// Which user names are one to the login services. Default: letter case,
	// width, blanks around and characters that are not shown make no difference.
	Names *Names `json:"names,omitempty"`

	// What is special to organizations, by their id.
	Organizations map[string]*Organization `json:"organizations,omitempty"`

	nameRules nameRules
	log       *zap.Logger
	spec      *backendSpec
	backend   *backend
	acquired  bool
	handlers  atomic.Int32
	running   sync.WaitGroup
	stopPing  context.CancelFunc
	storage   certmagic.Storage
	teller    *teller
	passedIn  atomic.Int64 // the outage in which attempts passed last
}

// DefaultPolicy is a policy as configured.
type DefaultPolicy struct {
	// Wrong passwords until the user is locked. 0: never. Default: 10.
	MaxPasswordAttempts *uint32 `json:"max_password_attempts,omitempty"`

	// Wrong codes of one type until the user is locked. 0: never. Default: 10.
	MaxOTPAttempts *uint32 `json:"max_otp_attempts,omitempty"`
}

const (
	defaultAttempts       = 10
	defaultAttemptTimeout = 30 * time.Second
	defaultReservationTTL = 40 * time.Second
	defaultCounterTTL     = 30 * 24 * time.Hour
)

func init() { caddy.RegisterModule((*App)(nil)) }

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "lockout", New: func() caddy.Module { return new(App) }}
}

// Provision makes everything ready that a handler needs: requests may arrive
// before Start. It does not need the store to answer.
func (a *App) Provision(ctx caddy.Context) error {
	a.log = ctx.Logger()
	a.storage = ctx.Storage()
	a.setDefaults()
	if err := a.check(); err != nil {
		return err
	}
	if err := registerMetrics(ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	var err error
	if a.nameRules, err = a.compileNames(); err != nil {
		return err
	}
	spec, err := a.backendSpec()
	if err != nil {
		return err
	}
	a.spec = spec
	if a.backend, err = spec.acquire(); err != nil {
		return err
	}
	a.acquired = true
	a.teller, err = newTeller(ctx, a.backend.events)
	return err
}

func (a *App) setDefaults() {
	if a.DefaultPolicy == nil {
		a.DefaultPolicy = new(DefaultPolicy)
	}
	for _, limit := range []**uint32{&a.DefaultPolicy.MaxPasswordAttempts, &a.DefaultPolicy.MaxOTPAttempts} {
		if *limit == nil {
			n := uint32(defaultAttempts)
			*limit = &n
		}
	}
	if a.OnStoreError == "" {
		a.OnStoreError = storeErrorClosed
	}
	for _, d := range []struct {
		field *caddy.Duration
		value time.Duration
	}{
		{&a.AttemptTimeout, defaultAttemptTimeout},
		{&a.ReservationTTL, defaultReservationTTL},
		{&a.CounterTTL, defaultCounterTTL},
	} {
		if *d.field == 0 {
			*d.field = caddy.Duration(d.value)
		}
	}
}

func (a *App) check() error {
	switch a.OnStoreError {
	case storeErrorClosed, storeErrorOpen, storeErrorLocal:
	default:
		return fmt.Errorf("checking on_store_error: %q is not supported, write closed, open or local", a.OnStoreError)
	}
	if a.DenyCache != nil && *a.DenyCache < 0 {
		return errors.New("checking deny_cache: it must not be negative, 0 turns it off")
	}
	if a.AttemptTimeout < 0 || a.ReservationTTL < 0 || a.CounterTTL < 0 {
		return errors.New("checking attempt_timeout, reservation_ttl and counter_ttl: they must not be negative")
	}
	// An attempt that outlives its reservation would be counted as failed
	// while it may still succeed, and its slot given to another.
	if a.ReservationTTL < a.AttemptTimeout+caddy.Duration(time.Second) {
		return fmt.Errorf("checking reservation_ttl: %s must be at least a second longer than attempt_timeout %s",
			time.Duration(a.ReservationTTL), time.Duration(a.AttemptTimeout))
	}
	return nil
}

// Start warns when no site uses the app, and looks in the background whether
// the store answers and is set up as it should be.
func (a *App) Start() error {
	if a.handlers.Load() == 0 {
		a.log.Warn("the lockout app is configured, but no site uses the lockout handler: nothing is limited")
	}
	if journal := a.backend.store.journal; journal != nil {
		journal.begin(a, a.storage)
		a.log.Info("using the embedded store, which is for one node only; locks, unlocks and policies are kept in Caddy's storage")
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	a.stopPing = cancel
	a.running.Go(func() { a.checkStore(ctx) })
	return nil
}

// Stop ends telling events, while their handlers still work. Attempts may still
// be in flight, so nothing else ends. See Cleanup.
func (a *App) Stop() error {
	a.teller.end()
	return nil
}

// Cleanup gives the store back. It closes when no attempt in flight holds it
// any more.
func (a *App) Cleanup() error {
	if a.stopPing != nil {
		a.stopPing()
	}
	a.running.Wait()
	if !a.acquired {
		return nil
	}
	a.acquired = false
	if journal := a.backend.store.journal; journal != nil {
		journal.end(a)
	}
	return a.spec.release()
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
