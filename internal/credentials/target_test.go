// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

func newPaths(tb testing.TB, patterns ...string) *credentials.Paths {
	tb.Helper()
	p, err := credentials.NewPaths(patterns)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

var sitePatterns = []string{"/login", "/wp-login.php", "/api/*", "/admin/Login/", "/v1/auth/login", "/.well-known/reset", "/rest*"}

const (
	exact  = "exact"
	folded = "folded"
	none   = "none"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	paths := newPaths(t, sitePatterns...)
	for _, tc := range []struct{ name, target, want string }{
		{"plain", "/login", exact},
		{"P070 trailing slash", "/login/", folded},
		{"P071 double slash", "//login", folded},
		{"P072 dot segment", "/./login", folded},
		{"P073 parent segment", "/x/../login", folded},
		{"P074 encoded letter", "/%6cogin", folded},
		{"P075 upper case", "/LOGIN", folded},
		{"P076 query", "/login?x=1", exact},
		{"P077 path parameter", "/login;jsessionid=1", folded},
		{"P078 encoded dot", "/login%2e", folded},
		{"P078 dot behind", "/login/.", folded},
		{"P079 absolute form", "http://example.test/login?x=1", exact},
		{"P079 absolute form, upper-case scheme", "HTTPS://EXAMPLE.test:8443/login", exact},
		{"P079 absolute form, folded path", "http://example.test/LOGIN", folded},
		{"P079 absolute form without host", "http:///login", folded},
		{"absolute form, path behind backslash", `http://example.test\login`, folded},
		{"scheme only", "http:login", folded},
		{"P080 encoded twice, slash", "/%252flogin", folded},
		{"P080 encoded twice, letter", "/%256cogin", folded},
		{"encoded three times", "/%25256cogin", folded},
		{"mixed escapes and case", "/%2e%2e/%4C%4f%47IN", folded},
		{"encoded trailing slash", "/login%2f", folded},
		{"backslash", `/\login`, folded},
		{"encoded backslash", "/x%5c..%5clogin", folded},
		{"literal backslash popped with its segment", `/a\b/../login`, folded},
		{"parameter on dot segment", "/x/..;/login", folded},
		{"empty parameter segment", "/;x=1/login", folded},
		{"parameter with encoded slash dropped before decoding", "/v1;a%2fb/auth/login", folded},
		{"all behind a parameter", "/login;a/b", folded},
		{"slash encoded and resolved before decoding", "/a%2fb/../login", folded},
		{"slashes not merged before resolving", "/login//..", folded},
		{"encoded question mark popped with its segment", "/a%3f/../login", folded},
		{"fragment popped with its segment", "/a#/../login", folded},
		{"NUL popped with its segment", "/a%00/../login", folded},
		{"NUL and extension", "/login%00.css", folded},
		{"NUL inside", "/lo%00gin", folded},
		{"control inside", "/lo%09gin", folded},
		{"controls around", "/%0dlogin%0a", folded},
		{"blank behind", "/login%20", folded},
		{"plus is no blank", "/login+", none},
		{"dots behind", "/login...", folded},
		{"dot segment of blanks and dots", "/x/.%20./login", folded},
		{"encoded question mark", "/login%3fx=1", folded},
		{"encoded fragment", "/login%23", folded},
		{"fragment", "/login#x", folded},
		{"extension", "/login.json", folded},
		{"extension, case and slash", "/LOGIN.json/", folded},
		{"extension of a pattern dropped", "/wp-login", none},
		{"extension behind an extension", "/wp-login.php.bak", folded},
		{"path info", "/wp-login.php/x", folded},
		{"path info, encoded", "/wp-login.php%2fx", folded},
		{"full-width letters", "/%EF%BD%8C%EF%BD%8F%EF%BD%87%EF%BD%89%EF%BD%8E", folded},
		{"full-width slash", "/x%EF%BC%8F..%EF%BC%8Flogin", folded},
		{"full-width percent sign", "/%EF%BC%856cogin", folded},
		{"raw full-width percent sign", "/\uff056cogin", folded},
		{"two-dot leader", "/x/%E2%80%A5/login", folded},
		{"long s and Kelvin sign fold", "/re%C5%BFt", folded},
		{"dotless i", "/log%C4%B1n", folded},
		{"dotted capital I", "/LOG%C4%B0N", folded},
		{"dotted i in two characters", "/logi%CC%87n", folded},
		{"zero-width space", "/log%E2%80%8Bin", folded},
		{"soft hyphen", "/log%C2%ADin", folded},
		{"invalid byte", "/login%ff", folded},
		{"overlong slash", "/x%c0%af..%c0%aflogin", folded},
		{"overlong dot", "/x/%c0%ae%c0%ae/login", folded},
		{"overlong letter in three bytes", "/%e0%81%acogin", folded},
		{"overlong NUL", "/login%c0%80x", folded},
		{"IIS escape", "/%u006cogin", folded},
		{"host in the path", "//evil.test/login", folded},
		{"host in the path, three slashes", "///evil.test/login", folded},
		{"host in the path, backslash", `/\evil.test/login`, folded},
		{"prefix", "/api/users", exact},
		{"prefix, escaped", "/api/users/a%40b", exact},
		{"prefix, case", "/API/users", folded},
		{"prefix without slash", "/api", folded},
		{"prefix with extension", "/api.json", folded},
		{"prefix left again", "/api/../x", folded},
		{"prefix left again, encoded", "/api/%2e%2e/x", folded},
		{"prefix left with parameter", "/api/..;/x", folded},
		{"prefix in part of a segment", "/restore", exact},
		{"prefix in part of a segment, case", "/Rest/x", folded},
		{"pattern with slash", "/admin/Login/", exact},
		{"pattern without its slash", "/admin/Login", folded},
		{"pattern in lower case", "/admin/login/", folded},
		{"pattern with leading dot", "/.well-known/reset", exact},
		{"pattern without leading dot", "/well-known/reset", folded},
		{"empty", "", none},
		{"asterisk form", "*", none},
		{"authority form", "example.test:443", none},
		{"root", "/", none},
		{"longer", "/login2", none},
		{"longer with blank inside", "/log%20in", none},
		{"below", "/login/x", none},
		{"in a deeper folder", "/x/login", none},
		{"in a deeper folder, escaped", "/my%20docs/login", none},
		{"in a deeper folder, encoded slash", "/group%2fproject/login", none},
		{"in a deeper folder, parameter", "/x;a=1/login", none},
		{"in the query", "/x?/login", none},
		{"in the query of an absolute form", "http://example.test?/login", none},
		{"encoded slash behind", "/login%2fx", none},
		{"hidden folder", "/.well-known/acme-challenge/x", none},
		{"asset", "/static/app.3f2a.js", none},
		{"encoded four times", "/%2525256cogin", none},
		{"letter outside ASCII", "/l%C3%B6gin", none},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := describe(paths.Match(tc.target)); got != tc.want {
				t.Errorf("Match(%q) is %s, want %s", tc.target, got, tc.want)
			}
		})
	}
}

