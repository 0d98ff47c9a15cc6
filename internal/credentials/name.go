// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
)

const (
	maxNameRunes = 200
	maxNameBytes = 800
	// maxNamePasses bounds the search for a stable form. Two passes are enough
	// for every name that was tried; a name that needs more is refused.
	maxNamePasses = 8
)

// Names reduces user names to their canonical form, the key that counters are
// kept under (D10). It is safe for concurrent use.
type Names struct {
	options NameOptions
	domains map[string]bool   // of StripDomains, canonical
	aliases map[string]string // canonical, to canonical
}

// NewNames returns the default rules.
func NewNames() *Names { return &Names{} }

// Canonical returns the canonical form of a name: NFKC, without ignorable
// characters, full case folding, outer white space removed, inner white space
// reduced to single blanks, and what the options say. Canonical forms are their
// own canonical form.
//
// Without options it merges only spellings that services commonly take for one
// account, never different letters: Latin a and Cyrillic а stay two people.
// Inner blanks are squeezed beyond D10 because WordPress and MediaWiki do the
// same. Control characters, invalid UTF-8, escapes that someone may decode once
// more, names that come out empty or over 200 runes or 800 bytes are refused.
func (n *Names) Canonical(name string) (string, *Refusal) {
	if isPlainName(name) && !n.concerns(name) {
		return n.resolve(name), nil
	}
	if len(name) > maxNameBytes || utf8.RuneCountInString(name) > maxNameRunes {
		return "", Refuse(ReasonBadName, "the user name is too long")
	}
	if !utf8.ValidString(name) {
		return "", Refuse(ReasonBadName, "the user name is not valid UTF-8")
	}
	for _, r := range name {
		// Readers that repair put U+FFFD in place of different bytes.
		if isControl(r) || r == utf8.RuneError {
			return "", Refuse(ReasonBadName, "the user name holds a control or replacement character")
		}
	}
	// Folding can undo composition, and dropping a character can join two
	// others, so one pass is not always stable.
	for range maxNamePasses {
		before := name
		name = n.compose(name)
		if !n.options.KeepCase {
			// A Caser may hold state, so none is shared between requests.
			name = n.compose(cases.Fold().String(name))
		}
		name = n.reduce(name)
		name = n.upperFirst(strings.Join(strings.Fields(name), " "))
		if name == before {
			name, err := checkCanonical(name)
			if err != nil {
				return "", err
			}
			return n.resolve(name), nil
		}
	}
	return "", Refuse(ReasonBadName, "the user name has no stable form")
}

func checkCanonical(name string) (string, *Refusal) {
	switch {
	case name == "":
		return "", Refuse(ReasonMissingUser, "the user name is empty")
	case len(name) > maxNameBytes, utf8.RuneCountInString(name) > maxNameRunes:
		return "", Refuse(ReasonBadName, "the user name is too long")
	case holdsEscape(name):
		// Servers that decode once more read another name.
		return "", Refuse(ReasonBadName, "the user name holds an escape")
	}
	return name, nil
}

// holdsEscape reports whether %XX is in the text.
func holdsEscape(text string) bool {
	for {
		at := strings.IndexByte(text, '%')
		if at < 0 || at+2 >= len(text) {
			return false
		}
		if isHex(text[at+1]) && isHex(text[at+2]) {
			return true
		}
		text = text[at+1:]
	}
}

// isPlainName reports whether the name is canonical already: lower-case ASCII
// in single words without a percent sign, as most names are.
func isPlainName(name string) bool {
	if name == "" || len(name) > maxNameRunes || name[0] == ' ' || name[len(name)-1] == ' ' {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c < ' ' || c >= 0x7f || 'A' <= c && c <= 'Z' || c == '%' || c == ' ' && name[i-1] == ' ' {
			return false
		}
	}
	return true
}

func dropIgnorable(r rune) rune {
	if isIgnorable(r) {
		return -1
	}
	return r
}

// isIgnorable reports a character that is shown as nothing: format characters
// and Default_Ignorable_Code_Point.
func isIgnorable(r rune) bool {
	if r < 0xad {
		return false
	}
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		0xe0000 <= r && r <= 0xe0fff
}

// isControl reports a character of category Cc.
func isControl(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }
