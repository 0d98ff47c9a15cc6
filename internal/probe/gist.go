// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// varying finds what is another in each answer: numbers, ids, times.
var varying = regexp.MustCompile(`[0-9a-fA-F]{6,}|[0-9]+`)

// gist is an answer without what varies.
func (a *answer) gist(secrets ...string) string {
	text := string(a.body)
	if a.isHTML() {
		text = visibleText(a.body)
	}
	for _, s := range secrets {
		text = strings.ReplaceAll(text, s, "")
	}
	to := ""
	if l := a.location(); l != nil {
		to = maskPath(l.EscapedPath())
	}
	return fmt.Sprint(a.status, " ", to, " ", varying.ReplaceAllString(text, "#"))
}

// mentioned puts the names first that an answer speaks of.
func mentioned(names []string, said string) []string {
	first := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !mentions(said, n) })
	rest := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return mentions(said, n) })
	return append(first, rest...)
}

// mentions reports a name that stands as a word in a text.
func mentions(said, name string) bool {
	return regexp.MustCompile(`(?i)(^|[^a-z0-9_])` + regexp.QuoteMeta(name) + `($|[^a-z0-9_])`).MatchString(said)
}