func describe(m credentials.Match) string {
	switch {
	case m.Folded && m.Pattern >= 0:
		return "exact and folded"
	case m.Folded:
		return folded
	case m.Pattern >= 0:
		return exact
	}
	return none
}

func TestMatchChoosesPattern(t *testing.T) {
	t.Parallel()
	paths := newPaths(t, "/api/*", "/api/login", "/api/login", "/a.json", "/a", "/*")
	for _, tc := range []struct {
		name, target string
		want         credentials.Match
	}{
		{"whole path before prefix", "/api/login", credentials.Match{Pattern: 1}},
		{"first prefix", "/api/x", credentials.Match{Pattern: 0}},
		{"prefix, but another pattern in other spelling", "/api//login", credentials.Match{Pattern: -1, Folded: true}},
		{"prefix, but another pattern with extension", "/api/login.json", credentials.Match{Pattern: -1, Folded: true}},
		{"both spellings are patterns", "/a.json", credentials.Match{Pattern: 3}},
		{"everything", "/x%2fy", credentials.Match{Pattern: 5}},
		{"everything, climbing", "/x/../y", credentials.Match{Pattern: 5}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := paths.Match(tc.target); got != tc.want {
				t.Errorf("Match(%q) = %+v, want %+v", tc.target, got, tc.want)
			}
		})
	}
	for pattern, want := range []bool{true, true, true, false, false, true} {
		if got := paths.Exact("http://example.test/api/login?x", pattern); got != want {
			t.Errorf("Exact(/api/login, %d) = %v, want %v", pattern, got, want)
		}
	}
}

func TestMatchRoot(t *testing.T) {
	t.Parallel()
	paths := newPaths(t, "/")
	for target, want := range map[string]string{
		"/": exact, "/?x": exact, "http://h": exact, "//": folded, "/.": folded, "/x/..": folded, "/;a": folded, "/#": folded, "/x": none, "/x%20y": none,
	} {
		if got := describe(paths.Match(target)); got != want {
			t.Errorf("Match(%q) is %s, want %s", target, got, want)
		}
	}
}

func TestMatchEverything(t *testing.T) {
	t.Parallel()
	paths := newPaths(t, "/*")
	for target, want := range map[string]string{
		"/": exact, "/x": exact, "/x/../y": exact, "//x": exact, "/%00": exact, "*": none, "http://h": exact,
	} {
		if got := describe(paths.Match(target)); got != want {
			t.Errorf("Match(%q) is %s, want %s", target, got, want)
		}
	}
}

func TestMatchLongTarget(t *testing.T) {
	t.Parallel()
	paths := newPaths(t, "/login")
	if got := describe(paths.Match("/" + strings.Repeat("%61", 4000))); got != folded {
		t.Errorf("a long target that is not plain is %s, want folded", got)
	}
	if got := describe(paths.Match("/" + strings.Repeat("a", 12000))); got != none {
		t.Errorf("a long plain target is %s, want none", got)
	}
}

