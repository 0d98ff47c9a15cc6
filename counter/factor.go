// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"errors"
	"fmt"
	"strings"
)

// Factor is a kind of secret. Each has a counter of its own.
type Factor uint8

// The factors. The zero value is none of them: the lock of an administrator
// has no factor.
const (
	Password Factor = iota + 1
	TOTP
	OTPSMS
	OTPEmail
	RecoveryCode
)

var factorNames = [...]string{"none", "password", "totp", "otp_sms", "otp_email", "recovery_code"}

// factorLetters are the names of the factors in the store. The first stands
// for none.
const factorLetters = "-ptser"

// ErrFactor reports a factor that is unknown or that is named twice.
var ErrFactor = errors.New("wrong factor")

// Factors returns every factor.
func Factors() []Factor { return []Factor{Password, TOTP, OTPSMS, OTPEmail, RecoveryCode} }

// String returns the name of the factor as it stands in configuration, metrics
// and logs.
func (f Factor) String() string {
	if int(f) >= len(factorNames) {
		return "invalid"
	}
	return factorNames[f]
}

func (f Factor) valid() bool { return f >= Password && f <= RecoveryCode }

func (f Factor) letter() byte { return factorLetters[f] }

func factorOf(letter string) Factor {
	if i := strings.Index(factorLetters, letter); len(letter) == 1 && i > 0 {
		return Factor(i)
	}
	return 0
}

// FactorLimit is the number of failures of a factor that lock the user.
type FactorLimit struct {
	Factor Factor
	// Max is the limit; 0 never locks: the attempt takes no slot and is not
	// counted.
	Max uint32
}

// Outcome says how an attempt ended.
type Outcome uint8

// The outcomes. The zero value is none of them.
const (
	// Success forgives the failures that the attempt saw when it reserved.
	Success Outcome = iota + 1
	// Failure adds one failure.
	Failure
	// Void gives the slot back: the login service never saw the attempt, or
	// said nothing about the secret.
	Void
	// SuccessByName is for an account that a name led to, when nothing but that
	// name says that the success is the account's. It forgives the failures that
	// came by the name, as far as the attempt saw them.
	SuccessByName
)

const outcomeLetters = "?sfvo"

func (o Outcome) valid() bool { return o >= Success && o <= SuccessByName }

// FactorOutcome is the outcome of an attempt for one of its factors. A factor
// that was reserved and has no outcome counts as failed.
type FactorOutcome struct {
	Factor  Factor
	Outcome Outcome
}

func encodeOutcomes(outcomes []FactorOutcome) (letters string, success bool, err error) {
	var b strings.Builder
	for _, o := range outcomes {
		if !o.Factor.valid() || !o.Outcome.valid() {
			return "", false, fmt.Errorf("%w or outcome: %d, %d", ErrFactor, o.Factor, o.Outcome)
		}
		b.WriteByte(o.Factor.letter())
		b.WriteByte(outcomeLetters[o.Outcome])
		success = success || o.Outcome == Success || o.Outcome == SuccessByName
	}
	return b.String(), success, nil
}

// mask is a set of factors.
type mask uint8

func maskOf(limits []FactorLimit) (m mask) {
	for _, l := range limits {
		if l.Max > 0 {
			m |= 1 << l.Factor
		}
	}
	return m
}
