// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	defaultOrganizations = 10_000
	defaultPoll          = 4 * time.Second
	defaultTimeout       = time.Second

	// readBackPause is between two reads of what was just written.
	readBackPause = 50 * time.Millisecond
)

// Options of a Cache. The zero value of a field stands for its default.
type Options struct {
	// Organizations is the most that are held. Default: 10000.
	Organizations int
	// Poll is how often the sequence is compared, which bounds the age of what
	// is held when messages are lost. Default: 4s.
	Poll time.Duration
	// Timeout is how long a read of the store may take. Default: 1s.
	Timeout time.Duration
	// OnError hears when reading policies or listening for changes begins to
	// fail, once until it works again and seldom. It is called from the goroutines of the
	// cache and must not block.
	OnError func(error)
}

// Cache answers the limits of organizations from memory and keeps them new. It
// is safe for concurrent use.
//
// A change made anywhere is in force when its message arrives, and within
// Options.Poll and Options.Timeout when it does not. A change made through
// this cache is in force when the call returns.
type Cache struct {
	store   *Store
	options Options
	held    *held
	queue   *queue

	stop context.CancelFunc
	wg   sync.WaitGroup
}

// NewCache returns a cache over a store. It starts to listen in the background
// and does not need the store to be there. The caller closes the cache, before
// the client of the store.
func NewCache(store *Store, options Options) *Cache {
	if options.Organizations <= 0 {
		options.Organizations = defaultOrganizations
	}
	if options.Poll <= 0 {
		options.Poll = defaultPoll
	}
	if options.Timeout <= 0 {
		options.Timeout = defaultTimeout
	}
	if options.OnError == nil {
		options.OnError = func(error) {}
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &Cache{store: store, options: options, held: newHeld(options.Organizations), queue: newQueue(), stop: stop}
	c.wg.Go(func() { c.refresh(ctx) })
	c.wg.Go(func() { c.listen(ctx) })
	return c
}

// Effective returns the limits in force for an organization. The first call
// for an organization reads the store, once for all who ask meanwhile; its
// error wraps that of the store. Later calls do not allocate and do not fail.
func (c *Cache) Effective(ctx context.Context, organization string) (Limits, error) {
	if limits, ok := c.held.limits(organization); ok {
		return limits, nil
	}
	return c.miss(ctx, organization)
}

// Known returns the limits of an organization as far as this node has read
// them. It does not ask the store.
func (c *Cache) Known(organization string) (Limits, bool) { return c.held.limits(organization) }

func (c *Cache) miss(ctx context.Context, organization string) (Limits, error) {
	if err := CheckOrganization(organization); err != nil {
		return Limits{}, fmt.Errorf("reading policy: %w", err)
	}
	limits, err := wait(ctx, c.queue.miss(organization))
	if err != nil {
		return Limits{}, fmt.Errorf("reading policy of organization %q: %w", organization, err)
	}
	return limits, nil
}

// Get is Store.Get: it reads the store, so that it shows every change that was
// made anywhere, and says when the policy came to be.
func (c *Cache) Get(ctx context.Context, organization string) (Policy, error) {
	return c.store.Get(ctx, organization)
}

// Default is Store.Default; see Get.
func (c *Cache) Default(ctx context.Context) (Policy, error) { return c.store.Default(ctx) }

// Add is Store.Add. Like the other changes it returns once this node has read
// the change back. While the store does not answer that, it tries again until
// ctx ends, or Options.Timeout where ctx has no deadline; then the change is in
// force here as soon as the store answers again.
func (c *Cache) Add(ctx context.Context, organization string, limits Limits, op string) (Details, error) {
	details, err := c.store.Add(ctx, organization, limits, op)
	return c.readBack(ctx, organization, details, err)
}

// Update is Store.Update; see Add.
func (c *Cache) Update(ctx context.Context, organization string, limits Limits, op string) (Details, error) {
	details, err := c.store.Update(ctx, organization, limits, op)
	return c.readBack(ctx, organization, details, err)
}

// Reset is Store.Reset; see Add.
func (c *Cache) Reset(ctx context.Context, organization, op string) (Details, error) {
	details, err := c.store.Reset(ctx, organization, op)
	return c.readBack(ctx, organization, details, err)
}

// UpdateDefault is Store.UpdateDefault; see Add.
func (c *Cache) UpdateDefault(ctx context.Context, limits Limits, op string) (Details, error) {
	details, err := c.store.UpdateDefault(ctx, limits, op)
	return c.readBack(ctx, "", details, err)
}

// readBack waits for a read that begins after the change. Taking over what was
// written would save the round trip, but then two would write what is held,
// and their order would have to be proved.
//
// The change is made, so nothing that fails from here on is an error of it: a
// caller who heard one would make it again.
func (c *Cache) readBack(ctx context.Context, organization string, details Details, err error) (Details, error) {
	if err != nil {
		return Details{}, err
	}
	if _, ok := ctx.Deadline(); !ok { // nobody waits for a store forever
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.options.Timeout)
		defer cancel()
	}
	for {
		_, err := wait(ctx, c.queue.back(organization))
		if err == nil || ctx.Err() != nil || errors.Is(err, ErrClosed) {
			return details, nil
		}
		select {
		case <-time.After(readBackPause):
		case <-ctx.Done():
		}
	}
}

func wait(ctx context.Context, answer *call) (Limits, error) {
	select {
	case <-answer.done:
		return answer.limits, answer.err
	case <-ctx.Done():
		return Limits{}, context.Cause(ctx)
	}
}

// Close ends the goroutines of the cache and waits for them. What is held can
// still be read; everything else fails with ErrClosed. It may be called again.
func (c *Cache) Close() {
	c.stop()
	c.wg.Wait()
}
