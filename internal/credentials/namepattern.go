// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"fmt"
	"regexp"
	"strings"
)

// NamePattern bounds the user names that a step takes. Login services take
// endless spellings for one account: entities, tags, accents, what their
// database folds. A pattern refuses what no real name looks like.
type NamePattern struct{ whole *regexp.Regexp }

// NewNamePattern compiles a regular expression for whole names. An empty one
// gives a nil pattern, which takes every name.
func NewNamePattern(expression string) (*NamePattern, error) {
	if expression == "" {
		return nil, nil
	}
	// By itself first, so that a stray parenthesis cannot open the anchors.
	if _, err := regexp.Compile(expression); err != nil {
		return nil, fmt.Errorf("compiling pattern of user names: %w", err)
	}
	whole, err := regexp.Compile(`\A(?:` + expression + `)\z`)
	if err != nil {
		return nil, fmt.Errorf("compiling pattern of user names: %w", err)
	}
	return &NamePattern{whole: whole}, nil
}

// Check refuses a name that does not match. It looks at the name as it was
// sent, because that is what the login service gets: a canonical form may look
// harmless where the name does not. Only blanks around it and, unless the names
// keep it, the case of ASCII letters make no difference.
func (p *NamePattern) Check(name string, names *Names) *Refusal {
	if p == nil {
		return nil
	}
	name = strings.Trim(name, " ")
	if !names.keepsCase() {
		name = lowerASCII(name)
	}
	if !p.whole.MatchString(name) {
		return Refuse(ReasonUserPattern, "the user name does not match user_pattern")
	}
	return nil
}

// lowerASCII leaves other letters alone: the Kelvin sign is no k here.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
