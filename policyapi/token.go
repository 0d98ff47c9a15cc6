// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// ErrToken reports a token that cannot be used. It never holds the token.
var ErrToken = errors.New("token is not usable")

// Tokens is an Authenticator of tokens that never change. It keeps their
// SHA-256 only. The zero value knows none.
type Tokens struct{ known []knownToken }

type knownToken struct {
	digest [sha256.Size]byte
	caller Caller
}

// Add makes a token stand for a caller. Tokens must be different and able to
// stand in a header: printable ASCII without blanks. The error wraps ErrToken.
func (t *Tokens) Add(token string, caller Caller) error {
	if token == "" {
		return fmt.Errorf("%w: it is empty", ErrToken)
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return fmt.Errorf("%w: it holds blanks, control characters or other than ASCII", ErrToken)
	}
	digest := sha256.Sum256([]byte(token))
	for i := range t.known {
		if t.known[i].digest == digest {
			return fmt.Errorf("%w: it is the same as that of %q", ErrToken, t.known[i].caller.Name)
		}
	}
	t.known = append(t.known, knownToken{digest: digest, caller: caller})
	return nil
}

// Authenticate returns the caller that the bearer token of a request stands
// for. Its time does not tell how much of a token was right, nor which of the
// known ones it was.
func (t *Tokens) Authenticate(r *http.Request) (Caller, error) {
	token, err := bearer(r)
	if err != nil {
		return Caller{}, err
	}
	digest := sha256.Sum256([]byte(token))
	found := -1
	for i := range t.known {
		same := subtle.ConstantTimeCompare(digest[:], t.known[i].digest[:])
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	if found < 0 {
		return Caller{}, ErrCredentials
	}
	return t.known[found].caller, nil
}

// bearer returns the token of a request. Two Authorization headers can be read
// in two ways, so they are malformed.
func bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return "", ErrNoCredentials
	}
	token, ok := strings.CutPrefix(values[0], "Bearer ")
	if !ok || token == "" || len(values) > 1 {
		return "", ErrMalformedCredentials
	}
	return token, nil
}
