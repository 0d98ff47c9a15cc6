// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// probeBasic logs in by the header Authorization.
func (p *prober) probeBasic(ctx context.Context, g *page) (*rule, error) {
	where := printable(p.url.EscapedPath())
	p.did(fmt.Sprintf("GET %s: 401, asks for HTTP Basic", where))
	if strings.Contains(p.User, ":") {
		return nil, errors.New("reading the account: HTTP Basic has no user names with a colon")
	}
	attempt := func(password string) (*answer, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url.String(), http.NoBody)
		if err != nil {
			return nil, fmt.Errorf("building the login: %w", err)
		}
		r.SetBasicAuth(p.User, password)
		p.guesses++
		return p.newVisit().send(r)
	}
	wrong, err := attempt(p.wrong)
	if err != nil {
		return nil, fmt.Errorf("sending a wrong password: %w", err)
	}
	p.did(fmt.Sprintf("GET %s, a wrong password: %s", where, wrong.says()))
	right, err := attempt(p.Password)
	if err != nil {
		return nil, fmt.Errorf("sending the right password: %w", err)
	}
	p.did(fmt.Sprintf("GET %s, the right password: %s", where, right.says()))
	if err := troubled(wrong, right); err != nil {
		return nil, err
	}
	switch {
	case right.status == http.StatusUnauthorized:
		return nil, errors.New("comparing the answers: the right password was answered with 401, as the wrong one; is it right?")
	case wrong.status != http.StatusUnauthorized:
		return nil, fmt.Errorf("comparing the answers: a wrong password was answered with %d, not with 401, so the service may not check passwords there; probe a path that needs one", wrong.status)
	}
	for _, scheme := range g.schemes() {
		if scheme != "basic" {
			p.open(fmt.Sprintf("the service takes %s in the header Authorization, too, which is not counted", printable(scheme)))
		}
	}
	if len(right.live) > 0 {
		p.open(fmt.Sprintf("a right login gets a cookie, %s. A service that takes it instead of the password answers well to a wrong password with it, and such an answer forgives; "+
			"see HTTP Basic in the README", printable(strings.Join(right.live, ", "))))
	}
	return &rule{basic: true, known: p.offered([]string{"basic-auth"})}, nil
}
