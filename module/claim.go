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
// each user whom the request names, or for whom the key of a bound step stands,
// and one for each account that such a name leads to.
type claim struct {
	counter.Claim
	late bool // went without a slot, and is charged if the secret is wrong
}

func claimFor(s counter.Subject) claim { return claim{Claim: counter.Claim{Subject: s}} }

// lead finds out whom the attempt is about.
func (a *attempt) lead(ctx context.Context) error {
	if !a.step.bound {
		a.claims = []claim{claimFor(a.login.subject)}
		if a.step.sharedKey {
			return a.leadShared(ctx)
		}
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
		a.claims = append(a.claims, claimFor(s))
	}
	a.login.subject = found.Subjects[0]
	return nil
}

// named are the subjects that the attempt names itself.
func (a *attempt) named() (subjects []counter.Subject) {
	for i := range a.claims {
		if a.claims[i].Named() {
			subjects = append(subjects, a.claims[i].Subject)
		}
	}
	return subjects
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

// take reserves a slot of every claim and of the accounts that they lead to, all
// or none.
func (a *attempt) take(ctx context.Context) error {
	var wants []counter.Want
	for _, s := range a.named() {
		limits, err := a.limitsOf(ctx, s.Organization)
		if err != nil {
			return err
		}
		wants = append(wants, counter.Want{Subject: s, Limits: limits})
	}
	taken, err := a.backend.counter.ReserveAll(ctx, a.handler.queue, a.id, wants...)
	if err != nil {
		return err
	}
	a.claims = make([]claim, len(taken))
	for i := range taken {
		a.claims[i].Claim = taken[i]
	}
	return nil
}

// held reports whether some claim has a slot.
func (a *attempt) held() bool {
	return slices.ContainsFunc(a.claims, func(c claim) bool { return c.Held })
}

// settle ends all claims in the same way.
func (a *attempt) settle(o counter.Outcome) {
	for i := range a.claims {
		a.settleClaim(&a.claims[i], o)
	}
}

func (a *attempt) settleClaim(c *claim, o counter.Outcome) {
	if !c.Held {
		return
	}
	c.Held = false
	if err := a.backend.counter.Settle(a.request.Context(), c.Subject, c.ID, a.outcomes(o)); err != nil {
		a.handler.log.Error("an attempt could not be settled; it counts as failed", subjectField(c.Subject), zap.Error(err))
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
	return (a.step.bound || a.step.sharedKey) && a.handler.sites.shared && len(a.claims) > 0
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
		i := slices.IndexFunc(a.claims, func(c claim) bool { return c.Subject == s })
		if i < 0 {
			c := claimFor(s)
			c.late = true
			a.claims = append(a.claims, c)
			continue
		}
		a.claims[i].Name = counter.Subject{} // if it was led to before, it is named now
	}
}

// check looks for a lock of whomever the attempt is about.
func (a *attempt) check(ctx context.Context) error {
	for _, s := range a.named() {
		if err := a.backend.counter.Check(ctx, s, a.id); err != nil {
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
		for _, c := range a.claims { // those that are added are not late
			if c.late && err == nil {
				err = a.chargeLate(ctx, c.Subject)
			}
		}
	}
	if err != nil && !errors.Is(err, counter.ErrLocked) {
		a.handler.log.Error("a wrong secret that went without a slot could not be charged", subjectField(a.login.subject), zap.Error(err))
	}
}

// chargeLate reserves for one claim, under an id of its own: an account that it
// leads to may have a slot of this attempt already, and counts once.
func (a *attempt) chargeLate(ctx context.Context, s counter.Subject) error {
	limits, err := a.limitsOf(ctx, s.Organization)
	if err != nil {
		return err
	}
	taken, err := a.backend.counter.ReserveAll(ctx, a.handler.queue, a.id+lateSuffix, counter.Want{Subject: s, Limits: limits})
	for _, late := range taken {
		i := slices.IndexFunc(a.claims, func(c claim) bool { return c.Subject == late.Subject })
		extra := claim{Claim: late}
		switch {
		case i < 0:
			a.claims = append(a.claims, extra)
		case a.claims[i].late:
			a.claims[i] = extra
		default:
			a.settleClaim(&extra, counter.Void)
		}
	}
	return err
}

// lateSuffix tells the id of a belated reservation.
const lateSuffix = "-l"
