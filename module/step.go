// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// Step describes one kind of attempt: how to recognise the request, where the
// user and the secret stand in it, and which answer of the login service means
// what.
type Step struct {
	// The kind of the step and the factor that it counts: `password`, `totp`,
	// `otp_sms`, `otp_email` or `recovery_code`; or `otp`, when `factor` says
	// which. A step `identify` takes a name without a secret: it counts nothing
	// and binds a key to the user. A step `reset` completes a reset of the
	// password: its success clears the password counter, and no lock.
	Kind string `json:"kind,omitempty"`

	// The field that names the factor, for the kind `otp`.
	Factor *FactorField `json:"factor,omitempty"`

	// Which requests are attempts. A step that reads form or JSON bodies needs
	// at least one path; these paths become guarded. A step that reads HTTP
	// Basic without a path takes every request that carries credentials.
	Match Match `json:"match,omitzero"`

	// The types of bodies that are read: `form`, `json` and `multipart`.
	// Everything else on a guarded path is refused with 415. Or `any_json`
	// alone, for services that read JSON whatever the Content-Type says: so does
	// the step, and the body goes on as `application/json`. Default: `form` and
	// `json`. Only for a step that reads a field.
	Accept []string `json:"accept,omitempty"`

	// The encoding of bodies that is decoded: `gzip`. The body goes on decoded,
	// and max_body limits it both as sent and decoded. Default: none, and an
	// encoded body is refused with 415.
	Decode string `json:"decode,omitempty"`

	// The organization of the users of this step, for sites that serve realms
	// whose users are not the same people: an admin login beside that of everybody
	// else. `{org}` in it stands for the organization of the handler. Not for a step
	// that is bound to a key, which keeps the organization of whom it stands for.
	// Default: that of the handler.
	Organization string `json:"org,omitempty"`

	// Where the user name stands.
	User Source `json:"user,omitzero"`

	// Where the secret stands. Not for HTTP Basic, which names both at once.
	Secret Source `json:"secret,omitzero"`

	// Keys that later steps are led back to this user by.
	Bind []*Binding `json:"bind,omitempty"`

	// Another secret in the same request, which may be missing.
	SameRequest *SecondSecret `json:"same_request,omitempty"`

	// The name of the account in the answer that accepted the secret. Names by
	// which the login service takes one account then share its counter, and of
	// two users whom a key has stood for the one who is named is forgiven.
	// Default: none.
	Identity *Identity `json:"identity,omitempty"`

	// Whether the account that identity finds must be the user of the attempt.
	// Otherwise the success forgives nothing. For services that take one name for
	// each account, and whose answers may accept something else than the secret,
	// such as the rest of a login that another user has begun. Default: false.
	SameName bool `json:"same_name,omitempty"`

	// Whether an attempt counts for everybody whom its key stands for, beside the
	// user whom it names. Needs one `bind` of the request. For services that look at
	// the name only as long as the session has no user: who has named a victim in
	// it could otherwise guess on under other names. Default: false.
	SharedKey bool `json:"shared_key,omitempty"`

	// A regular expression that the whole user name must match; all others are
	// refused with 400. It bounds the spellings that the login service may take
	// for one account. It is tried on the name as sent, without blanks around,
	// and with ASCII letters in lower case unless the names of the organization
	// keep their case. Default: none.
	UserPattern string `json:"user_pattern,omitempty"`

	// Whether the body goes on encoded anew from what was read, so that the
	// login service sees exactly what was counted. For form and JSON bodies; a
	// request with a digest or signature of the body is refused. Default: true.
	CanonicalForward *bool `json:"canonical_forward,omitempty"`

	// Cookies that do not go on to the login service, in any spelling; `*` is all.
	// For services that take a session, or a login that they remember, for a right
	// password: whoever is logged in would be forgiven guesses at others. Default:
	// none.
	DropCookies []string `json:"drop_cookies,omitempty"`

	// Whether the canonical form of the user name goes on instead of the name
	// as sent. For form and JSON bodies. Default: false.
	ForwardNormalized bool `json:"forward_normalized,omitempty"`

	// What an answer means: the first that matches, in this order. An answer
	// of the login service that matches none counts as a failure and raises
	// the metric outcome `unclassified`.
	Outcomes []*Outcome `json:"outcomes,omitempty"`
}

