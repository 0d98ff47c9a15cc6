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

// account returns the user whom the answer names, among the people of those whom
// the attempt names. Of two organizations it must be somebody whom it is about.
func (a *attempt) account() (s counter.Subject, ok bool) {
	if a.step.identity == nil || a.answer == nil {
		return s, false
	}
	text, ok := a.step.identity.of(a.answer)
	if !ok {
		return s, false
	}
	var found, about []counter.Subject
	for _, named := range a.named() {
		name, refusal := a.handler.namesOf(named).Canonical(text)
		if refusal != nil {
			if a.step.identity.seldom() {
				a.handler.log.Warn("what identity finds in an answer is no name; nothing is learned from it", zap.Error(refusal))
			}
			continue
		}
		s := beside(named, name)
		if slices.Contains(found, s) {
			continue
		}
		found = append(found, s)
		if slices.ContainsFunc(a.claims, func(c claim) bool { return c.Subject == s }) {
			about = append(about, s)
		}
	}
	if len(found) > 1 {
		found = about
	}
	if len(found) != 1 {
		return s, false
	}
	return found[0], true
}

// proven returns the claim that a success is about: the only one that the attempt
// names, or the one that the answer names or whose name leads there. Nil: nobody
// can tell.
func (a *attempt) proven() *claim {
	var only, leads *claim
	named, leading := 0, 0
	account, ok := a.account()
	for i := range a.claims {
		c := &a.claims[i]
		if !c.Named() {
			continue
		}
		named++
		only = c
		if ok && c.Subject == account {
			return c
		}
		if ok && c.Subject.Organization == account.Organization && slices.Contains(c.Accounts, account.User) {
			leading++
			leads = c
		}
	}
	switch {
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
	if !ok || len(named) != 1 || a.doubt != nil || named[0] == account {
		return nil
	}
	if slices.ContainsFunc(a.claims, func(c claim) bool { return c.Subject == account && !c.Fading }) {
		return nil
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
		case c == about && a.foreign:
		case c == about, c.Subject == account:
			o = counter.Success
		case !says && about != nil && c.Name == about.Subject && len(about.Accounts) == 1:
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
