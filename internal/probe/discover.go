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

// The names that fields of name and password have in services, the frequent
// ones first.
var (
	userNames = []string{
		"username", "email", "identity", "user", "login", "identifier", "user_name", "userName", "loginName", "login_name", "account", "name", "userid", "j_username",
	}
	secretNames = []string{"password", "pass", "pwd", "passwd", "secret", "j_password"}
)

// explain says why an address without a form is no login, if that is plain. An
// address that takes no GET is an API.
func (p *prober) explain(g *page) error {
	if p.Body == BodyJSON || p.UserField != "" && p.PasswordField != "" {
		return nil
	}
	where := safeURL(g.url)
	if to := g.location(); to != nil {
		if g.url.Scheme == "http" && to.Scheme == "https" && strings.EqualFold(g.url.Hostname(), to.Hostname()) {
			return fmt.Errorf("reading %s: it redirects to https; probe %s", where, printable("https://"+to.Host+maskPath(to.EscapedPath())))
		}
		return fmt.Errorf("reading %s: it redirects to %s; probe that address, or name --body, --user-field and --password-field to log in here all the same",
			where, printable(origin(to)+maskPath(to.EscapedPath())))
	}
	if schemes := g.schemes(); g.status == http.StatusUnauthorized && len(schemes) > 0 {
		return fmt.Errorf("reading %s: it asks for %s in the header Authorization, which holds no password that lockout can read; probe the address that takes the password",
			where, printable(strings.Join(schemes, ", ")))
	}
	if strings.Contains(string(g.body), "sent an HTTP request to an HTTPS server") {
		return fmt.Errorf("reading %s: it speaks TLS; write https://", where)
	}
	if g.isHTML() && g.status == http.StatusOK {
		return fmt.Errorf("reading %s: the page holds no form with a password, so a script may send the login; look in the browser where to, and probe that URL with --body json", where)
	}
	return nil
}

// discover finds the type of the body and the names of the fields by logins of
// a user who does not exist: an answer that both fields change, and that each of
// them alone does not get, has read both.
func (p *prober) discover(ctx context.Context) (*login, error) {
	given := p.UserField != "" && p.PasswordField != ""
	bodies := []string{BodyJSON, BodyForm}
	if p.Body != "" {
		bodies = []string{p.Body}
	}
	if given && len(bodies) == 1 {
		return p.named(bodies[0]), nil
	}
	if p.namesUser() {
		return nil, fmt.Errorf("looking for the names of the fields at %s: the query or a --field names the user, so every request would be a guess; "+
			"leave it out, or name --body, --user-field and --password-field", safeURL(p.url))
	}
	for _, body := range bodies {
		s := &search{prober: p, login: p.named(body)}
		find := s.run
		if p.UserField == "" && s.login.inPath(p.User) {
			find = s.runInPath
		}
		found, err := find(ctx)
		if err != nil {
			return nil, err
		}
		if found {
			return s.login, nil
		}
	}
	if given {
		p.open("whether the service takes a form or JSON could not be settled without a guess; JSON was tried. If both logins are answered the same, say --body form")
		return p.named(BodyJSON), nil
	}
	return nil, fmt.Errorf("looking for the names of the fields at %s: the answers to a user who does not exist tell nothing apart, under %s with %s; "+
		"look in the browser what is sent, and name --body, --user-field and --password-field",
		safeURL(p.url), strings.Join(userNames, ", "), strings.Join(secretNames, ", "))
}

// namesUser reports a request that is about the user whatever its fields are.
func (p *prober) namesUser() bool {
	for _, values := range p.url.Query() {
		if slices.Contains(values, p.User) {
			return true
		}
	}
	return slices.ContainsFunc(p.Fields, func(f Field) bool { return f.Value == p.User })
}

// named is a login with the names that are given.
func (p *prober) named(body string) *login {
	return &login{url: p.url, body: body, user: p.UserField, secret: p.PasswordField, fields: p.Fields}
}
