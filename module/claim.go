// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"slices"

	"go.uber.org/zap"

	"github.com/caddy-lockout/caddy-lockout/binding"
	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// claim is the part of an attempt that concerns one subject. There is one for
// each user whom the key of a bound step stands for, and one otherwise.
type claim struct {
	subject counter.Subject
	held    bool // has a slot that must be settled
	late    bool // went without a slot, and is charged if the secret is wrong
}

// lead finds out whom the attempt is about.
func (a *attempt) lead(ctx context.Context) error {
	if !a.step.bound {
		a.claims = []claim{{subject: a.login.subject}}
		return nil
	}
	found, err := a.backend.bindings.Find(ctx, a.handler.Organization, a.login.key)
	if err = refuseKey(err); a.step.kind == kindReset && isRefusal(err) {
		return nil // nothing is guessed, and nothing will be cleared
	}
	if err != nil {
		return err
	}
	a.life = found.Life
	for _, s := range found.Subjects {
		a.claims = append(a.claims, claim{subject: s})
	}
	a.login.subject = found.Subjects[0]
	return nil
}

// refuseKey is the refusal of a key that leads to nobody. By default it is that
// of a locked user: it tells nothing, and a client that gets it begins anew.
func refuseKey(err error) error {
	if errors.Is(err, binding.ErrUnknown) || errors.Is(err, binding.ErrCrowded) {
		return credentials.Refuse(credentials.ReasonUnknownKey, err.Error())
	}
	return err
}

func isRefusal(err error) bool {
	_, ok := errors.AsType[*credentials.Refusal](err)
	return ok
}

// take reserves a slot of every claim, all or none.
func (a *attempt) take(ctx context.Context) error {
	for i := range a.claims {
		c := &a.claims[i]
		limits, err := a.limitsOf(ctx, c.subject)
		if err != nil {
			a.settle(counter.Void)
			return err
		}
		r, err := a.backend.counter.ReserveIn(ctx, a.handler.queue, c.subject, a.id, limits)
		if err != nil {
			a.settle(counter.Void)
			return err
		}
		c.held = r.Held
	}
	return nil
}

// held reports whether some claim has a slot.
func (a *attempt) held() bool {
	return slices.ContainsFunc(a.claims, func(c claim) bool { return c.held })
}

// proven returns the claim that a success is about: the only one, or the one
// that the answer names. Nil: nobody can tell.
func (a *attempt) proven() *claim {
	if len(a.claims) == 1 && a.doubt == nil {
		return &a.claims[0]
	}
	if a.step.identity == nil || a.answer == nil {
		return nil
	}
	text, ok := a.step.identity.of(a.answer)
	if !ok {
		return nil
	}
	var found *claim
	for i := range a.claims {
		s := a.claims[i].subject
		if name, refusal := a.handler.namesOf(s).Canonical(text); refusal != nil || s.User != name {
			continue
		}
		if found != nil {
			return nil // of two organizations
		}
		found = &a.claims[i]
	}
	return found
}

// forgive settles a success. Only the claim that it is about is forgiven; the
// others get their slots back. When nobody can tell, a lock of any refuses.
func (a *attempt) forgive(ctx context.Context) error {
	about := a.proven()
	for i := range a.claims {
		c := &a.claims[i]
		if c == about && c.held {
			if err := a.backend.counter.Settle(ctx, c.subject, a.id, a.outcomes(counter.Success)); err != nil {
				a.settle(counter.Void)
				return err
			}
			c.held = false
			continue
		}
		a.settleClaim(c, counter.Void)
		if about != nil && c != about {
			continue
		}
		if err := a.backend.counter.Check(ctx, c.subject, a.id); err != nil {
			a.settle(counter.Void)
			return err
		}
	}
	return nil
}

// settle ends all claims in the same way.
func (a *attempt) settle(o counter.Outcome) {
	for i := range a.claims {
		a.settleClaim(&a.claims[i], o)
	}
}

func (a *attempt) settleClaim(c *claim, o counter.Outcome) {
	if !c.held {
		return
	}
	c.held = false
	if err := a.backend.counter.Settle(a.request.Context(), c.subject, a.id, a.outcomes(o)); err != nil {
		a.handler.log.Error("an attempt could not be settled; it counts as failed", subjectField(c.subject), zap.Error(err))
	}
}

// chargeOthers counts a wrong secret for whoever has come to share its key
// meanwhile. Nobody waits for it: the slots that were held are settled.
func (a *attempt) chargeOthers() {
	if !a.shared() {
		return
	}
	late := *a
	late.claims = slices.Clone(a.claims)
	a.backend.running.Go(func() {
		late.recheck(context.WithoutCancel(late.request.Context()))
		late.charge()
		late.settle(counter.Failure)
	})
}

// shared reports whether the key of the attempt may come to stand for others
// while it lasts.
func (a *attempt) shared() bool {
	return a.step.bound && a.handler.sites.shared && len(a.claims) > 0
}

// recheck looks whether the key has come to stand for somebody else while the
// attempt was at the login service, which may have checked it against that user
// then. Only a key that the browser brings itself can.
func (a *attempt) recheck(ctx context.Context) {
	if !a.shared() {
		return
	}
	found, err := a.backend.bindings.Find(ctx, a.handler.Organization, a.login.key)
	if err != nil {
		a.doubt = err
		return
	}
	for _, s := range found.Subjects {
		if !slices.ContainsFunc(a.claims, func(c claim) bool { return c.subject == s }) {
			a.claims = append(a.claims, claim{subject: s, late: true})
		}
	}
}

// check looks for a lock of whomever the attempt is about.
func (a *attempt) check(ctx context.Context) error {
	for i := range a.claims {
		if err := a.backend.counter.Check(ctx, a.claims[i].subject, a.id); err != nil {
			return err
		}
	}
	return nil
}

// charge reserves belatedly for a secret that went without a slot because it
// was right a moment ago, and is not any more, and for a user whom the key of the
// attempt stands for since.
func (a *attempt) charge() {
	if !slices.ContainsFunc(a.claims, func(c claim) bool { return c.late }) {
		return
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(a.request.Context()), a.deadline)
	defer cancel()
	var err error
	if a.limits, err = a.handler.app.limits(ctx, a.backend, a.login.subject.Organization, a.factors()...); err == nil {
		for i := range a.claims {
			c := &a.claims[i]
			if !c.late || err != nil {
				continue
			}
			var limits []counter.FactorLimit
			if limits, err = a.limitsOf(ctx, c.subject); err != nil {
				break
			}
			var r counter.Reservation
			r, err = a.backend.counter.ReserveIn(ctx, a.handler.queue, c.subject, a.id, limits)
			c.held = r.Held
		}
	}
	if err != nil && !errors.Is(err, counter.ErrLocked) {
		a.handler.log.Error("a wrong secret that went without a slot could not be charged", subjectField(a.login.subject), zap.Error(err))
	}
}
