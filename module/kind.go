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

// The kinds of steps that have no factor of their own. All others have the name
// of their factor.
const (
	kindOTP      = "otp"      // the request names the factor
	kindIdentify = "identify" // says who it is, and proves nothing
	kindReset    = "reset"    // sets a new password by other means
)

// FactorField names the factor of a step of the kind `otp`.
type FactorField struct {
	// The field of the body that holds the type of the code, spelled exactly; in
	// JSON a dot steps into an object.
	Name string `json:"name,omitempty"`

	// Which value stands for which factor: `totp`, `otp_sms`, `otp_email` or
	// `recovery_code`. Values are compared byte for byte. A request with any
	// other, with none or with two is refused with 400.
	Values map[string]string `json:"values,omitempty"`
}

// factorNamed returns the factor with a name.
func factorNamed(name string) (counter.Factor, bool) {
	i := slices.IndexFunc(counter.Factors(), func(f counter.Factor) bool { return f.String() == name })
	if i < 0 {
		return 0, false
	}
	return counter.Factors()[i], true
}

// compileKind sets what follows from the kind of the step.
func (s *Step) compileKind(out *step) error {
	out.kind = s.Kind
	f, fixed := factorNamed(s.Kind)
	switch {
	case fixed && s.Factor != nil:
		return fmt.Errorf("checking factor: a step %s counts this factor, remove it or write the kind otp", s.Kind)
	case fixed:
		out.factor = f
		return nil
	case s.Kind == kindIdentify:
		return s.checkIdentify()
	case s.Kind == kindReset:
		return s.checkReset()
	case s.Kind != kindOTP:
		return fmt.Errorf("checking kind: %q is not supported, write password, totp, otp_sms, otp_email, recovery_code, otp, identify or reset", s.Kind)
	case s.Factor == nil:
		return errors.New("checking factor: a step otp needs the field that names the factor, add factor")
	}
	if len(s.Factor.Values) == 0 {
		return errors.New("checking factor: it maps no value to a factor, add one")
	}
	out.factors = make(map[string]counter.Factor, len(s.Factor.Values))
	for value, name := range s.Factor.Values {
		f, ok := factorNamed(name)
		if !ok || f == counter.Password || value == "" {
			return fmt.Errorf("checking factor: value %q stands for %q, write a value and totp, otp_sms, otp_email or recovery_code", value, name)
		}
		out.factors[value] = f
	}
	return nil
}

// checkIdentify checks a step that takes no secret.
func (s *Step) checkIdentify() error {
	switch {
	case s.Secret.From != "":
		return errors.New("checking secret: a step identify has none, remove it or write another kind")
	case s.Factor != nil, len(s.Outcomes) > 0, s.Identity != nil:
		return errors.New("checking factor, outcomes and identity: a step identify proves nothing, remove them")
	case s.User.Bound, s.User.From == fromBasic:
		return errors.New("checking user: a step identify reads the name itself, write its place")
	case len(s.Bind) == 0:
		return errors.New("checking bind: a step identify does nothing without, add one")
	}
	return nil
}

// checkReset checks a step that completes a reset of the password.
func (s *Step) checkReset() error {
	switch {
	case s.Secret.From != "", s.Factor != nil:
		return errors.New("checking secret and factor: a step reset counts nothing, remove them")
	case len(s.Bind) > 0:
		return errors.New("checking bind: no step follows a reset, remove it")
	case s.User.From == fromBasic:
		return errors.New("checking user: a step reset reads no HTTP Basic, write another place")
	case s.User.Bound && s.User.Claim != "":
		return errors.New("checking user: it is a key or a claim, remove bound or claim")
	}
	return nil
}

// takesSecret reports whether attempts of the step are guesses.
func (s *step) takesSecret() bool { return s.kind != kindIdentify && s.kind != kindReset }

// factorOf returns the factor of an attempt, by what its field says.
func (s *step) factorOf(value string) (counter.Factor, *credentials.Refusal) {
	if s.factors == nil {
		return s.factor, nil
	}
	f, ok := s.factors[value]
	if !ok {
		return 0, credentials.Refuse(credentials.ReasonFactor, "the step knows no such kind of secret")
	}
	return f, nil
}

// labelOf names what an attempt with a factor is counted as in metrics.
func (s *step) labelOf(f counter.Factor) string {
	if f == 0 {
		return s.kind
	}
	return f.String()
}

// label names what an attempt of the step is counted as in metrics, before it is
// known.
func (s *step) label() string {
	return s.labelOf(s.factor)
}
