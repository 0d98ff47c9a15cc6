// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"slices"
	"sync"

	"go.uber.org/zap"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// account returns the user whom the answer names. Nobody, when the attempt names
// people of two organizations: they may have a user of this name each.
func (a *attempt) account() (s counter.Subject, ok bool) {
	if len(a.claims) == 0 {
		return s, false
	}
	organization := a.claims[0].Subject.Organization
	if slices.ContainsFunc(a.claims, func(c claim) bool { return c.Subject.Organization != organization }) {
		return s, false
	}
	if a.step.identity == nil || a.answer == nil {
		return s, false
	}
	text, ok := a.step.identity.of(a.answer)
	if !ok {
		return s, false
	}
	name, refusal := a.handler.namesOf(organization).Canonical(text)
	if refusal != nil {
		if a.step.identity.seldom() {
			a.handler.log.Warn("what identity finds in an answer is no name; nothing is learned from it", zap.Error(refusal))
		}
		return s, false
	}
	return counter.Subject{Organization: organization, User: name}, true
}

// proven returns the claim that a success is about: the only one that the attempt
// names, or the one that the answer names or whose name leads there. Nil: nobody
// can tell. So it is with people of two organizations: of the other one there may
// be an account of the same name, under a name that nobody has seen yet.
func (a *attempt) proven() *claim {
	account, says := a.account()
	var only, is, leads *claim
	named, leading := 0, 0
	for i := range a.claims {
		c := &a.claims[i]
		if !c.Named() {
			continue
		}
		named++
		only = c
		if says && c.Subject == account {
			is = c
		}
		if says && slices.Contains(c.Accounts, account.User) {
			leading++
			leads = c
		}
	}
	switch {
	case is != nil:
		return is
	case named == 1 && a.doubt == nil:
		return only
	case leading == 1:
		return leads
	}
	return nil
}

// teach notes that the name of the attempt leads to the account that the answer
// names. The alias of a name that has changed hands stays for a while beside the
// new one: it takes nothing from anybody. Where the name is the account of somebody
// else, the success is foreign.
func (a *attempt) teach(ctx context.Context) error {
	account, ok := a.account()
	named := a.named()
	a.foreign = a.step.sameName && !a.sameName()
	switch {
	case !ok || a.step.sameName && !a.foreign:
		return nil
	case !a.foreign && slices.ContainsFunc(a.claims, func(c claim) bool { return c.Subject == account && !c.Fading }):
		return nil
	case a.foreign || len(named) != 1 || a.doubt != nil:
		// No name is known to lead there. The account may be locked all the same.
		return a.backend.counter.Check(ctx, account, a.id)
	}
	err := a.backend.counter.Link(ctx, named[0], account, a.id)
	a.foreign = errors.Is(err, counter.ErrAccount)
	if errors.Is(err, counter.ErrLinks) {
		if a.step.identity.seldom() {
			a.handler.log.Warn("an alias is not learned; if this is not rare, identity may name something else than the account",
				subjectField(named[0]), zap.Error(err))
		}
		return nil
	}
	return err
}

// sameName reports whether the answer names the user of the attempt.
func (a *attempt) sameName() bool {
	account, ok := a.account()
	return ok && slices.Equal(a.named(), []counter.Subject{account})
}

// forgive settles a success. The claim that it is about is forgiven, and the
// account that the answer names. If it names nobody, the account that the name
// leads to is forgiven what came by that name: it may have changed hands. The others
// get their slots back. When nobody can tell, a lock of any refuses. A service may
// take the e-mail address of one user as the name that another has chosen, so a
// foreign success forgives nothing.
func (a *attempt) forgive(ctx context.Context) error {
	about := a.proven()
	account, says := a.account()
	errs := make([]error, len(a.claims))
	var running sync.WaitGroup
	for i := range a.claims {
		c, o := &a.claims[i], counter.Void
		switch {
		case a.foreign && (c == about || a.step.sameName):
		case c == about, c.Subject == account:
			o = counter.Success
		case !says && about != nil && !a.foreign && c.Name == about.Subject && len(about.Accounts) == 1:
			o = counter.SuccessByName
		}
		switch {
		case o != counter.Void && c.Held:
			settle := func() { errs[i] = a.backend.counter.Settle(ctx, c.Subject, c.ID, a.outcomes(o)) }
			if len(a.claims) == 1 {
				settle()
			} else {
				running.Go(settle)
			}
		case about == nil, c == about:
			a.settleClaim(c, counter.Void)
			errs[i] = a.backend.counter.Check(ctx, c.Subject, a.id)
		default:
			a.settleClaim(c, counter.Void)
		}
	}
	running.Wait()
	for i, err := range errs {
		a.claims[i].Held = a.claims[i].Held && err != nil
	}
	i := slices.IndexFunc(errs, func(err error) bool { return errors.Is(err, counter.ErrLocked) })
	if i < 0 {
		i = slices.IndexFunc(errs, func(err error) bool { return err != nil })
	}
	if i < 0 {
		return nil
	}
	a.settle(counter.Void)
	return errs[i]
}
