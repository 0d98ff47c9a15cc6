// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// Step describes one kind of attempt: how to recognise the request, where the
// user and the secret stand in it, and which answer of the login service means
// what.
type Step struct {
	// The kind of the step and the factor that it counts. So far: `password`.
	Kind string `json:"kind,omitempty"`

	// Which requests are attempts. A step that reads form or JSON bodies needs
	// at least one path; these paths become guarded. A step that reads HTTP
	// Basic without a path takes every request that carries credentials.
	Match Match `json:"match,omitzero"`

	// The body encodings that are read: `form` and `json`. Everything else on
	// a guarded path is refused with 415. Default: both. Not for HTTP Basic.
	Accept []string `json:"accept,omitempty"`

	// Where the user name stands.
	User Source `json:"user,omitzero"`

	// Where the secret stands. Not for HTTP Basic, which names both at once.
	Secret Source `json:"secret,omitzero"`

	// What an answer means: the first that matches, in this order. An answer
	// of the login service that matches none counts as a failure and raises
	// the metric outcome `unclassified`.
	Outcomes []*Outcome `json:"outcomes,omitempty"`
}

// Source is a place in a request.
type Source struct {
	// The kind of place: `field` (of the form or JSON body) or `basic` (the
	// Authorization header; holds user and secret).
	From string `json:"from,omitempty"`

	// The name of the field, spelled exactly.
	Name string `json:"name,omitempty"`
}

// The places of a Source.
const (
	fromField = "field"
	fromBasic = "basic"
)

// step is a compiled Step.
type step struct {
	door
	factor counter.Factor
	body   *credentials.BodyRule // nil: HTTP Basic
	keys   []string              // the fields of the body rule
	accept []string              // nil: every type
	// secrets reads the secret alone, for requests that are no attempts.
	secrets *credentials.Fields
	rules   *outcomeRules
}

func (s *step) basic() bool { return s.body == nil }

// secret is the field of the secret.
func (s *step) secret() string { return s.keys[len(s.keys)-1] }

// reads reports whether the step reads bodies of this type.
func (s *step) reads(form bool) bool {
	name := "json"
	if form {
		name = "form"
	}
	return s.accept == nil || slices.Contains(s.accept, name)
}

// compile checks the step. Its errors say what to change.
func (s *Step) compile(maxBody int64) (*step, error) {
	if s.Kind != counter.Password.String() {
		return nil, fmt.Errorf("checking kind: %q is not supported, write password", s.Kind)
	}
	d, err := s.Match.compile(s.Secret.Name)
	if err != nil {
		return nil, err
	}
	out := &step{door: *d, factor: counter.Password, accept: s.Accept}
	if s.User.From == fromBasic {
		err = s.checkBasic()
	} else {
		err = s.compileBody(out, maxBody)
	}
	if err != nil {
		return nil, err
	}
	if out.rules, err = compileOutcomes(s.Outcomes); err != nil {
		return nil, fmt.Errorf("checking outcomes: %w", err)
	}
	return out, nil
}

func (s *Step) checkBasic() error {
	switch {
	case s.Secret != Source{}:
		return errors.New("checking secret: HTTP Basic holds user and secret, remove it")
	case len(s.Accept) > 0:
		return errors.New("checking accept: HTTP Basic reads no body, remove it")
	case len(s.Match.Field) > 0, len(s.Match.Has) > 0:
		return errors.New("checking match: HTTP Basic reads no body, remove field and has")
	case s.User.Name != "":
		return fmt.Errorf("checking user: basic takes no name, remove %q", s.User.Name)
	}
	return nil
}

func (s *Step) compileBody(out *step, maxBody int64) (err error) {
	switch {
	case out.anywhere():
		return errors.New("checking match: a step that reads bodies needs a path, add match path")
	case s.User.From != fromField || s.User.Name == "":
		return errors.New("checking user: write field and the name of the field, or basic")
	case s.Secret.From != fromField || s.Secret.Name == "":
		return errors.New("checking secret: write field and the name of the field")
	}
	config := credentials.BodyConfig{User: s.User.Name, Secret: s.Secret.Name, MaxBytes: maxBody}
	for _, a := range s.Accept {
		switch a {
		case "form":
			config.Form = true
		case "json":
			config.JSON = true
		default:
			return fmt.Errorf("checking accept: %q is not supported, write form or json", a)
		}
	}
	if len(s.Accept) == 0 {
		config.Form, config.JSON = true, true
	}
	if out.methods == nil {
		out.methods = []string{http.MethodPost}
	}
	for _, m := range out.methods {
		// A browser, a cache or a crawler repeats these by itself.
		if m == http.MethodGet || m == http.MethodHead || m == http.MethodOptions {
			return fmt.Errorf("checking match method: %s carries no credentials in its body, remove it", m)
		}
	}
	out.keys = []string{s.User.Name, s.Secret.Name}
	if out.secrets, err = credentials.NewFields(out.keys[1:]); err != nil {
		return fmt.Errorf("checking secret: %w", err)
	}
	out.body, err = credentials.NewBodyRule(config)
	return err
}
