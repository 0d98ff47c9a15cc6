// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// maxOrganizationRunes is the longest organization id of the wire contract.
const maxOrganizationRunes = 200

// CheckOrganization refuses what cannot name an organization: nothing, more
// than 200 runes, invalid UTF-8 and control characters. The error wraps
// ErrOrganization.
//
// The empty name must never reach the keyspace: there it is the key of the
// instance default.
func CheckOrganization(organization string) error {
	if organization == "" {
		return fmt.Errorf("%w: it is empty", ErrOrganization)
	}
	// Counting runes in a megabyte to refuse it would be work for the caller's
	// benefit only; no rune has more than UTFMax bytes.
	if len(organization) > maxOrganizationRunes*utf8.UTFMax || utf8.RuneCountInString(organization) > maxOrganizationRunes {
		return fmt.Errorf("%w: it is longer than %d runes", ErrOrganization, maxOrganizationRunes)
	}
	if !utf8.ValidString(organization) {
		return fmt.Errorf("%w: it is not valid UTF-8", ErrOrganization)
	}
	for _, r := range organization {
		if unicode.IsControl(r) {
			return fmt.Errorf("%w: it holds the control character %U", ErrOrganization, r)
		}
	}
	return nil
}
