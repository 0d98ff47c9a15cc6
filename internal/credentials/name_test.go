// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	names := credentials.NewNames()
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "alice@example.test", "alice@example.test"},
		{"P090 case", "AliCE", "alice"},
		{"P091 blanks around", "  alice ", "alice"},
		{"P091 blanks inside", "al  ice\u3000b", "al ice b"},
		{"no-break space around", "\u00a0alice\u00a0", "alice"},
		{"P092 full-width", "ａｌｉｃｅ", "alice"},
		{"P093 composed", "jos\u00e9", "jos\u00e9"},
		{"P093 decomposed", "jose\u0301", "jos\u00e9"},
		{"P093 decomposed capital", "JOSE\u0301", "jos\u00e9"},
		{"P094 zero-width space", "al\u200bice", "alice"},
		{"soft hyphen", "al\u00adice", "alice"},
		{"combining grapheme joiner between letter and accent", "jose\u034f\u0301", "jos\u00e9"},
		{"Hangul filler", "al\u3164ice", "alice"},
		{"half-width Hangul filler", "al\uffa0ice", "alice"},
		{"variation selector", "alice\ufe0f", "alice"},
		{"tag", "alice\U000e0061", "alice"},
		{"bidi override", "\u202ealice", "alice"},
		{"blank behind an ignorable", "alice \u200b", "alice"},
		{"P096 dotted capital I", "İ", "i\u0307"},
		{"P096 dotless i", "ı", "ı"},
		{"P096 capital I", "I", "i"},
		{"sharp s", "STRAẞE", "strasse"},
		{"final sigma", "ΣΑΣ ς", "σασ σ"},
		{"Kelvin sign", "\u212a", "k"},
		{"ligature", "ﬁ", "fi"},
		{"P103 Cyrillic a", "аlice", "аlice"},
		{"P101 accent kept", "josé", "josé"},
		{"P100 plus kept", "user+tag@example.test", "user+tag@example.test"},
		{"P102 trailing dot kept", "alice.", "alice."},
		{"P031 empty", "", "missing_user"},
		{"P032 blanks only", " \u2003 ", "missing_user"},
		{"ignorables only", "\u200b\u00ad", "missing_user"},
		{"escape", "%61lice", "bad_name"},
		{"full-width escape", "\uff0561lice", "bad_name"},
		{"P095 NUL", "victim\x00x", "bad_name"},
		{"P097 tab around", "\talice", "bad_name"},
		{"P097 line break around", "alice\n", "bad_name"},
		{"delete", "alice\x7f", "bad_name"},
		{"C1 control", "alice\u0085", "bad_name"},
		{"invalid UTF-8", "alice\xff", "bad_name"},
		{"encoded surrogate", "\xed\xa0\x80", "bad_name"},
		{"replacement character", "alice\ufffd", "bad_name"},
		{"200 runes", strings.Repeat("a", 200), strings.Repeat("a", 200)},
		{"201 runes", strings.Repeat("a", 201), "bad_name"},
		{"800 bytes", strings.Repeat("\U00020000", 200), strings.Repeat("\U00020000", 200)},
		{"200 runes that expand", strings.Repeat("\ufdfa", 200), "bad_name"},
		{"P033 10 KB", strings.Repeat("a", 10<<10), "bad_name"},
		{"P033 1 MB", strings.Repeat("é", 1<<19), "bad_name"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := names.Canonical(tc.in)
			if err != nil {
				got = string(err.Reason)
			}
			if got != tc.want {
				t.Errorf("Canonical(%.40q) = %.40q, want %.40q", tc.in, got, tc.want)
			}
		})
	}
}

