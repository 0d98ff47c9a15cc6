// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// page is the answer to a GET of the URL.
type page struct {
	*answer
	forms []*htmlForm
	base  string
}

// loginForm is the form of a page that takes a name and a password.
type loginForm struct {
	login
	hidden []string // names of hidden fields
	code   string   // name of a field that takes a code besides
}

// look gets the page.
func (p *prober) look(ctx context.Context) (*page, error) { return p.newVisit().look(ctx) }

func (v *visit) look(ctx context.Context) (*page, error) {
	if v.Body == BodyJSON {
		return &page{answer: &answer{url: v.url}}, nil // it goes to an API, which has no page
	}
	a, err := v.get(ctx, v.url)
	if err != nil {
		return nil, err
	}
	if !v.loggedIn {
		for _, name := range a.live {
			v.seen = addOnce(v.seen, name)
		}
	}
	out := &page{answer: a}
	if a.isHTML() || a.media == "" {
		out.forms, out.base = readForms(a.body)
	}
	return out, nil
}

// loginForm finds the form that asks for one password. There may be none.
func (g *page) loginForm(p *prober) (*loginForm, error) {
	var found *htmlForm
	several, twoPasswords := false, false
	for _, form := range g.forms {
		switch n := form.passwords(); {
		case n > 1:
			twoPasswords = true
		case n == 1 && found == nil:
			found = form
		case n == 1:
			several = true
		}
	}
	switch {
	case found == nil && twoPasswords:
		return nil, fmt.Errorf("reading the form of %s: it asks for two passwords, as a registration does; give the URL of the login", safeURL(g.url))
	case found == nil && g.asksForNameAlone():
		return nil, fmt.Errorf("reading the form of %s: it asks for the name and not for a password: the login takes several requests, "+
			"which probe does not follow; describe it with `step identify` and `step password`, see Second factors in the README", safeURL(g.url))
	case found == nil:
		return nil, nil
	}
	if several {
		p.open("the page has several forms with a password; the first one was used")
	}
	return g.read(found, p)
}

func (f *htmlForm) passwords() (n int) {
	for _, in := range f.inputs {
		if in.kind == "password" {
			n++
		}
	}
	return n
}

// asksForNameAlone reports the first page of a login in several steps.
func (g *page) asksForNameAlone() bool {
	for _, form := range g.forms {
		if form.method == "post" && slices.ContainsFunc(form.inputs, func(in input) bool {
			return in.isText() && (in.namesUser() || in.kind == "email")
		}) {
			return true
		}
	}
	return false
}

func (in input) isText() bool {
	return slices.Contains([]string{"text", "email", "tel", "number", "search", "url"}, in.kind)
}

// namesUser reports a field for the name of the user.
func (in input) namesUser() bool {
	return strings.Contains(in.autocomplete, "username") || strings.Contains(in.autocomplete, "email") ||
		slices.ContainsFunc(userNames, func(n string) bool { return strings.HasSuffix(fold(in.name), fold(n)) })
}

// oneTimeCode finds fields for a code.
var oneTimeCode = regexp.MustCompile(`(?i)(^|[_\[.-])(otp|totp|mfa|2fa|tfa|two_?factor|one_?time|auth_?code|verification_?code)`)

func (in input) takesCode() bool {
	return in.kind != "hidden" && in.name != "" && (in.autocomplete == "one-time-code" || oneTimeCode.MatchString(in.name))
}

// read turns a form into a login.
func (g *page) read(form *htmlForm, p *prober) (*loginForm, error) {
	if form.method != "post" {
		return nil, fmt.Errorf("reading the form of %s: it sends the password by GET or by a script; "+
			"name where that sends it, with --body, --user-field and --password-field", safeURL(g.url))
	}
	out := &loginForm{login: login{body: BodyForm}}
	if form.enctype == "multipart/form-data" {
		out.body = bodyMultipart
	}
	base, err := g.url.Parse(g.base)
	if err == nil {
		out.url, err = base.Parse(strings.TrimSpace(form.action))
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the form of %s: its action is no address", safeURL(g.url))
	case form.action == "":
		out.url = g.url
	case origin(out.url) != origin(p.url):
		return nil, fmt.Errorf("reading the form of %s: it sends the password to %s; probe the login page there", safeURL(g.url), printable(origin(out.url)))
	}
	user, secret := form.credentials()
	if p.UserField != "" {
		user = p.UserField
	}
	if p.PasswordField != "" {
		secret = p.PasswordField
	}
	if user == "" || secret == "" {
		return nil, fmt.Errorf("reading the form of %s: its fields have no names, so a script sends the login; look in the browser where to, "+
			"and probe that URL with --body json", safeURL(g.url))
	}
	out.user, out.secret = user, secret
	for _, in := range form.inputs {
		if in.takesCode() {
			out.code = in.name
		}
		if in.kind == "hidden" && in.name != "" {
			out.hidden = append(out.hidden, in.name)
		}
		if in.sent && in.name != user && in.name != secret {
			out.fields = append(out.fields, Field{in.name, in.value})
		}
	}
	out.fields = override(out.fields, p.Fields)
	return out, nil
}

// credentials names the fields of name and password: the name stands before the
// password, and tells by its own name or type if there are several.
func (f *htmlForm) credentials() (user, secret string) {
	sure := false
	for _, in := range f.inputs {
		switch {
		case in.kind == "password":
			if secret = in.name; user != "" {
				return user, secret
			}
		case !in.isText() || in.name == "" || in.takesCode() || sure:
		case in.namesUser() || in.kind == "email":
			user, sure = in.name, true
		case secret == "" || user == "":
			user = in.name
		}
	}
	return user, secret
}

// note says what of the form the rule does not show.
func (f *loginForm) note(p *prober) {
	for _, name := range f.hidden {
		if isToken.MatchString(fold(name)) {
			p.open(fmt.Sprintf("the form holds a token against forged requests, %s. It was taken from the page before each login. The rule needs nothing of it, "+
				"but the answer to a request without it counts as a wrong password; if that answer is always the same one, such as 403, name it with `neutral`", printable(name)))
		}
	}
	if f.code != "" {
		p.open(fmt.Sprintf("the form takes a code in %s besides; the rule counts no codes. Look at same_request under Second factors in the README", printable(f.code)))
	}
}

// isToken finds folded names of hidden fields against forged requests.
var isToken = regexp.MustCompile(`csrf|xsrf|verificationtoken|authenticitytoken|nonce|^token$|logintoken|^formkey$|^formtoken$`)
