// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"net/http"
	"testing"
	"time"
)

// noon is the present of the tests over cookies.
func noon() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) }

func TestSetCookieCondition(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		lines []string
		want  bool
	}{
		{"none", nil, false},
		{"plain", []string{"sid=1"}, true},
		{"with attributes", []string{"sid=1; Path=/; HttpOnly; Secure; SameSite=Lax"}, true},
		{"blanks around", []string{"  sid = 1 ;Path=/"}, true},
		{"quoted value", []string{`sid="2|1:0"; Path=/`}, true},
		{"among others", []string{"a=1", "sid=1", "b=2"}, true},
		{"another cookie", []string{"asid=1"}, false},
		{"another case", []string{"SID=1"}, false},
		{"only in a value", []string{"a=sid=1"}, false},
		{"only in an attribute", []string{"a=1; sid=1"}, false},
		{"empty value", []string{"sid=; Path=/"}, false},
		{"empty quoted value", []string{`sid=""; Path=/`}, false},
		{"blank quoted value", []string{`sid=" "; Path=/`}, false},
		{"no equals sign", []string{"sid"}, false},
		{"no name", []string{"=1"}, false},
		{"empty line", []string{""}, false},
		{"control character in the value", []string{"sid=a\x01b"}, false},
		{"not ASCII in the value", []string{"sid=é"}, false},
		{"Max-Age ahead", []string{"sid=1; Max-Age=3600"}, true},
		{"Max-Age 0", []string{"sid=1; Max-Age=0"}, false},
		{"Max-Age 00", []string{"sid=1; max-age=00"}, false},
		{"Max-Age -1", []string{"sid=1; MAX-AGE=-1"}, false},
		{"Max-Age far below 0", []string{"sid=1; Max-Age=-99999999999999999999"}, false},
		{"Max-Age very long", []string{"sid=1; Max-Age=99999999999999999999"}, true},
		{"Max-Age unreadable", []string{"sid=1; Max-Age=soon"}, false},
		{"Max-Age empty", []string{"sid=1; Max-Age"}, false},
		{"Max-Age twice, one deletes", []string{"sid=1; Max-Age=0; Max-Age=5"}, false},
		{"Expires ahead", []string{"sid=1; Expires=Fri, 01 May 2026 12:00:01 GMT"}, true},
		{"Expires now", []string{"sid=1; Expires=Fri, 01 May 2026 12:00:00 GMT"}, false},
		{"Expires in the past", []string{"sid=1; expires=Thu, 01 Jan 1970 00:00:00 GMT"}, false},
		{"Expires with dashes, past", []string{"sid=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT"}, false},
		{"Expires with dashes, ahead", []string{"sid=1; expires=Sat, 02-May-2026 00:00:01 GMT"}, true},
		{"Expires with a short year", []string{"sid=1; expires=Sat, 02-May-26 00:00:01 GMT"}, true},
		{"Expires as RFC 850, past", []string{"sid=1; expires=Thursday, 01-Jan-70 00:00:00 GMT"}, false},
		{"Expires as asctime, ahead", []string{"sid=1; expires=Sat May  2 00:00:01 2026"}, true},
		{"Expires with an offset, past", []string{"sid=1; expires=Fri, 01 May 2026 13:00:00 +0200"}, false},
		{"Expires quoted, ahead", []string{`sid=1; Expires="Sat, 02 May 2026 00:00:00 GMT"`}, true},
		{"Expires unreadable", []string{"sid=1; Expires=0"}, false},
		{"Max-Age ahead, Expires past", []string{"sid=1; Max-Age=5; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}, false},
		{"set, then deleted", []string{"sid=1; Path=/", "sid=; Path=/; Max-Age=0"}, false},
		{"deleted, then set", []string{"sid=; Path=/; Max-Age=0", "sid=1; Path=/"}, true},
		{"set, then deleted for another path", []string{"sid=1; Path=/", "sid=; Path=/old; Max-Age=0"}, true},
		{"set, then deleted for another domain", []string{"sid=1; Domain=a.example", "sid=; Domain=b.example; Max-Age=0"}, true},
		{"set, then deleted, domain spelled otherwise", []string{"sid=1; Domain=a.example", "sid=; domain=.A.example; Max-Age=0"}, false},
		{"set, then set again", []string{"sid=1", "sid=2"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for kind, c := range map[string]*Condition{
				"set_cookie":        cookieSet("sid"),
				"set_cookie_regexp": {SetCookieRegexp: "^sid$"},
			} {
				o := mustCompile(t, outcomeOf("success", allOf(c)))
				o.now = noon
				v, ok := o.byHeader(&answer{status: 200, header: http.Header{"Set-Cookie": tt.lines}})
				if !ok || (v == verdictSuccess) != tt.want {
					t.Errorf("%s: got %s, %v, want %v", kind, v, ok, tt.want)
				}
			}
		})
	}
}

func TestSetCookieRegexp(t *testing.T) {
	t.Parallel()
	o := mustCompile(t, outcomeOf("success", allOf(&Condition{SetCookieRegexp: "^wordpress_logged_in_"})))
	for line, want := range map[string]verdict{
		"wordpress_logged_in_0a1b=user%7C1; path=/": verdictSuccess,
		"wordpress_test_cookie=WP%20Cookie%20check": verdictUnclassified,
		"x_wordpress_logged_in_=1":                  verdictUnclassified,
		"wordpress_logged_in_0a1b=+; Max-Age=0":     verdictUnclassified,
	} {
		if got := o.evaluate(&answer{header: http.Header{"Set-Cookie": {line}}}); got != want {
			t.Errorf("%q: got %s, want %s", line, got, want)
		}
	}
}

func FuzzReadSetCookie(f *testing.F) {
	for _, line := range []string{
		"sid=1; Path=/; HttpOnly", `sid=""`, "sid=; Max-Age=0", "sid=1; Max-Age=-1; Expires=Thu, 01-Jan-70 00:00:01 GMT",
		"a=b=c; domain=.X; path", ";;;", "=", "sid=1;expires=", "sid=1;;max-age=9",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		ck, ok := readSetCookie(line, noon)
		if !ok {
			if ck != (setCookie{}) {
				t.Errorf("%q: refused, but gave %+v", line, ck)
			}
			return
		}
		// What counts as set must be set for the standard library as well.
		std, err := http.ParseSetCookie(line)
		if err != nil || std.Name != ck.name {
			t.Fatalf("%q: got %+v, the standard library %v, %v", line, ck, std, err)
		}
		if ck.live && (std.Value == "" || std.MaxAge < 0 || !std.Expires.IsZero() && !std.Expires.After(noon())) {
			t.Errorf("%q: live, but the standard library reads %v", line, std)
		}
	})
}