func TestNewPathsRefuses(t *testing.T) {
	t.Parallel()
	for name, pattern := range map[string]string{
		"empty": "", "star only": "*", "relative": "login", "query": "/login?x", "fragment": "/login#x", "escape": "/log%69n",
		"NUL": "/login\x00", "blank": "/log in", "parameter": "/login;x", "backslash": `/a\b`, "star inside": "/a*/b",
		"double slash": "//login", "double slash inside": "/a//b", "only slashes": "//", "dot": "/a/./b", "parent": "/a/../b", "dot behind": "/login.",
		"letters outside ASCII": "/entrée", "placeholder": "/users/{id}", "dots before star": "/a/..*",
		"too deep": strings.Repeat("/a", 61),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := credentials.NewPaths([]string{"/ok", pattern}); err == nil {
				t.Errorf("NewPaths(%q) succeeded", pattern)
			}
		})
	}
}

func TestMatchAllocations(t *testing.T) {
	paths := newPaths(t, sitePatterns...)
	for _, tc := range []struct {
		target string
		limit  float64
	}{
		{"/", 0}, {"/static/app.3f2a.js", 0}, {"/api/v1/items?page=2", 0}, {"/Docs/Index.HTML/", 0}, {"/.well-known/acme-challenge/x", 0},
		{"/a/../b", 0}, {"/a%20b", 0}, {"/x;y", 0}, {"/a//b", 0}, {"/caf%C3%A9/men%C3%BC", 2}, {"/%EF%BD%8Cogin", 2}, {"/" + strings.Repeat("%61", 300), 2},
	} {
		if got := testing.AllocsPerRun(100, func() { paths.Match(tc.target) }); got > tc.limit {
			t.Errorf("Match(%.30q) allocates %v times, want at most %v", tc.target, got, tc.limit)
		}
	}
}

// lenientReadings are what servers make of a target: each is the path that one
// known way of reading arrives at.
func lenientReadings(target string) []string {
	target, _, _ = strings.Cut(target, "?")
	var readings []string
	add := func(s string) {
		readings = append(readings, s)
		withoutParameters := strings.Split(s, "/")
		for i, segment := range withoutParameters {
			withoutParameters[i], _, _ = strings.Cut(segment, ";")
		}
		readings = append(readings, strings.Join(withoutParameters, "/"))
		for _, cut := range []string{"\x00", "#", "?", ";"} {
			before, _, _ := strings.Cut(s, cut)
			readings = append(readings, before)
		}
	}
	add(target)
	// Resolve first, as WHATWG URL does, then decode.
	resolved := path.Clean(target)
	for _, s := range []string{target, resolved} {
		for range 3 {
			decoded, err := url.PathUnescape(s)
			if err != nil {
				break
			}
			s = decoded
			add(s)
			add(strings.ReplaceAll(s, `\`, "/"))
		}
	}
	for _, s := range readings {
		readings = append(readings, path.Clean("/"+s))
	}
	return readings
}

// FuzzTarget: whatever one of the lenient readings takes for a guarded path,
// Match has to see, too.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"/login", "/a%2fb/../login", "/x/..;/login", "/login%00.css", "//h/login", `/a\b/../login`, "/v1;a%2fb/auth/login", "/%u006cogin", "/api/../x", "http://h/login", "/login#?a"} {
		f.Add(seed)
	}
	paths := newPaths(f, sitePatterns...)
	f.Fuzz(func(t *testing.T, target string) {
		m := paths.Match(target)
		if m.Folded && m.Pattern >= 0 {
			t.Fatalf("Match(%q) is exact and folded", target)
		}
		if m.Pattern >= 0 && !paths.Exact(target, m.Pattern) {
			t.Fatalf("Match(%q) and Exact disagree", target)
		}
		if len(target) > 1000 || !strings.HasPrefix(target, "/") {
			return
		}
		for _, reading := range lenientReadings(target) {
			for _, guarded := range []string{"/login", "/wp-login.php", "/v1/auth/login"} {
				if reading == guarded && m.Pattern < 0 && !m.Folded {
					t.Fatalf("Match(%q) misses %s", target, guarded)
				}
			}
			// Leaving a prefix that the bytes begin with must not look exact.
			if m.Pattern == 2 && path.Clean("/"+reading) == "/x" {
				t.Fatalf("Match(%q) takes %q for a path below /api/", target, reading)
			}
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	paths := newPaths(b, sitePatterns...)
	for _, bc := range []struct{ name, target string }{
		{"root", "/"}, {"asset", "/static/app.3f2a.js"}, {"query", "/docs/v1/items?page=2"}, {"upper", "/Docs/Index.HTML/"}, {"hit", "/login"}, {"prefix", "/api/v1/items?page=2"},
		{"hidden", "/.well-known/acme-challenge/x"}, {"escaped", "/files/a%20b/c%2Bd.txt"}, {"unicode", "/caf%C3%A9/men%C3%BC"}, {"folded", "/x/..;/LOG%49N.json"},
	} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				paths.Match(bc.target)
			}
		})
	}
}

func BenchmarkMatchOnePattern(b *testing.B) {
	paths := newPaths(b, "/login")
	for _, target := range []string{"/", "/static/app.3f2a.js", "/api/v1/items?page=2"} {
		b.Run(target, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				paths.Match(target)
			}
		})
	}
}
