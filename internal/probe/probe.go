// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package probe finds out how a login service takes passwords, and writes it
// down as a rule of the Caddyfile. It makes one wrong and one right login for
// that. What else it sends is no guess at the account: the page of the form, and
// logins of a user who does not exist.
package probe

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The bodies that Options.Body names.
const (
	BodyForm = "form"
	BodyJSON = "json"

	bodyMultipart = "multipart" // when the form of a page asks for it
)

// Field is a field that is sent beside user and password.
type Field struct{ Name, Value string }

// Options say where to log in and as whom.
type Options struct {
	// URL is the page of the login form, or where the login goes.
	URL string
	// User and Password are right. The wrong password is made up.
	User, Password string
	// Body is the type of the body, BodyForm or BodyJSON. Empty: found out.
	Body string
	// UserField and PasswordField are the names of the fields; in JSON a dot
	// steps into an object. Empty: found out.
	UserField, PasswordField string
	// Fields are sent besides.
	Fields []Field
	// Header is sent with every request.
	Header http.Header
	// Insecure takes any certificate.
	Insecure bool
	// HasPreset reports whether there is a preset of this name. Nil: of any.
	HasPreset func(name string) bool
	// Timeout bounds each request. Default: 15 seconds.
	Timeout time.Duration
}

// Report is what came of it. It holds no secret and nothing that is random.
type Report struct {
	// Block is the rule: a lockout directive for a Caddyfile. Empty after an
	// error.
	Block string
	// Did says what was sent, and what the answers were.
	Did []string
	// Open says what the rule does not cover, and what could not be settled.
	Open []string
}

// prober is one run.
type prober struct {
	Options
	url       *url.URL
	transport *http.Transport
	left      int // requests that may still be sent
	guesses   int // logins as the user that were sent
	strange   int // logins as a user who does not exist

	invented string   // the name of that user
	wrong    string   // the wrong password
	refusal  string   // the gist of the answer to a wrong login
	seen     []string // cookies that a page sets before anybody logs in
	report   *Report
}

// Run probes a login service. The report is there after an error, too: it says
// how far it came.
func Run(ctx context.Context, o Options) (*Report, error) {
	p := &prober{Options: o, left: maxRequests, wrong: "Wrong-" + rand.Text(), report: new(Report)}
	if err := p.prepare(); err != nil {
		return p.report, err
	}
	defer p.transport.CloseIdleConnections()
	rule, err := p.run(ctx)
	p.count()
	if err != nil {
		return p.report, err
	}
	p.report.Block, err = rule.write(p.report, safeURL(p.url))
	return p.report, err
}

// prepare checks the options.
func (p *prober) prepare() (err error) {
	if p.url, err = url.Parse(p.URL); err != nil || p.url.Host == "" || p.url.Scheme != "http" && p.url.Scheme != "https" {
		return errors.New("reading the URL: write it in full, such as https://app.example.com/login")
	}
	switch {
	case p.url.User != nil:
		return errors.New("reading the URL: it holds a user; name the user with --user and the password with --password")
	case p.User == "" || p.Password == "":
		return errors.New("reading the account: a user who can log in and the right password are needed")
	case p.Body != "" && p.Body != BodyForm && p.Body != BodyJSON:
		return errors.New("reading the body: write form or json")
	}
	p.url.Fragment = ""
	if p.url.Path == "" {
		p.url.Path = "/"
	}
	if p.Timeout == 0 {
		p.Timeout = 15 * time.Second
	}
	// Looks like a user of the service, who checks the form of names.
	p.invented = "nobody" + strings.ToLower(rand.Text()[:12])
	if _, domain, ok := strings.Cut(p.User, "@"); ok {
		p.invented += "@" + domain
	}
	p.transport = p.newTransport()
	return nil
}

// run finds the kind of login and its rule.
func (p *prober) run(ctx context.Context) (*rule, error) {
	if granting, err := p.isTokenEndpoint(ctx); err != nil {
		return nil, err
	} else if granting {
		return p.probeLogin(ctx, p.grant())
	}
	page, err := p.look(ctx)
	if err != nil {
		return nil, err
	}
	switch form, err := page.loginForm(p); {
	case err != nil:
		return nil, err
	case form != nil:
		return p.probeForm(ctx, form)
	case page.challenges("basic"):
		return p.probeBasic(ctx, page)
	}
	if err := p.explain(page); err != nil {
		return nil, err
	}
	l, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	return p.probeLogin(ctx, l)
}

// gist is an answer without what varies, and without what the login was.
func (p *prober) gist(a *answer) string { return a.gist(p.invented, p.wrong, p.User) }

// did and open note a sentence, once.
func (p *prober) did(sentence string)  { p.report.Did = addOnce(p.report.Did, sentence) }
func (p *prober) open(sentence string) { p.report.Open = addOnce(p.report.Open, sentence) }
