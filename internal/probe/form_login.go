// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
)

// probeForm makes both logins, each from a page of its own: it holds tokens
// that go with the cookies of the visit.
func (p *prober) probeForm(ctx context.Context, form *loginForm) (*rule, error) {
	p.did(fmt.Sprintf("GET %s: a form with the fields %s and %s", printable(p.url.EscapedPath()), printable(form.user), printable(form.secret)))
	form.note(p)
	if err := p.rehearse(&form.login); err != nil {
		return nil, err
	}
	rule, err := p.both(&form.login, func(v *visit, user, password string) (*answer, error) {
		if err := v.refreshForm(ctx, form); err != nil {
			return nil, err
		}
		return v.login(ctx, &v.form.login, user, password)
	})
	if err == nil && form.url.EscapedPath() != p.url.EscapedPath() {
		err = p.tryPage(ctx, form)
	}
	return rule, err
}

// tryPage finds out whether a login that is sent to the page is taken there, too,
// although the form sends it elsewhere.
func (p *prober) tryPage(ctx context.Context, form *loginForm) error {
	v := p.newVisit()
	if err := v.refreshForm(ctx, form); err != nil {
		return err
	}
	to := v.form.login
	to.url = p.url
	p.strange++
	got, err := v.login(ctx, &to, p.invented, p.wrong)
	if err != nil {
		return fmt.Errorf("sending a wrong password to the page: %w", err)
	}
	p.did(fmt.Sprintf("POST %s as %s, where the page is, a user who does not exist: %s", printable(p.url.EscapedPath()), to.body, got.says()))
	if p.gist(got) == p.refusal {
		p.open(fmt.Sprintf("POST %s, where the page is, takes logins as well, and this rule does not count them: everybody can guess there. "+
			"Add the path to `match path` if nothing else is posted to it, or find out what tells these logins apart", printable(p.url.EscapedPath())))
	}
	return nil
}

// refreshForm gets the form that the next login of this visit fills. Somebody
// who is logged in may get none: then it is the one from before.
func (v *visit) refreshForm(ctx context.Context, like *loginForm) error {
	again, err := v.look(ctx)
	if err != nil {
		return err
	}
	fresh, err := again.loginForm(v.prober)
	switch {
	case err != nil:
		return err
	case v.loggedIn && fresh == nil:
		v.formless = again.answer
		v.open("somebody who is logged in gets no form, so the wrong login in that session was sent with the tokens of the form before; " +
			"see that no login in the session of another user is answered as a right one")
		return nil
	case fresh == nil || fresh.user != like.user || fresh.secret != like.secret:
		return errors.New("reading the form again: it has other fields now; its fields may be named anew each time, which no rule can follow")
	case fresh.url.EscapedPath() != like.url.EscapedPath():
		return errors.New("reading the form again: it goes to another path now; write the rule by hand, with match path_regexp")
	}
	v.form = fresh
	return nil
}
