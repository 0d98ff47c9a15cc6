// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"fmt"
	"slices"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// SecondSecret is a one-time password in the request that carries the password.
// An attempt that fills it holds a slot of both factors. What the answer means
// for each:
//
// Verdict | password | code
// --------|----------|-----
// `success` | right | right
// `pending` | right | wrong
// `failure` of the factor `password` | wrong | not checked
// `failure` of the factor of the code | not forgiven | wrong
// `failure`, or no rule matches | wrong | wrong
// `neutral` | no verdict | no verdict
type SecondSecret struct {
	// `totp`, `otp_sms`, `otp_email` or `recovery_code`.
	Factor string `json:"factor,omitempty"`

	// Where the code stands. A request in which it is missing or empty is an
	// attempt at the password alone. Beside HTTP Basic: `header` or `cookie`.
	Secret Source `json:"secret,omitzero"`
}

// compileSecond sets the factor of the other secret and returns its places.
func (s *Step) compileSecond(out *step) ([]credentials.Place, error) {
	if s.SameRequest == nil {
		return nil, nil
	}
	f, ok := factorNamed(s.SameRequest.Factor)
	switch {
	case s.Kind != counter.Password.String():
		return nil, errors.New("it stands beside a password, remove it or write the kind password")
	case !ok || f == counter.Password:
		return nil, fmt.Errorf("factor %q: write totp, otp_sms, otp_email or recovery_code", s.SameRequest.Factor)
	case s.SameRequest.Secret.Bound || s.SameRequest.Secret.Claim != "":
		return nil, errors.New("a bound key and a claim lead to a user, remove them")
	}
	out.second = f
	places, err := s.SameRequest.Secret.places()
	if slices.ContainsFunc(places, func(p credentials.Place) bool { return p.From == credentials.FromPath }) {
		err = errors.New("a path is logged everywhere and holds no secret, write field, query, header or cookie")
	}
	return places, err
}

// compileBasicSecond sets what reads a code beside HTTP Basic, which leaves the
// body alone.
func (s *Step) compileBasicSecond(out *step) error {
	places, err := s.compileSecond(out)
	if err != nil || len(places) == 0 {
		return wrapSecond(err)
	}
	if slices.ContainsFunc(places, func(p credentials.Place) bool {
		return p.From != credentials.FromHeader && p.From != credentials.FromCookie
	}) {
		return errors.New("checking same_request: HTTP Basic reads neither body nor query, write header or cookie")
	}
	out.beside, err = credentials.NewBeside(places)
	return wrapSecond(err)
}

func wrapSecond(err error) error {
	if err != nil {
		return fmt.Errorf("checking same_request: %w", err)
	}
	return nil
}

// pair is the secret of an attempt together with its code. Neither holds control
// characters.
func (l *login) pair() string {
	if !l.second {
		return l.secret
	}
	return l.secret + "\x00" + l.code
}

// wrongSecret returns the verdict of a failure that names a factor.
func (s *step) wrongSecret(factor string) (verdict, error) {
	f, ok := factorNamed(factor)
	switch {
	case factor == "":
		return verdictFailure, nil
	case s.second != 0 && ok && f == s.factor:
		return verdictFirstWrong, nil
	case s.second != 0 && ok && f == s.second:
		return verdictSecondWrong, nil
	}
	return verdictUnclassified, fmt.Errorf("failure of %q: write a factor of the step, which needs same_request", factor)
}

// factors are those that the attempt has secrets for.
func (a *attempt) factors() []counter.Factor {
	if a.login.second {
		return []counter.Factor{a.login.factor, a.step.second}
	}
	return []counter.Factor{a.login.factor}
}

// outcomes are what the counter is told of each factor.
func (a *attempt) outcomes(o counter.Outcome) []counter.FactorOutcome {
	first, second := o, o
	switch {
	case o != counter.Failure && a.verdict == verdictPending:
		// A service may say the same of a code that is wrong and one that is missing.
		// It stays wrong when nobody can tell whom to forgive the password.
		second = counter.Failure
	case o == counter.Failure && a.verdict == verdictFirstWrong:
		second = counter.Void
	case o == counter.Failure && a.verdict == verdictSecondWrong:
		first = counter.Void
	}
	outcomes := []counter.FactorOutcome{{Factor: a.login.factor, Outcome: first}}
	if a.login.second {
		outcomes = append(outcomes, counter.FactorOutcome{Factor: a.step.second, Outcome: second})
	}
	return outcomes
}

// blamed is the factor that a verdict is about.
func (a *attempt) blamed(v verdict) counter.Factor {
	if v == verdictSecondWrong {
		return a.step.second
	}
	return a.login.factor
}
