// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

func compiledNames(tb testing.TB, o credentials.NameOptions) *credentials.Names {
	tb.Helper()
	n, err := credentials.CompileNames(o)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// everyOption has all options on.
var everyOption = credentials.NameOptions{
	IgnoreAccents: true, StripDomains: []string{"CORP", "example.test"}, StripPlusTags: true, UnderscoreIsBlank: true, StripTrailingDots: true,
	Aliases: map[string]string{"Boss@other.test": "alice", "b": "bob", "bob": "bob"},
}

func TestCanonicalOptions(t *testing.T) {
	t.Parallel()
	type o = credentials.NameOptions
	for _, tc := range []struct {
		name     string
		options  o
		in, want string
	}{
		{"P098 alias", o{Aliases: map[string]string{"Alice@Example.test": "ALICE"}}, "alice@example.test", "alice"},
		{"P098 alias in another spelling", o{Aliases: map[string]string{"alice@example.test": "alice"}}, "\uff21lice@example.test ", "alice"},
		{"no alias", o{Aliases: map[string]string{"alice@example.test": "alice"}}, "alicia@example.test", "alicia@example.test"},
		{"P099 domain", o{StripDomains: []string{"CORP"}}, `Corp\Alice`, "alice"},
		{"P099 domain behind", o{StripDomains: []string{"corp"}}, "alice@CORP", "alice"},
		{"domain twice", o{StripDomains: []string{"corp"}}, `corp\corp\alice@corp@corp`, "alice"},
		{"other domain stays", o{StripDomains: []string{"corp"}}, `other\alice@corp.test`, `other\alice@corp.test`},
		{"every domain", o{StripDomains: []string{"*"}}, `a\b\alice@c@d`, "alice"},
		{"only a domain", o{StripDomains: []string{"corp"}}, `corp\`, "missing_user"},
		{"domain, case kept", o{StripDomains: []string{"corp"}, KeepCase: true}, `CORP\Alice`, "Alice"},
		{"P100 plus tag", o{StripPlusTags: true}, "user+tag@example.test", "user@example.test"},
		{"plus tag without a domain", o{StripPlusTags: true}, "user+a+b", "user"},
		{"plus in the domain stays", o{StripPlusTags: true}, "user@a+b", "user@a+b"},
		{"telephone number", o{StripPlusTags: true}, "+4912345", "+4912345"},
		{"P101 accents", o{IgnoreAccents: true}, "JOS\u00c9", "jose"},
		{"P101 decomposed", o{IgnoreAccents: true}, "jose\u0301", "jose"},
		{"letters that do not decompose", o{IgnoreAccents: true}, "\u0141\u00f8\u00e6\u00f0\u0131", "loaedi"},
		{"Turkish", o{IgnoreAccents: true}, "\u0130", "i"},
		{"Devanagari vowels stay", o{IgnoreAccents: true}, "\u0915\u0941", "\u0915\u0941"},
		{"Cyrillic a stays", o{IgnoreAccents: true}, "\u0430lice", "\u0430lice"},
		{"P102 trailing dot", o{StripTrailingDots: true}, "alice. .", "alice"},
		{"dots inside stay", o{StripTrailingDots: true}, ".a.b", ".a.b"},
		{"only dots", o{StripTrailingDots: true}, "...", "missing_user"},
		{"underscores", o{UnderscoreIsBlank: true}, "_al__ice_", "al ice"},
		{"first letter", o{KeepCase: true, UpperFirst: true}, "alice B", "Alice B"},
		{"first letter of two bytes", o{KeepCase: true, UpperFirst: true}, " \u00e9lan", "\u00c9lan"},
		{"first letter that becomes two", o{KeepCase: true, UpperFirst: true}, "\u00dfeta", "SSeta"},
		{"first letter behind a blank", o{KeepCase: true, UpperFirst: true, UnderscoreIsBlank: true}, "_alice", "Alice"},
		{"forms kept", o{KeepCase: true, KeepForms: true}, "\uff21li\ufb01", "\uff21li\ufb01"},
		{"forms kept, composed", o{KeepForms: true}, "e\u0301", "\u00e9"},
		{"forms kept, not shown", o{KeepForms: true}, "a\u00adb", "a\u00adb"},
		{"case kept", o{KeepCase: true}, "Ali\uff23e", "AliCe"},
		{"all", everyOption, " CORP\\J\u00f3s\u00e9_x+t@Example.test. ", "jose x"},
		{"all, alias", everyOption, "BOSS+1@other.test", "alice"},
		{"all, alias behind a domain", everyOption, `corp\b`, "bob"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			names := compiledNames(t, tc.options)
			got, err := names.Canonical(tc.in)
			if err != nil {
				got = string(err.Reason)
			}
			if got != tc.want {
				t.Errorf("Canonical(%q) = %q, want %q", tc.in, got, tc.want)
			}
			if err == nil {
				if again, err := names.Canonical(got); err != nil || again != got {
					t.Errorf("of %q the canonical form is %q, %v", got, again, err)
				}
			}
		})
	}
}

func TestCompileNamesRefuses(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]credentials.NameOptions{
		`"a@b" is no domain`:            {StripDomains: []string{"a@b"}},
		`"" is no domain`:               {StripDomains: []string{""}},
		`can have the alias "\x00"`:     {Aliases: map[string]string{"\x00": "a"}},
		`can have the name " "`:         {Aliases: map[string]string{"a": " "}},
		`"a" leads to "b" and to "c"`:   {Aliases: map[string]string{"a": "b", "A": "c"}},
		`"b", which is an alias itself`: {Aliases: map[string]string{"a": "b", "b": "c"}},
		`"a", which is an alias itself`: {Aliases: map[string]string{"a": "b", "B": "A"}},
	} {
		if _, err := credentials.CompileNames(o); err == nil || !strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), "which is an alias itself") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// With every option canonical forms are their own canonical forms, too.
func TestCanonicalEveryRuneWithOptions(t *testing.T) {
	t.Parallel()
	names := compiledNames(t, everyOption)
	kept := compiledNames(t, credentials.NameOptions{KeepCase: true, IgnoreAccents: true})
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cf) || unicode.In(r, unicode.Han, unicode.Hangul, unicode.Tangut) {
			continue // these neither fold nor decompose, but for Hangul, which has the test without options
		}
		for _, n := range []*credentials.Names{names, kept} {
			got, err := n.Canonical("x" + string(r) + "y")
			if err != nil {
				continue
			}
			if again, err := n.Canonical(got); err != nil || again != got {
				t.Fatalf("Canonical(x%Uy) = %q, of which the canonical form is %q, %v", r, got, again, err)
			}
		}
	}
}

func TestNamePattern(t *testing.T) {
	t.Parallel()
	kept := compiledNames(t, credentials.NameOptions{KeepCase: true})
	for _, tc := range []struct {
		pattern, name string
		names         *credentials.Names
		want          bool
	}{
		{"", "any thing", credentials.NewNames(), true},
		{"[a-z]+", "alice", credentials.NewNames(), true},
		{"[a-z]+", " Alice ", credentials.NewNames(), true},
		{"[a-z]+", "Alice", kept, false},
		{"[a-z]+", "alice1", credentials.NewNames(), false},
		{"[a-z]+", "alice\n", credentials.NewNames(), false},
		{"[a-z]+", "\u212a", credentials.NewNames(), false},
		{"[a-z]+", "\uff41lice", credentials.NewNames(), false},
		{"a|b", "ab", credentials.NewNames(), false},
		{"(?m)^a$", "a\nb", credentials.NewNames(), false},
	} {
		p, err := credentials.NewNamePattern(tc.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Check(tc.name, tc.names) == nil; got != tc.want {
			t.Errorf("%q takes %q: %t, want %t", tc.pattern, tc.name, got, tc.want)
		}
	}
	for _, bad := range []string{"(", "a)|(b", "[z-a]"} {
		if _, err := credentials.NewNamePattern(bad); err == nil {
			t.Errorf("accepted %q", bad)
		}
	}
}
