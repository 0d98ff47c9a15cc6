// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// NameOptions say what else a login service takes for one account. All are off
// by default, because they merge what are distinct people elsewhere.
type NameOptions struct {
	// KeepCase keeps Alice and alice apart.
	KeepCase bool
	// IgnoreAccents makes é and e one.
	IgnoreAccents bool
	// StripDomains drops these domains from DOMAIN\user and user@domain; "*"
	// stands for every domain.
	StripDomains []string
	// StripPlusTags drops +tag from user+tag and user+tag@domain.
	StripPlusTags bool
	// UnderscoreIsBlank makes a_b and "a b" one.
	UnderscoreIsBlank bool
	// StripTrailingDots drops dots at the end.
	StripTrailingDots bool
	// KeepForms keeps what is composed of other characters apart from what is one
	// by compatibility (ﬁ and fi, Ａ and A), and characters that are not shown.
	KeepForms bool
	// UpperFirst makes alice and Alice one although KeepCase keeps ALICE apart.
	UpperFirst bool
	// Aliases lead from other names of a user to the one that is counted.
	Aliases map[string]string
}

// CompileNames returns rules with options. Its errors name what contradicts
// itself.
func CompileNames(o NameOptions) (*Names, error) {
	n := &Names{options: o, domains: make(map[string]bool, len(o.StripDomains))}
	for _, written := range o.StripDomains {
		domain, err := NewNames().Canonical(written)
		if err != nil || strings.ContainsAny(domain, `\@`) {
			return nil, fmt.Errorf("compiling names: %q is no domain", written)
		}
		n.domains[domain] = true
	}
	aliases := make(map[string]string, len(o.Aliases))
	for from, to := range o.Aliases {
		alias, err := n.Canonical(from)
		if err != nil {
			return nil, fmt.Errorf("compiling names: no login can have the alias %q: %w", from, err)
		}
		name, err := n.Canonical(to)
		if err != nil {
			return nil, fmt.Errorf("compiling names: no login can have the name %q: %w", to, err)
		}
		if other, again := aliases[alias]; again && other != name {
			return nil, fmt.Errorf("compiling names: the alias %q leads to %q and to %q", alias, min(other, name), max(other, name))
		}
		if alias != name {
			aliases[alias] = name
		}
	}
	for alias, name := range aliases {
		if _, chained := aliases[name]; chained {
			return nil, fmt.Errorf("compiling names: the alias %q leads to %q, which is an alias itself", alias, name)
		}
	}
	n.aliases = aliases
	return n, nil
}

// keepsCase reports whether names that differ in case are two.
func (n *Names) keepsCase() bool { return n.options.KeepCase }

// resolve follows an alias. No alias leads to another.
func (n *Names) resolve(name string) string {
	if to, ok := n.aliases[name]; ok {
		return to
	}
	return name
}

// concerns reports whether an option may change a name that is plain ASCII in
// lower case.
func (n *Names) concerns(name string) bool {
	o := &n.options
	return o.UpperFirst && name[0] >= 'a' && name[0] <= 'z' ||
		o.StripPlusTags && strings.IndexByte(name, '+') >= 0 ||
		o.UnderscoreIsBlank && strings.IndexByte(name, '_') >= 0 ||
		o.StripTrailingDots && strings.HasSuffix(name, ".") ||
		len(o.StripDomains) > 0 && strings.ContainsAny(name, `\@`)
}

// compose brings characters to one form.
func (n *Names) compose(name string) string {
	if n.options.KeepForms {
		return norm.NFC.String(name)
	}
	return norm.NFKC.String(strings.Map(dropIgnorable, name))
}

// upperFirst writes the first character as services do that begin every name
// with a capital. It is one character, or more for ß and the like.
func (n *Names) upperFirst(name string) string {
	if !n.options.UpperFirst || !n.options.KeepCase {
		return name
	}
	_, size := utf8.DecodeRuneInString(name)
	return n.compose(cases.Upper(language.Und).String(name[:size]) + name[size:])
}

// reduce applies the options to a name that is folded. Each makes the name
// shorter or leaves it alone, so passes come to an end.
func (n *Names) reduce(name string) string {
	o := &n.options
	if o.IgnoreAccents {
		name = norm.NFKC.String(dropAccents(name))
	}
	if o.UnderscoreIsBlank {
		name = strings.ReplaceAll(name, "_", " ")
	}
	if o.StripTrailingDots {
		name = strings.TrimRight(name, ". ")
	}
	if len(o.StripDomains) > 0 {
		name = n.dropDomains(name)
	}
	if o.StripPlusTags {
		name = dropPlusTag(name)
	}
	return name
}

func (n *Names) dropDomains(name string) string {
	name = strings.TrimLeft(name, `\`) // of no domain, the server's own
	for {
		if domain, user, found := strings.Cut(name, `\`); found && n.strips(domain) {
			name = strings.TrimLeft(user, `\ `)
			continue
		}
		if i := strings.LastIndexByte(name, '@'); i >= 0 && n.strips(name[i+1:]) {
			name = name[:i]
			continue
		}
		return name
	}
}

func (n *Names) strips(domain string) bool {
	if n.domains["*"] {
		return true
	}
	domain = strings.TrimRight(strings.Trim(domain, " "), ".")
	if n.options.KeepCase {
		domain, _ = NewNames().Canonical(domain)
	}
	return n.domains[domain]
}

// dropPlusTag drops what stands behind the first plus sign of the local part. A
// name that begins with one is a telephone number.
func dropPlusTag(name string) string {
	local, domain := name, ""
	if i := strings.IndexByte(name, '@'); i >= 0 {
		local, domain = name[:i], name[i:]
	}
	if i := strings.IndexByte(local, '+'); i > 0 {
		return local[:i] + domain
	}
	return name
}

// dropAccents drops marks that combine with letters of any script, and takes
// letters that Unicode does not decompose for what most collations take them.
func dropAccents(name string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(name) {
		switch i := slices.Index(strokes, r); {
		case unicode.Is(unicode.Mn, r) && unicode.Is(unicode.Inherited, r):
		case i >= 0:
			b.WriteString(unstroked[i])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// The letters with a stroke, hook or ligature and what they are reduced to. In
// upper case they occur only where case is kept.
var (
	strokes   = []rune("øØđĐðÐħĦıłŁŧŦæÆœŒþÞ")
	unstroked = []string{"o", "O", "d", "D", "d", "D", "h", "H", "i", "l", "L", "t", "T", "ae", "AE", "oe", "OE", "th", "TH"}
)
