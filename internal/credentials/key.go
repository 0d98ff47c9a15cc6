// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// foldKey reduces the name of a field to what a lenient reader may take it
// for: escapes decoded once more, cut at NUL, without control characters and
// ignorable ones, trimmed, NFKC, case folded (D6). Two keys are one when their
// folds are equal.
func foldKey(key string) string {
	if isPlainKey(key) {
		return key
	}
	for range 2 {
		key = decodeLenient(key)
	}
	key, _, _ = strings.Cut(key, "\x00")
	key = strings.ToValidUTF8(key, "")
	for range maxNamePasses {
		before := key
		key = norm.NFKC.String(cases.Fold().String(norm.NFKC.String(key)))
		key = strings.Map(func(r rune) rune {
			switch {
			case isControl(r), isIgnorable(r):
				return -1
			case r == 'ı':
				// Java's equalsIgnoreCase compares in upper case as well.
				return 'i'
			}
			return r
		}, key)
		key = strings.TrimSpace(strings.ReplaceAll(key, "i\u0307", "i"))
		if key == before {
			break
		}
	}
	return key
}

// isPlainKey reports whether folding would leave the key as it is.
func isPlainKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		if c <= ' ' || c >= 0x7f || c == '%' || c == '+' || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// decodeLenient decodes %XX and plus signs and leaves alone what is no escape,
// as lenient readers do.
func decodeLenient(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b = append(b, ' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

// fieldPath is a key as readers with nested fields see it: PHP, Rails and qs
// turn a[b] into b within a, PHP turns blanks, dots and a lone bracket into
// underscores, qs reads [a] as a. Rocket and Spring step in at a dot.
type fieldPath struct {
	parts  []string
	joined string
	dotted []string // parts when a dot steps in as well; nil: as parts
}

func newFieldPath(key string) fieldPath {
	// The query of an address has one question mark in front too many when a
	// reader takes it from the wrong one on.
	folded := strings.TrimLeft(foldKey(key), "?")
	if !strings.ContainsAny(folded, " .[]") {
		return fieldPath{parts: []string{folded}, joined: folded}
	}
	steps := strings.TrimLeft(strings.ReplaceAll(folded, "]", ""), "[")
	parts, dotted := strings.Split(steps, "["), strings.FieldsFunc(steps, func(r rune) bool { return r == '[' || r == '.' })
	for i, part := range parts {
		parts[i] = underscores.Replace(strings.TrimSpace(part))
	}
	return fieldPath{parts: parts, joined: strings.Join(parts, "_"), dotted: dotted}
}

var underscores = strings.NewReplacer(" ", "_", ".", "_")

// collides reports whether some reader may take the two for one field, or one
// for a part of the other.
func (p fieldPath) collides(q fieldPath) bool {
	if p.joined == q.joined {
		return true
	}
	for i := range min(len(p.parts), len(q.parts)) {
		if p.parts[i] != q.parts[i] {
			return false
		}
	}
	return true
}

// within reports whether some reader takes p for a part of q, such as username.0
// of username. The other way round is no credential.
func (p fieldPath) within(q fieldPath) bool {
	whole := q.dotted
	if whole == nil {
		whole = q.parts
	}
	return len(p.dotted) >= len(whole) && slices.Equal(p.dotted[:len(whole)], whole)
}

// keySet holds credential keys for comparison with the keys of a request.
type keySet []fieldPath

func newKeySet(keys ...string) keySet {
	s := make(keySet, 0, len(keys))
	for _, k := range keys {
		s = append(s, newFieldPath(k))
	}
	return s
}

// has reports whether a decoded key collides with one of the set.
func (s keySet) has(key string) bool {
	if key == "" {
		return false
	}
	p := newFieldPath(key)
	for _, k := range s {
		if k.collides(p) || p.within(k) {
			return true
		}
	}
	return false
}

// inPairs reads s as leniently as any form parser does, separated by & and by
// ; and with broken escapes, and reports whether it names a key of the set. A
// key without a value counts unless needValue is set.
func (s keySet) inPairs(text string, needValue bool) bool {
	for len(text) > 0 {
		pair := text
		if i := strings.IndexAny(text, "&;"); i >= 0 {
			pair, text = text[:i], text[i+1:]
		} else {
			text = ""
		}
		key, _, hasValue := strings.Cut(pair, "=")
		if (hasValue || !needValue) && s.has(decodeLenient(key)) {
			return true
		}
	}
	return false
}

// inTarget looks for keys in the query of a request target, in its path
// parameters, and behind a question mark that is encoded in its path. Values in
// the query are not decoded: they may well hold a whole address with a query.
func (s keySet) inTarget(target string) bool {
	path, query, _ := strings.Cut(target, "?")
	if s.inPairs(query, false) {
		return true
	}
	if i := strings.LastIndexByte(query, '?'); i >= 0 && s.inPairs(query[i+1:], true) && !strings.Contains(query[:i], "=") {
		// Readers that split at every question mark. Behind an equals sign it is a
		// part of a value, often of an address.
		return true
	}
	for range maxDecodings + 1 {
		if i := strings.IndexAny(path, "?;#"); i >= 0 {
			pairs := ampersands.Replace(path[i+1:])
			if s.inPairs(pairs, true) {
				return true
			}
		}
		decoded := decodeLenient(path)
		if decoded == path {
			return false
		}
		path = decoded
	}
	return false
}

var ampersands = strings.NewReplacer("?", "&", "#", "&", "/", "&")

// validKey reports whether a configured key has a single spelling.
func validKey(key string) bool {
	return key != "" && len(key) <= maxKeyBytes && utf8.ValidString(key) &&
		!strings.ContainsAny(key, "%&=;+\"\\") && norm.NFKC.IsNormalString(key) &&
		strings.TrimSpace(key) == key && strings.IndexFunc(key, func(r rune) bool { return isControl(r) || isIgnorable(r) }) < 0
}

const maxKeyBytes = 128

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}
