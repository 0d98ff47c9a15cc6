// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/caddy-lockout/caddy-lockout/binding"
	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// closeTimeout bounds the delivery of what is pending when a backend closes.
// What is not delivered then expires in the store as failed.
const closeTimeout = 5 * time.Second

// Caddy does not wait for requests when it reloads: Cleanup runs while logins
// are in flight. So whoever uses a store holds a lease in one of these pools,
// and the last one to leave closes it.
var (
	stores   = caddy.NewUsagePool() // by server
	backends = caddy.NewUsagePool() // by server and settings
)

// store is a client and what it takes to close it.
type store struct {
	client  redis.UniversalClient
	close   func(context.Context) error
	journal *journal // of the embedded store
	health  health
	// findings are of the latest check at a start.
	findings findings
}

// Destruct closes the store.
func (s *store) Destruct() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	s.health.close()
	return s.close(ctx)
}

// backend is what attempts are decided with: the counter, the policies, and
// what this node knows by itself.
type backend struct {
	storeKey string
	store    *store
	keys     *keyspace.Keyspace
	counter  *counter.Counter
	policies *policyapi.Cache
	bindings *binding.Store
	verified *verifiedSecrets
	events   *events
	gauge    *lockedGauge
	waiting  bodyBudget
	running  sync.WaitGroup // what attempts leave to do, each under its lease
}

// backendSpec is the settings that make a backend. Equal specs share one.
type backendSpec struct {
	redis     *Redis // resolved; nil means the embedded store
	instance  string
	prefix    string
	defaults  policyapi.Limits
	options   counter.Options
	key       string
	storeKey  string
	openStore func() *store
}

func (a *App) backendSpec() (*backendSpec, error) {
	s := &backendSpec{
		instance: a.Instance,
		defaults: a.defaultLimits(),
		options: counter.Options{
			ReservationTTL: time.Duration(a.ReservationTTL),
			CounterTTL:     time.Duration(a.CounterTTL),
			Local:          a.OnStoreError == storeErrorLocal,
		},
		storeKey:  embeddedKey,
		openStore: func() *store { return openEmbedded(a.storage) },
	}
	if a.DenyCache != nil {
		s.options.DenyTTL = time.Duration(*a.DenyCache)
		if *a.DenyCache == 0 {
			s.options.DenyTTL = -1
		}
	}
	if a.Redis == nil {
		s.options.CallTimeout = embeddedTimeout
	} else {
		r, err := a.Redis.resolve()
		if err != nil {
			return nil, err
		}
		s.redis, s.prefix, s.storeKey, s.openStore = r, r.KeyPrefix, r.key(), r.open
		s.options.ConfirmReplicas = r.ConfirmLock
	}
	text, err := json.Marshal([]any{
		s.storeKey, s.instance, s.prefix, s.defaults,
		s.options.ReservationTTL, s.options.CounterTTL, s.options.Local, s.options.DenyTTL,
	})
	if err != nil {
		return nil, fmt.Errorf("naming the backend: %w", err)
	}
	s.key = string(text)
	return s, nil
}

// acquire takes a lease on the backend, which release gives back.
func (s *backendSpec) acquire() (*backend, error) {
	b, _, err := backends.LoadOrNew(s.key, func() (caddy.Destructor, error) { return s.open() })
	if err != nil {
		return nil, err
	}
	return b.(*backend), nil
}

func (s *backendSpec) release() error {
	_, err := backends.Delete(s.key)
	return err
}

// leave is release for those who have nobody to tell.
func (s *backendSpec) leave() {
	if err := s.release(); err != nil {
		backendLog().Error("the store did not close as it should", zap.Error(err))
	}
}

func (s *backendSpec) open() (*backend, error) {
	keys, err := keyspace.New(s.prefix, s.instance)
	if err != nil {
		return nil, err
	}
	pooled, _, err := stores.LoadOrNew(s.storeKey, func() (caddy.Destructor, error) { return s.openStore(), nil })
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	b := &backend{storeKey: s.storeKey, store: pooled.(*store), keys: keys, verified: newVerifiedSecrets(), events: newEvents()}
	if b.store.journal != nil {
		b.store.journal.serve(keys)
	}
	options := s.options
	options.Hooks = b.hooks()
	if b.counter, err = counter.New(b.store.client, keys, options); err != nil {
		_, _ = stores.Delete(s.storeKey)
		return nil, fmt.Errorf("checking counter_ttl and reservation_ttl: %w", err)
	}
	b.policies = policyapi.NewCache(policyapi.NewStore(b.store.client, keys, s.defaults), policyapi.Options{OnError: policyError})
	b.bindings = binding.New(b.store.client, keys, callTimeout(s.options), metricHooks().Called)
	b.gauge = watchLockedUsers(b.counter)
	return b, nil
}

// callTimeout bounds a call of the store.
func callTimeout(o counter.Options) time.Duration { return cmp.Or(o.CallTimeout, time.Second) }

// hooks feed the metrics, and forget verified secrets of users whose state
// has changed.
func (b *backend) hooks() counter.Hooks {
	h := metricHooks()
	countLock, countUnlock := h.Locked, h.Unlocked
	h.Locked = func(s counter.Subject, l counter.Lock) {
		b.verified.forget(s)
		countLock(s, l)
		b.events.locked(s, l)
		backendLog().Warn("user locked", subjectField(s), zap.Stringer("factor", l.Factor), zap.String("by", string(l.By)))
	}
	h.Unlocked = func(s counter.Subject, by counter.Actor) {
		b.verified.forget(s)
		countUnlock(s, by)
		backendLog().Info("user unlocked", subjectField(s), zap.String("by", string(by)))
	}
	countCall := h.Called
	h.Called = func(op string, d time.Duration, err error) {
		countCall(op, d, err)
		b.store.health.saw(d, err)
	}
	h.Away = func(away bool) { b.store.health.stopped(b, away) }
	h.Deaf = func(err error) {
		backendLog().Warn("messages of locks and unlocks do not arrive; an unlock by another node is known here a moment later", zap.Error(err))
	}
	countConfirmed := h.Confirmed
	h.Confirmed = func(s counter.Subject, l counter.Lock, replicas int, err error) {
		countConfirmed(s, l, replicas, err)
		if err != nil {
			backendLog().Warn("a lock is not confirmed by as many replicas as confirm_lock wants: a failover now could lose it",
				subjectField(s), zap.Int("replicas", replicas), zap.Error(err))
		}
	}
	h.Lost = func(s counter.Subject, err error) {
		backendLog().Error("what was counted could not be delivered to the store", subjectField(s), zap.Error(err))
	}
	return h
}

func policyError(err error) {
	backendLog().Warn("policies cannot be read; those known stay in force", zap.Error(err))
}

// backendLog is Caddy's logger of the day: a backend outlives configurations.
func backendLog() *zap.Logger { return caddy.Log().Named("lockout") }

// Destruct delivers what is pending and closes the backend.
func (b *backend) Destruct() error {
	b.running.Wait() // may wait for slots, as long as a queue does
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	b.gauge.close()
	b.policies.Close()
	err := b.counter.Close(ctx)
	b.store.health.left(b)
	if _, storeErr := stores.Delete(b.storeKey); err == nil {
		err = storeErr
	}
	return err
}
