// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// unreadable is a hook under which changes go through and reads fail.
type unreadable struct{ on atomic.Bool }

var errUnreadable = errors.New("reads fail")

func (*unreadable) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*unreadable) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (u *unreadable) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if u.on.Load() {
			return errUnreadable
		}
		return next(ctx, cmds)
	}
}

// A change that was made is no error, whatever becomes of its read-back.
func TestReadBackFails(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		hook := new(unreadable)
		e = e.node(t, new(line))
		e.client.AddHook(hook)
		c := e.cache(t, policyapi.Options{Timeout: 300 * time.Millisecond, Poll: never})
		e.subscribed(t, 1)
		effective(t, c, "org", fallback)

		hook.on.Store(true)
		if d := must(t)(c.Add(t.Context(), "org", limits(1, 2), newOp())); d.Sequence != 1 || d.ResourceOwner != "org" || d.CreationDate.IsZero() {
			t.Fatalf("details %+v", d)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if d := must(t)(c.Update(ctx, "org", limits(3, 4), newOp())); d.Sequence != 2 {
			t.Fatalf("details %+v", d)
		}
		hook.on.Store(false)
		becomes(t, c, "org", limits(3, 4))
	})
}

// While there is time the read-back is tried again, so that the change is in
// force when the call returns.
func TestReadBackIsTriedAgain(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		hook := new(unreadable)
		e = e.node(t, new(line))
		e.client.AddHook(hook)
		c := e.cache(t, policyapi.Options{Poll: never})
		e.subscribed(t, 1)
		effective(t, c, "org", fallback)

		hook.on.Store(true)
		time.AfterFunc(200*time.Millisecond, func() { hook.on.Store(false) })
		must(t)(c.Add(t.Context(), "org", limits(1, 2), newOp()))
		effective(t, c, "org", limits(1, 2))
	})
}

func TestReadBackOfAClosedCache(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		c := e.cache(t, policyapi.Options{})
		c.Close()
		must(t)(c.Add(t.Context(), "org", limits(1, 2), newOp()))
	})
}
