// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Limits are the wrong guesses after which a user is locked, for the password
// and for each kind of one-time code. Zero never locks.
type Limits struct {
	MaxPasswordAttempts, MaxOTPAttempts uint32
}

// Details say when a policy came to be. A read fills all of them, a write only
// the date that it set: CreationDate when it added a policy, else ChangeDate.
type Details struct {
	// Sequence is the number of the change that made the policy what it is,
	// counted over all changes of the instance.
	Sequence     uint64
	CreationDate time.Time
	ChangeDate   time.Time
	// ResourceOwner is the organization, or the instance for its default.
	ResourceOwner string
}

// Policy is what is in force for an organization.
type Policy struct {
	Limits
	// IsDefault tells that the organization has no policy of its own.
	IsDefault bool
	Details   Details
}

// fields are the parts of a stored policy, in the order in which parsePolicy
// wants their values. The scripts write them; a hash that lacks the sequence
// is not a policy but what remains of one (see lua/reset.lua).
var fields = []string{"sequence", "password", "otp", "created", "changed"}

// parsePolicy reads the values of fields. It reports false where there is no
// policy.
func parsePolicy(values []any) (Policy, bool, error) {
	// An answer that is cut short must not pass for "no policy".
	if len(values) != len(fields) {
		return Policy{}, false, fmt.Errorf("parsing policy: %d values instead of %d", len(values), len(fields))
	}
	texts := make([]string, len(fields))
	for i, value := range values {
		texts[i], _ = value.(string) // nil where the field is absent
	}
	if texts[0] == "" {
		return Policy{}, false, nil
	}
	var p Policy
	var err error
	if p.Details.Sequence, err = strconv.ParseUint(texts[0], 10, 64); err != nil {
		return Policy{}, false, fmt.Errorf("parsing sequence: %w", err)
	}
	for _, limit := range []struct {
		to   *uint32
		text string
	}{{&p.MaxPasswordAttempts, texts[1]}, {&p.MaxOTPAttempts, texts[2]}} {
		n, err := strconv.ParseUint(limit.text, 10, 32)
		if err != nil {
			return Policy{}, false, fmt.Errorf("parsing limit: %w", err)
		}
		*limit.to = uint32(n)
	}
	if p.Details.CreationDate, err = parseDate(texts[3]); err != nil {
		return Policy{}, false, fmt.Errorf("parsing creation date: %w", err)
	}
	if p.Details.ChangeDate, err = parseDate(texts[4]); err != nil {
		return Policy{}, false, fmt.Errorf("parsing change date: %w", err)
	}
	return p, true, nil
}

// parseTime puts the two numbers of the TIME command together. They travel
// apart because together they would not survive Lua, whose numbers print with
// 14 digits.
func parseTime(seconds, microseconds string) (time.Time, error) {
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	us, err := strconv.ParseInt(microseconds, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	return time.Unix(s, us*int64(time.Microsecond)).UTC(), nil
}

func parseDate(text string) (time.Time, error) {
	seconds, microseconds, _ := strings.Cut(text, " ")
	return parseTime(seconds, microseconds)
}

func formatLimit(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
