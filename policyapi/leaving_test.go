// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
)

// leaving is a hook under which the caller goes away, and the connection with
// the answer, when the store has made the change.
type leaving struct {
	leave atomic.Pointer[context.CancelFunc]
}

func (*leaving) DialHook(next redis.DialHook) redis.DialHook { return next }
func (l *leaving) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if leave := l.leave.Load(); leave != nil && strings.HasPrefix(cmd.Name(), "eval") {
			(*leave)()
			if ctx.Err() != nil {
				cmd.SetErr(ctx.Err()) // as go-redis does before it tries again
				return ctx.Err()
			}
		}
		return err
	}
}
func (*leaving) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// Nobody changes anything unheard by going away while it is done.
func TestChangeOfACallerWhoLeaves(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		hook := new(leaving)
		e = e.node(t, new(line))
		e.client.AddHook(hook)
		s := newServer(t, e, serverOptions{})
		// Redis has the script from now on: the next change is one command.
		s.send(t, "POST", "/management/v1/policies/lockout", "", "x-zitadel-orgid", "acme").expect(t, 200, 0, "")
		ctx, cancel := context.WithCancel(t.Context())
		hook.leave.Store(&cancel)
		r := httptest.NewRequest("POST", "/management/v1/policies/lockout", strings.NewReader(`{"maxPasswordAttempts":3}`)).WithContext(ctx)
		r.Header.Set("Authorization", "Bearer "+adminToken)
		s.do(t, r)
		if n := s.sequence(t); n != 2 || len(s.changes) != 2 {
			t.Errorf("%d changes are made and %d reported", n, len(s.changes))
		}
	})
}
