// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// maxShown bounds what is repeated of a service.
const maxShown = 120

// printable makes what a service said fit for a line of a report, which is a
// comment of a Caddyfile too: a line break would end the comment, and braces
// are looked at even there.
func printable(s string) string {
	out := strings.Map(func(r rune) rune {
		switch {
		case r == '{':
			return '('
		case r == '}':
			return ')'
		case r == unicode.ReplacementChar || !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, s)
	if runes := []rune(out); len(runes) > maxShown {
		out = string(runes[:maxShown]) + "…"
	}
	return out
}

// word writes an argument of a Caddyfile. What a service named must not become
// more than an argument.
func word(s string) (string, error) {
	if s == "" || len(s) > 1024 || strings.ContainsAny(s, "{}`") || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", fmt.Errorf("writing the rule: %q does not fit into a Caddyfile", printable(s))
	}
	plain := strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@+,~=-[]%*") == ""
	if plain {
		return s, nil
	}
	return "`" + s + "`", nil
}

// fold makes the spellings of a name one: accessToken, access_token.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

func addOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// looksRandom reports a word that is a token, an id or a hash rather than a
// name.
func looksRandom(s string) bool {
	digits := 0
	for _, r := range s {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	return len(s) >= 32 && !strings.ContainsAny(s, " -_.") || len(s) >= 12 && digits >= 4 || len(s) >= 6 && digits == len(s)
}

// maskPath is a path without parameters and without segments that may be
// secret.
func maskPath(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		s, _, _ = strings.Cut(s, ";")
		if looksRandom(s) {
			s = "…"
		}
		segments[i] = s
	}
	return strings.Join(segments, "/")
}