// step is a compiled Step.
type step struct {
	door
	kind    string
	org     string                    // "": that of the handler
	factor  counter.Factor            // 0: the request names it
	factors map[string]counter.Factor // by the value that names them
	body    *credentials.LoginRule    // nil: HTTP Basic
	keys    []credentials.Place       // where a request that carries a login holds something
	accept  []string                  // nil: form and JSON
	names   *credentials.NamePattern
	// secretNames are the fields of the secret, and secrets reads them alone,
	// for requests that are no attempts. Nil: it stands outside the body.
	secretNames  []string
	secrets      *credentials.Fields
	secretPlaces []credentials.Place
	userNames    []string // fields of the user
	rules        *outcomeRules

	normalized  bool                      // the canonical name goes on
	sharedKey   bool                      // counts for everybody whom its key stands for
	sameName    bool                      // a success of another user forgives nothing
	cookies     *credentials.CookieFilter // nil: all go on
	bound       bool                      // a key stands where the user name would
	requestKeys []requestKey
	answerKeys  []answerKey
	identity    *identity
	cut         *regexp.Regexp      // what is the user in the place where it stands
	claim       []string            // of the token that stands where the user name would
	second      counter.Factor      // of the other secret in the same request; 0: none
	beside      *credentials.Beside // reads it beside HTTP Basic; nil: none
}

// apart reports whether fields of the body tell the step from others, or
// parameters of the query that must not stand in the body as well.
func (s *step) apart() bool { return s.tellsByBody() || s.params != nil }

func (s *step) basic() bool { return s.body == nil }

// reads reports whether the step reads bodies of this type.
func (s *step) reads(media credentials.Media) bool {
	if s.accept == nil {
		return media != credentials.MediaMultipart
	}
	return slices.Contains(s.accept, string(media)) || media == credentials.MediaJSON && s.anyJSON()
}

// anyJSON reports whether the step takes every body for JSON.
func (s *step) anyJSON() bool { return slices.Contains(s.accept, acceptAnyJSON) }

// compile checks the step. Its errors say what to change.
func (s *Step) compile(maxBody int64) (*step, error) {
	d, err := s.Match.compile(append(s.Secret.fields(), s.User.fields()...)...)
	if err != nil {
		return nil, err
	}
	if d.noSecret {
		return nil, errors.New("checking match: no_secret is for pass rules, remove it")
	}
	if !d.except.anywhere() {
		return nil, errors.New("checking match except: it is for deny alone, remove it")
	}
	out := &step{door: *d, accept: s.Accept}
	if err := s.compileKind(out); err != nil {
		return nil, err
	}
	if s.User.From == fromBasic {
		if err = s.checkBasic(); err == nil {
			err = s.compileBasicSecond(out)
		}
	} else {
		err = s.compileBody(out, maxBody)
	}
	if err != nil {
		return nil, err
	}
	if len(s.DropCookies) > 0 {
		if out.cookies, err = credentials.NewCookieFilter(s.DropCookies); err != nil {
			return nil, fmt.Errorf("checking drop_cookies: %w", err)
		}
	}
	if out.names, err = credentials.NewNamePattern(s.UserPattern); err != nil {
		return nil, fmt.Errorf("checking user_pattern: %w", err)
	}
	if s.Kind == kindIdentify {
		out.rules = anyAnswer()
	} else if out.rules, err = compileOutcomes(s.Outcomes, out); err != nil {
		return nil, fmt.Errorf("checking outcomes: %w", err)
	}
	if out.identity, err = s.Identity.compile(); err != nil {
		return nil, fmt.Errorf("checking identity: %w", err)
	}
	if out.sameName = s.SameName; out.sameName && (out.identity == nil || out.bound) {
		return nil, errors.New("checking same_name: it compares identity with the name of the request, add identity, or remove it from a bound step")
	}
	return out, s.compileSharedKey(out)
}

func (s *Step) checkBasic() error {
	switch {
	case s.Kind != counter.Password.String():
		return errors.New("checking user: HTTP Basic holds a password, write the kind password")
	case s.Secret.From != "":
		return errors.New("checking secret: HTTP Basic holds user and secret, remove it")
	case len(s.Accept) > 0:
		return errors.New("checking accept: HTTP Basic reads no body, remove it")
	case len(s.Match.Field) > 0, len(s.Match.Has) > 0, len(s.Match.Query) > 0:
		return errors.New("checking match: HTTP Basic is told apart by path and header alone, remove field, has and query")
	case s.User.Bound, s.User.Claim != "", len(s.Bind) > 0, s.Identity != nil:
		return errors.New("checking user, bind and identity: HTTP Basic names the user with every request, remove them")
	case s.Decode != "", s.CanonicalForward != nil, s.ForwardNormalized:
		return errors.New("checking decode, canonical_forward and forward_normalized: HTTP Basic reads no body, remove them")
	case s.User.Name != "":
		return fmt.Errorf("checking user: basic takes no name, remove %q", s.User.Name)
	case len(s.User.Or) > 0:
		return errors.New("checking user: basic has no alternatives, write a step for each")
	}
	return nil
}
