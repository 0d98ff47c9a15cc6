// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// DefaultMaxBytes is the largest body that is read unless configured (D5).
const DefaultMaxBytes = 64 << 10

// LoginConfig configures a LoginRule.
type LoginConfig struct {
	// User and Secret name the places where each may stand. A request that
	// fills two places of one is refused. In a JSON body a dot in the name of
	// a field steps into an object: "checks.user". In a form and in multipart
	// it is the whole key: "user[login]".
	User, Secret []Place
	// NamesOnly is for a request that says who is meant, and has no Secret. When
	// that stands outside the body, the body is not read.
	NamesOnly bool
	// Factor names the field that says what kind of secret it is. It has to be
	// there.
	Factor []Place
	// Second names the places of another secret, which may be missing.
	Second []Place
	// Keys names places whose values are wanted besides, each by itself and
	// missing or not.
	Keys []Place
	// Form, JSON and Multipart name the accepted types. A rule with a field
	// needs at least one.
	Form, JSON, Multipart bool
	// AnyJSON takes every body for JSON, whatever type the header names. The body
	// has to go on as JSON then.
	AnyJSON bool
	// Gzip takes bodies with Content-Encoding: gzip as well as plain ones.
	Gzip bool
	// MaxBytes limits the body, as sent and decoded. Default: 64 KiB.
	MaxBytes int64
	// Verbatim leaves a form or JSON body as it was sent. Otherwise it is
	// encoded anew from what was read.
	Verbatim bool
}

// LoginRule reads logins out of requests. It is safe for concurrent use.
type LoginRule struct {
	config LoginConfig
	places []Place // of the user, the secret, the factor, the second secret, then the keys
	ends   [4]int  // of the first four in places
	users  int     // how many of places are the user's
	keys   keySet  // fields that a body or query must not imitate

	cookies []*regexp.Regexp // of names; one for each place, mostly nil
	paths   []fieldPaths     // of places that are fields
	path    bool             // some place is a segment of the path
	query   bool             // some place is in the query
	fields  bool             // some place is in the body
	without bool             // nothing that has to be there needs a body
}

// fieldPaths is a field as members of a JSON body, and the place that it is.
type fieldPaths struct {
	jsonPath
	place int
}

// Login is what a request said. User and Secret are decoded, otherwise as sent.
type Login struct {
	User, Secret string
	// Factor is what the request says of the kind of secret.
	Factor string
	// Second is the other secret, "" when there is none.
	Second string
	// Keys are the values of LoginConfig.Keys in their order, "" when missing.
	Keys []string
	// Body is the body that was read, without its Content-Encoding.
	Body string
	// Media is the type of the body, "" when there was none.
	Media Media

	rule *LoginRule
	read *reading
}

// NewLoginRule compiles a rule.
func NewLoginRule(c LoginConfig) (*LoginRule, error) {
	l := &LoginRule{config: c, places: slices.Concat(c.User, c.Secret, c.Factor, c.Second, c.Keys), users: len(c.User)}
	at := 0
	for i, group := range [...][]Place{c.User, c.Secret, c.Factor, c.Second} {
		at += len(group)
		l.ends[i] = at
	}
	switch {
	case len(c.User) == 0 || len(c.Secret) == 0 && !c.NamesOnly:
		return nil, errors.New("compiling login rule: it names no place for the user or the secret")
	case c.MaxBytes < 0:
		return nil, errors.New("compiling login rule: the body limit is negative")
	case c.MaxBytes == 0:
		l.config.MaxBytes = DefaultMaxBytes
	}
	if err := checkPlaces(l.places, c.JSON || c.AnyJSON); err != nil {
		return nil, fmt.Errorf("compiling login rule: %w", err)
	}
	l.cookies = make([]*regexp.Regexp, len(l.places))
	for i, p := range l.places {
		switch p.From {
		case FromCookieRegexp:
			l.cookies[i] = regexp.MustCompile(p.Name) // checked above
		case FromField:
			l.fields = true
			l.keys = append(l.keys, newFieldPath(p.Name))
			l.paths = append(l.paths, fieldPaths{newJSONPath(p.Name), i})
		case FromQuery:
			l.query = true
			l.keys = append(l.keys, newFieldPath(p.Name))
		case FromPath:
			l.path = true
		}
	}
	outside := func(group []Place) bool {
		return len(group) == 0 || slices.ContainsFunc(group, func(p Place) bool { return p.From != FromField })
	}
	l.without = outside(c.User) && outside(c.Secret) && outside(c.Factor)
	if l.fields != (c.Form || c.JSON || c.AnyJSON || c.Multipart) {
		return nil, errors.New("compiling login rule: a rule with a field accepts form, JSON or multipart, and only such a rule")
	}
	return l, nil
}