func checkCanonical(t *testing.T, names *credentials.Names, in string) {
	t.Helper()
	got, err := names.Canonical(in)
	if err != nil {
		return
	}
	if again, err := names.Canonical(got); err != nil || again != got {
		t.Fatalf("Canonical(%q) = %q, of which the canonical form is %q, %v", in, got, again, err)
	}
	if got == "" || len(got) > 800 || utf8.RuneCountInString(got) > 200 || !utf8.ValidString(got) || strings.TrimSpace(got) != got {
		t.Fatalf("Canonical(%q) = %q", in, got)
	}
	if strings.ContainsFunc(got, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) }) || !norm.NFKC.IsNormalString(got) {
		t.Fatalf("Canonical(%q) = %q holds what it should not", in, got)
	}
	for _, other := range []string{norm.NFD.String(in), norm.NFC.String(in), " " + in + " ", "\u200b" + in, strings.ToLower(norm.NFKC.String(in))} {
		if same, err := names.Canonical(other); err == nil && same != got && !strings.ContainsAny(in, "İ") && !strings.Contains(in, "\u0307") {
			t.Fatalf("Canonical(%q) = %q, but Canonical(%q) = %q", in, got, other, same)
		}
	}
}

func TestCanonicalEveryRune(t *testing.T) {
	t.Parallel()
	names := credentials.NewNames()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		got, err := names.Canonical(string(r))
		if err != nil {
			continue
		}
		if again, err := names.Canonical(got); err != nil || again != got {
			t.Fatalf("Canonical(%U) = %q, of which the canonical form is %q, %v", r, got, again, err)
		}
	}
}

// TestMatchEveryRune: target folding reduces a letter to ASCII wherever NFKC
// and full case folding do.
func TestMatchEveryRune(t *testing.T) {
	t.Parallel()
	fold := cases.Fold()
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		ascii := norm.NFKC.String(fold.String(norm.NFKC.String(string(r))))
		if !utf8.ValidRune(r) || strings.ContainsFunc(ascii, func(r rune) bool { return r >= 0x80 || r <= ' ' || strings.ContainsRune("/\\.;?#%*\"<>^`{|}", r) }) {
			continue
		}
		paths, err := credentials.NewPaths([]string{"/a" + ascii + "b"})
		if err != nil {
			t.Fatalf("%U: %v", r, err)
		}
		if !paths.Match("/a" + string(r) + "b").Folded {
			t.Errorf("%U is not folded to %q", r, ascii)
		}
	}
}

func TestCanonicalConcurrently(t *testing.T) {
	t.Parallel()
	names := credentials.NewNames()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				if got, _ := names.Canonical("JOSE\u0301 ẞ"); got != "jos\u00e9 ss" {
					t.Errorf("got %q", got)
				}
			}
		})
	}
	group.Wait()
}

func TestCanonicalAllocations(t *testing.T) {
	names := credentials.NewNames()
	if got := testing.AllocsPerRun(100, func() { _, _ = names.Canonical("alice@example.test") }); got != 0 {
		t.Errorf("a plain name allocates %v times", got)
	}
}

func FuzzName(f *testing.F) {
	for _, seed := range []string{"alice", "JOSE\u0301", "\u0345\u0345ΐ", "İı", "a\u034f\u0301", "\u1e9e \u3164", "\ufdfa", `corp\a_b+c@example.test.`, "b", "boss@other.test."} {
		f.Add(seed)
	}
	names := credentials.NewNames()
	options := compiledNames(f, everyOption)
	f.Fuzz(func(t *testing.T, in string) {
		checkCanonical(t, names, in)
		got, err := options.Canonical(in)
		if err != nil {
			return
		}
		if again, err := options.Canonical(got); err != nil || again != got {
			t.Fatalf("with options Canonical(%q) = %q, of which the canonical form is %q, %v", in, got, again, err)
		}
	})
}

func BenchmarkCanonical(b *testing.B) {
	names := credentials.NewNames()
	for _, bc := range []struct{ name, in string }{{"plain", "alice@example.test"}, {"upper", "Alice@Example.test"}, {"accents", "jose\u0301.garci\u0301a"}} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := names.Canonical(bc.in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
