// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-lockout/caddy-lockout/binding"
	"github.com/caddy-lockout/caddy-lockout/counter"
)

// boundKey is a key that is to stand for the subjects of an attempt.
type boundKey struct {
	key   string
	ttl   time.Duration
	joins bool // only if it stands for somebody already
	given bool // by the answer; else it came with the request
}

// keysOfRequest are the keys that came with the attempt.
func (a *attempt) keysOfRequest() (keys []boundKey) {
	for i, k := range a.step.requestKeys {
		if key := a.login.keys[i]; key != "" {
			keys = append(keys, boundKey{key: key, ttl: k.ttl, joins: k.joins})
		}
	}
	return keys
}

// keysOfAnswer are the keys that the answer gives out. Of an answer that is no
// success only the header is read.
func (a *attempt) keysOfAnswer(success bool) (keys []boundKey) {
	if a.answer == nil {
		return nil
	}
	for i := range a.step.answerKeys {
		k := &a.step.answerKeys[i]
		if !success && !k.inHeader() {
			continue
		}
		ttl := k.ttl
		if ttl == 0 {
			ttl = a.life // it takes the place of the key of this attempt
		}
		for _, key := range k.of(a.answer, time.Now) {
			keys = append(keys, boundKey{key: key, ttl: ttl, given: true})
		}
	}
	return keys
}

// bind lets keys stand for the subjects that the attempt names. Not for the
// accounts that they lead to, which whoever finds the key looks up: a name may
// have changed hands.
func (a *attempt) bind(ctx context.Context, keys []boundKey) error {
	return a.bindTo(ctx, keys, a.named())
}

func (a *attempt) bindTo(ctx context.Context, keys []boundKey, subjects []counter.Subject) error {
	if len(keys) == 0 || len(subjects) == 0 {
		return nil
	}
	errs := make([]error, len(keys))
	var running sync.WaitGroup
	for i, k := range keys {
		running.Go(func() {
			add := a.backend.bindings.Add
			if k.joins {
				add = a.backend.bindings.Join
			}
			errs[i] = add(ctx, a.handler.Organization, k.key, k.ttl, subjects...)
			if k.given && (errors.Is(errs[i], binding.ErrUnknown) || a.unbound(errs[i])) {
				errs[i] = nil // will lead to nobody; a browser's own may be read as another
			}
		})
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return refuseKey(err)
		}
	}
	return nil
}

// unbound reports whether a key of the answer may go out although it could not be
// bound. While the store is away and the node counts by itself, a refusal would
// tell a right password from a wrong one. Nobody gets further by such a key: it is
// new, and a step that brings it is refused, now and when the store is back.
func (a *attempt) unbound(err error) bool {
	if !a.handler.app.local() || !a.step.takesSecret() || !counter.Away(err) {
		return false
	}
	if c := a.handler.log.Check(zap.DebugLevel, "a session could not be bound to its user while the store is away; its codes will be refused"); c != nil {
		c.Write(subjectField(a.login.subject), zap.Error(err))
	}
	return true
}

// along runs f while keys are bound, so that both take one round trip.
func (a *attempt) along(ctx context.Context, keys []boundKey, f func() error) error {
	if len(keys) == 0 {
		return f()
	}
	var failed error
	var running sync.WaitGroup
	subjects := a.named() // f may change them
	running.Go(func() { failed = a.bindTo(ctx, keys, subjects) })
	err := f()
	running.Wait()
	if err != nil {
		return err
	}
	return failed
}

// accepted takes note of the answer to a request that takes no secret, before
// the client has it.
func (a *attempt) accepted() error {
	if a.step.kind == kindReset {
		a.reset()
		return nil
	}
	ctx, cancel := a.patience()
	defer cancel()
	return a.orPass(a.bind(ctx, a.keysOfAnswer(true)))
}

// reset clears the password counter of whom a completed reset is about. It is not
// repeated: the service has the new password, whatever we know.
func (a *attempt) reset() {
	ctx, cancel := context.WithDeadline(context.WithoutCancel(a.request.Context()), time.Now())
	defer cancel()
	a.recheck(ctx)
	if a.step.sameName && !a.sameName() {
		return
	}
	var subjects []counter.Subject
	if about := a.proven(); about != nil {
		subjects = append(subjects, about.Subject)
	}
	if account, ok := a.account(); ok && !slices.Contains(subjects, account) {
		subjects = append(subjects, account)
	}
	for _, s := range subjects {
		if err := a.backend.counter.Reset(ctx, s, a.id, counter.Password); err != nil {
			a.handler.log.Warn("the password counter could not be cleared after a reset", subjectField(s), zap.Error(err))
		}
	}
}

// carryOver binds the key that an answer sets in place of the attempt's own,
// though the answer is no success. Whoever shares the old key by now is meant by
// the new one as well; while nobody can tell, it leads to nobody.
func (a *attempt) carryOver() {
	keys := a.keysOfAnswer(false)
	if !a.step.bound || len(keys) == 0 {
		return
	}
	ctx, heirs := a.request.Context(), *a
	heirs.claims = slices.Clone(a.claims)
	heirs.recheck(ctx)
	err := heirs.doubt
	if err == nil {
		err = heirs.bind(ctx, keys)
	}
	if err != nil {
		a.handler.log.Warn("a new session could not be bound to its user; further codes under it are refused",
			subjectField(a.login.subject), zap.Error(err))
	}
}