// Read reads the login of a request, and its whole body, once. Target is the
// request target by which the request was recognised. The error is a *Refusal,
// or wraps what failed when the client went away while sending.
func (l *LoginRule) Read(r *http.Request, target string) (*Login, error) {
	login := &Login{rule: l, read: new(reading)}
	if refusal := l.readOutside(r, target, login.read); refusal != nil {
		return nil, refusal
	}
	if err := l.readBody(r, login); err != nil {
		return nil, err
	}
	from := 0
	for i, into := range [...]*string{&login.User, &login.Secret, &login.Factor, &login.Second} {
		var refusal *Refusal
		if *into, refusal = login.read.only(from, l.ends[i]); refusal != nil {
			return nil, refusal
		}
		from = l.ends[i]
	}
	if len(l.config.Keys) > 0 {
		login.Keys = slices.Clone(login.read.values[from:len(l.places)])
	}
	if refusal := l.check(login); refusal != nil {
		return nil, refusal
	}
	return login, nil
}

// readOutside reads the places that are not in the body.
func (l *LoginRule) readOutside(r *http.Request, target string, v *reading) *Refusal {
	if (l.path || l.query) && NamesTarget(r) {
		// Some frameworks take it for the target, credentials and all.
		return Refuse(ReasonDuplicateHeader, "a header names another target")
	}
	if refusal := l.readQuery(r, v); refusal != nil {
		return refusal
	}
	return l.readPlaces(r, target, v)
}

// readPlaces reads the headers, cookies and segments of the path.
func (l *LoginRule) readPlaces(r *http.Request, target string, v *reading) *Refusal {
	for i, p := range l.places {
		var text string
		var present bool
		var refusal *Refusal
		switch p.From {
		case FromHeader:
			text, present, refusal = readHeader(r, p.Name)
		case FromCookie:
			if text, present, refusal = readCookie(r, p.Name, p.Raw); strings.Contains(text, "+") && refusal == nil && !p.Raw {
				// PHP 7 makes a blank of it.
				refusal = Refuse(ReasonMalformedHeader, "a credential in a cookie holds a plus sign")
			}
		case FromBearer:
			text, present, refusal = readBearer(r)
		case FromCookieRegexp:
			text, present, refusal = readCookieMatching(r, l.cookies[i])
		case FromPath:
			n, _ := strconv.Atoi(p.Name)
			text, present, refusal = readSegment(target, n)
		}
		if refusal != nil {
			return refusal
		}
		if present {
			v.set(i, text)
		}
	}
	return nil
}

// check refuses credentials that no login consists of (D9). Control characters
// are cut or trimmed by some readers, and kept by others.
func (l *LoginRule) check(login *Login) *Refusal {
	switch {
	case strings.TrimSpace(login.User) == "":
		return Refuse(ReasonMissingUser, "there is no user name")
	case login.Secret == "" && len(l.config.Secret) > 0:
		return Refuse(ReasonMissingSecret, "there is no secret")
	case login.Factor == "" && len(l.config.Factor) > 0:
		return Refuse(ReasonFactor, "nothing says what kind of secret it is")
	case strings.ContainsFunc(login.User, isControl):
		return Refuse(ReasonBadName, "the user name holds control characters")
	case strings.ContainsFunc(login.Secret, isControl), strings.ContainsFunc(login.Second, isControl):
		return Refuse(ReasonBadSecret, "the secret holds control characters")
	}
	return nil
}
