// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"encoding/base64"
	"strings"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// claimOf returns a claim of a JSON Web Token (RFC 7519) that nobody has
// verified. It is believed only of a request that the login service accepted,
// which has verified it then.
func claimOf(token string, path []string) (string, *credentials.Refusal) {
	parts := strings.Split(token, ".")
	if len(parts) == 3 {
		payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
		if err == nil && len(payload) > 0 && payload[0] == '{' {
			if text, ok := jsonValue(&answer{body: payload, complete: true}, path); ok && text != "" {
				return text, nil
			}
		}
	}
	return "", credentials.Refuse(credentials.ReasonBadName, "the token names no user")
}
