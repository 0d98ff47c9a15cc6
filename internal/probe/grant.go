// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// grantErrors are the codes of RFC 6749, section 5.2.
var grantErrors = []string{
	"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "server_error",
}

// grant is a login by the password grant of RFC 6749, section 4.3.
func (p *prober) grant() *login {
	l := &login{url: p.url, body: BodyForm, user: "username", secret: "password", grant: true}
	l.fields = override([]Field{{"grant_type", "password"}}, p.Fields)
	if p.Body != "" {
		l.body = p.Body
	}
	return l
}

// isTokenEndpoint asks an address that looks like a token endpoint for a grant
// without any credentials.
func (p *prober) isTokenEndpoint(ctx context.Context) (bool, error) {
	if !strings.HasSuffix(strings.TrimSuffix(p.url.Path, "/"), "/token") || p.UserField != "" || p.PasswordField != "" {
		return false, nil
	}
	l := p.grant()
	l.user, l.secret = "", ""
	r, err := l.request(ctx, "", "")
	if err != nil {
		return false, err
	}
	a, err := p.newVisit().send(r)
	if err != nil {
		return false, err
	}
	if a.status == http.StatusTooManyRequests {
		return false, a.refuses(l.where(), true)
	}
	code, _ := a.find([]string{"error"})
	if a.status < 400 || !slices.Contains(grantErrors, code.text()) {
		return false, nil
	}
	p.did(fmt.Sprintf("POST %s without a login: %d %s, a token endpoint of RFC 6749", printable(p.url.EscapedPath()), a.status, code.text()))
	p.open("other grants at this path pass by the `pass` rule, if they hold no password of a user; the secrets of clients are not counted")
	return true, nil
}
