// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"strings"
	"unicode/utf8"
)

// maxPairs bounds a form; PHP, for one, drops what comes behind 1000 (D6).
const maxPairs = 500

// readForm reads user and secret from a form body by D6. Each of the two has
// to be spelled exactly and occur once; a key that some reader takes for it
// makes the form ambiguous.
func (b *BodyRule) readForm(body string) (user, secret string, err *Refusal) {
	if err := checkFormText(body); err != nil {
		return "", "", err
	}
	users, secrets, pairs := 0, 0, 0
	for pair := range strings.SplitSeq(body, "&") {
		if pairs++; pairs > maxPairs {
			return "", "", Refuse(ReasonMalformedBody, "the form has too many fields")
		}
		rawKey, rawValue, _ := strings.Cut(pair, "=")
		key, ok := decodeStrict(rawKey)
		if !ok || strings.ContainsFunc(key, isControl) {
			return "", "", Refuse(ReasonMalformedBody, "the form has a malformed key")
		}
		value, ok := decodeStrict(rawValue)
		if !ok || strings.IndexByte(value, 0) >= 0 {
			return "", "", Refuse(ReasonMalformedBody, "the form has a malformed value")
		}
		switch {
		case key == b.config.User:
			users++
			user = value
		case key == b.config.Secret:
			secrets++
			secret = value
		case b.keys.has(key):
			return "", "", Refuse(ReasonAmbiguous, "the form has a field that may be read as a credential")
		case pollutes(key):
			return "", "", Refuse(ReasonAmbiguous, "the form has a field that reaches for a prototype")
		case rereads(key, value):
			return "", "", Refuse(ReasonAmbiguous, "the form has a field that replaces or re-codes the others")
		}
		if users > 1 || secrets > 1 {
			return "", "", Refuse(ReasonAmbiguous, "the form has a credential field twice")
		}
	}
	return user, secret, nil
}

// checkFormText refuses what no form serializer writes (WHATWG URL, section
// 5.2): a body that another reader takes for JSON, a comment or XML, and
// separators that only some readers know.
func checkFormText(body string) *Refusal {
	if err := checkText(body); err != nil {
		return err
	}
	if start := strings.TrimLeft(body, " +"); start != "" && strings.IndexByte(`{["/<`, start[0]) >= 0 {
		return Refuse(ReasonMalformedBody, "the form begins like another type of body")
	}
	if strings.ContainsFunc(body, isControl) {
		return Refuse(ReasonMalformedBody, "the form holds control characters")
	}
	if strings.IndexByte(body, ';') >= 0 {
		return Refuse(ReasonMalformedBody, "the form holds a semicolon, which some readers take for a separator")
	}
	return nil
}

// rereads reports fields by which a client tells some reader to read the rest
// in another way: the encoding field of HTML (form submission, "_charset_"),
// its counterpart in qs, and whole bodies within a field (PocketBase, Django
// REST framework).
func rereads(key, value string) bool {
	switch foldKey(key) {
	case "_charset_":
		return value != "" && !equalASCII(value, "utf-8")
	case "utf8":
		return value != "✓"
	case "@jsonpayload", "_content", "_content_type":
		return true
	}
	return false
}

// decodeStrict decodes a key or a value. It reports false for broken escapes
// and for what is not UTF-8 once decoded.
func decodeStrict(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, true
	}
	for i := strings.IndexByte(s, '%'); i >= 0; {
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return "", false
		}
		next := strings.IndexByte(s[i+3:], '%')
		if next < 0 {
			break
		}
		i += 3 + next
	}
	decoded := decodeLenient(s)
	return decoded, utf8.ValidString(decoded)
}
