// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"fmt"
	"net/http"
	"strings"
)

// Beside reads a secret that stands beside HTTP Basic, in a header or a cookie. It
// is safe for concurrent use.
type Beside struct{ rule *LoginRule }

// NewBeside compiles the places.
func NewBeside(places []Place) (*Beside, error) {
	if err := checkPlaces(places, false); err != nil {
		return nil, fmt.Errorf("compiling places: %w", err)
	}
	for _, p := range places {
		if p.From != FromHeader && p.From != FromCookie {
			return nil, fmt.Errorf("compiling places: %s is neither header nor cookie", p.From)
		}
	}
	return &Beside{rule: &LoginRule{places: places}}, nil
}

// Read returns the secret, "" when there is none. A nil Beside reads none.
func (b *Beside) Read(r *http.Request) (string, *Refusal) {
	if b == nil {
		return "", nil
	}
	var v reading
	if refusal := b.rule.readPlaces(r, "", &v); refusal != nil {
		return "", refusal
	}
	text, refusal := v.only(0, len(b.rule.places))
	if refusal != nil {
		return "", refusal
	}
	if strings.ContainsFunc(text, isControl) {
		return "", Refuse(ReasonBadSecret, "the secret holds control characters")
	}
	return text, nil
}
