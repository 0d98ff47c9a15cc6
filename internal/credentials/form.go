// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"strings"
	"unicode/utf8"
)

// maxPairs bounds a form; PHP, for one, drops what comes behind 1000 (D6).
const maxPairs = 500

// readForm reads the fields of a form body by D6.
func (l *LoginRule) readForm(body string, v *reading) *Refusal {
	return l.readPairs(body, FromField, v)
}

// readPairs reads the pairs of a form or query. Each credential has to be
// spelled exactly and occur once; a key that some reader takes for it makes the
// pairs ambiguous.
func (l *LoginRule) readPairs(text string, from From, v *reading) *Refusal {
	malformed := ReasonMalformedBody
	if from == FromQuery {
		malformed = ReasonMalformedQuery
	}
	if err := checkFormText(text, malformed); err != nil {
		return err
	}
	pairs := 0
	for pair := range strings.SplitSeq(text, "&") {
		if pairs++; pairs > maxPairs {
			return Refuse(malformed, "there are too many fields")
		}
		rawKey, rawValue, _ := strings.Cut(pair, "=")
		key, ok := decodeStrict(rawKey)
		if !ok || strings.ContainsFunc(key, isControl) {
			return Refuse(malformed, "there is a malformed key")
		}
		value, ok := decodeStrict(rawValue)
		if !ok || strings.IndexByte(value, 0) >= 0 {
			return Refuse(malformed, "there is a malformed value")
		}
		if err := l.take(key, value, from, v); err != nil {
			return err
		}
	}
	return nil
}

// take notes a field if it is a credential, and refuses it if it may be one.
func (l *LoginRule) take(key, value string, from From, v *reading) *Refusal {
	for i, p := range l.places {
		if p.From != from || p.Name != key {
			continue
		}
		if !v.set(i, value) {
			return Refuse(ReasonAmbiguous, "there is a credential field twice")
		}
		return nil
	}
	if l.keys.has(key) {
		return Refuse(ReasonAmbiguous, "there is a field that may be read as a credential")
	}
	if rereads(key, value) {
		return Refuse(ReasonAmbiguous, "there is a field that replaces or re-codes the others")
	}
	return nil
}

// checkFormText refuses what no form serializer writes (WHATWG URL, section
// 5.2): a body that another reader takes for JSON, a comment or XML, and
// separators that only some readers know.
func checkFormText(body string, malformed Reason) *Refusal {
	if err := checkText(body); err != nil {
		return Refuse(malformed, err.Detail)
	}
	if start := strings.TrimLeft(body, " +"); start != "" && strings.IndexByte(`{["/<`, start[0]) >= 0 {
		return Refuse(malformed, "the form begins like another type of body")
	}
	if strings.ContainsFunc(body, isControl) {
		return Refuse(malformed, "the form holds control characters")
	}
	if strings.IndexByte(body, ';') >= 0 {
		return Refuse(malformed, "the form holds a semicolon, which some readers take for a separator")
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
