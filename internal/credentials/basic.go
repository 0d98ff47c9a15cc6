// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"encoding/base64"
	"net/http"
	"strings"
	"unicode/utf8"
)

// basicEncoding refuses trailing bits that other decoders drop, so that every
// pair of credentials has one encoding.
var basicEncoding = base64.StdEncoding.Strict()

// ReadBasic reads user and secret from the Authorization header (RFC 7617).
// Present is false, without refusal, when there is no header or when it has
// another scheme. The secret may be empty: API tokens are sent as a user.
func ReadBasic(r *http.Request) (user, secret string, present bool, err *Refusal) {
	values := r.Header["Authorization"]
	if len(values) == 0 {
		return "", "", false, nil
	}
	if len(values) > 1 {
		return "", "", true, Refuse(ReasonDuplicateHeader, "more than one Authorization header")
	}
	value := values[0]
	encoded, isBasic := strings.CutPrefix(value, "Basic ")
	if !isBasic {
		scheme := value[:schemeLength(value)]
		if !strings.EqualFold(scheme, "basic") {
			if mentionsBasic(value) {
				return "", "", true, Refuse(ReasonBadBasic, "the Authorization header names more than one scheme, or one that may be read as Basic")
			}
			return "", "", false, nil
		}
		if encoded, isBasic = strings.CutPrefix(value[len(scheme):], " "); !isBasic {
			return "", "", true, Refuse(ReasonBadBasic, "the Authorization header holds no Basic credentials")
		}
	}
	if user, secret, err = decodeBasic(encoded); err == nil {
		err = checkCharset(r.Header, user+secret)
	}
	if err != nil {
		return "", "", true, err
	}
	return user, secret, true, nil
}

// schemeLength returns the length of the token at the start of s.
func schemeLength(s string) int {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`(),/:;<=>?@[\]{}"`, c) >= 0 {
			return i
		}
	}
	return len(s)
}

// mentionsBasic reports whether a lenient reader may find Basic credentials in
// a header of another scheme: PHP programs search for /Basic\s+(.*)/i anywhere
// in it, others trim or fold it first, or split it at commas. Python programs ask
// whether it begins with Basic, and take whatever follows: no scheme that is in
// use has a longer name that does.
func mentionsBasic(value string) bool {
	if !mayMentionBasic(value) {
		return false
	}
	if folded := foldKey(value); strings.HasPrefix(folded, "basic") || strings.Contains(folded, "basic ") {
		return true
	}
	for i := 0; i+len("basic") < len(value); i++ {
		if next := value[i+len("basic")]; (next <= ' ' || next >= 0x7f) && strings.EqualFold(value[i:i+len("basic")], "basic") {
			return true
		}
	}
	return false
}

// mayMentionBasic is false for nearly every header of another scheme: one in
// printable ASCII without escapes, which no folding turns into "basic" unless
// it holds it. Bearer tokens are on the way of every request of an API.
func mayMentionBasic(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c >= 0x7f || c == '%' || c == '&' || c == '\\' {
			return true
		}
		if value[i]|0x20 == 'b' && i+len("basic") <= len(value) && strings.EqualFold(value[i:i+len("basic")], "basic") {
			return true
		}
	}
	return false
}

func decodeBasic(encoded string) (user, secret string, err *Refusal) {
	// The decoder skips line breaks; other readers do not.
	if strings.ContainsAny(encoded, "\r\n") {
		return "", "", Refuse(ReasonBadBasic, "the Basic credentials are not strict base64")
	}
	raw, decodeErr := basicEncoding.DecodeString(encoded)
	if decodeErr != nil {
		return "", "", Refuse(ReasonBadBasic, "the Basic credentials are not strict base64")
	}
	pair := string(raw)
	if !utf8.ValidString(pair) {
		return "", "", Refuse(ReasonBadBasic, "the Basic credentials are not valid UTF-8")
	}
	if strings.ContainsFunc(pair, isControl) {
		return "", "", Refuse(ReasonBadBasic, "the Basic credentials hold control characters")
	}
	user, secret, found := strings.Cut(pair, ":")
	if !found {
		return "", "", Refuse(ReasonBadBasic, "the Basic credentials hold no colon")
	}
	if strings.TrimSpace(user) == "" {
		return "", "", Refuse(ReasonMissingUser, "the user name is empty")
	}
	return user, secret, nil
}
