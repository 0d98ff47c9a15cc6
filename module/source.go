// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// Source is a place in a request.
type Source struct {
	// The kind of place: `field` (of the body), `query`, `header`, `cookie`,
	// `path` (a segment of the path), `basic` (the Authorization header; holds
	// user and secret) or `cookie_regexp` (a cookie whose name is not known
	// before; for `user` of a step `reset`); for a user who is bound or a claim also
	// `bearer` (the token of the Authorization header); for the secret of a step with a
	// bound user also `unread`: it stands where nobody can read it, and every
	// request counts.
	From string `json:"from,omitempty"`

	// The name of the field, parameter, header or cookie, spelled exactly; for
	// `path` the number of the segment, counted from 1; for `cookie_regexp` a
	// regular expression (RE2) of the name. A request with two cookies that match
	// is refused.
	Name string `json:"name,omitempty"`

	// A regular expression (RE2) with one group, which cuts the user out of the
	// value. For `cookie_regexp` alone, which needs it.
	Pattern string `json:"pattern,omitempty"`

	// Whether it holds the key of a session, which leads back to the user who was
	// bound to it by an earlier step. For `user` alone, and not for `basic`.
	Bound bool `json:"bound,omitempty"`

	// The claim of the JSON Web Token that stands there, for `user`. The token is
	// not verified here: the login service does. The success of a step `reset`
	// clears a counter then. Another step needs a service that verifies the token
	// before it looks at the secret, else a forged token would move guesses to
	// somebody else. A dot steps into an object.
	Claim string `json:"claim,omitempty"`

	// Other places where it may stand instead. A request that fills two is
	// refused. Not with `basic`.
	Or []Source `json:"or,omitempty"`
}

// The places of a Source that have rules of their own.
const (
	fromField = string(credentials.FromField)
	fromBasic = "basic"

	fromCookieRegexp = string(credentials.FromCookieRegexp)

	// fromUnread is a secret in a form that no place describes, such as an object
	// whose members have names of their own. Every request of the step is a guess.
	fromUnread = "unread"
)

// Validate checks one place by itself, so that a configuration adapter can
// report a mistake where it stands.
func (s Source) Validate() error {
	if s.From == fromBasic || s.From == fromUnread {
		return nil
	}
	if _, err := s.compileCut(); err != nil {
		return err
	}
	return s.place().Check()
}

func (s Source) place() credentials.Place {
	return credentials.Place{From: credentials.From(s.From), Name: s.Name}
}

// places returns the source and its alternatives.
func (s Source) places() ([]credentials.Place, error) {
	list := []credentials.Place{s.place()}
	for _, other := range s.Or {
		if len(other.Or) > 0 || other.Bound || other.Claim != "" {
			return nil, errors.New("an alternative has alternatives, or is bound or a claim by itself, write all in one list")
		}
		list = append(list, other.place())
	}
	if s.Bound {
		for i := range list {
			list[i].Raw = list[i].From == credentials.FromCookie
		}
	}
	for _, p := range list {
		if err := p.Check(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// fields returns the names of the fields among the places.
func (s Source) fields() (names []string) {
	for _, other := range append([]Source{s}, s.Or...) {
		if other.From == fromField {
			names = append(names, other.Name)
		}
	}
	return names
}

func isField(p credentials.Place) bool { return p.From == credentials.FromField }

// carriers are the places by which a request shows that it carries a login: all
// that a client fills for this, and not what it sends with every request, such
// as the cookie or the header that says who it is.
func carriers(user, secret []credentials.Place) []credentials.Place {
	var list []credentials.Place
	for _, p := range user {
		if p.From == credentials.FromField || p.From == credentials.FromQuery {
			list = append(list, p)
		}
	}
	return append(list, secret...)
}
