// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

func basic(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }

func TestReadBasic(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		values []string
		want   string // "user:secret", "absent" or the reason
	}{
		{"plain", []string{basic("alice:x")}, "alice:x"},
		{"scheme in other case", []string{"bAsIc YWxpY2U6eA=="}, "alice:x"},
		{"colons in the secret", []string{basic("alice:a:b")}, "alice:a:b"},
		{"empty secret", []string{basic("token:")}, "token:"},
		{"UTF-8", []string{basic("josé:ß")}, "josé:ß"},
		{"none", nil, "absent"},
		{"empty", []string{""}, "absent"},
		{"Bearer", []string{"Bearer abc.def"}, "absent"},
		{"Bearer with basic inside", []string{"Bearer basicbasic.basic"}, "absent"},
		{"longer scheme", []string{"BasicX YWxpY2U6eA=="}, "bad_basic"},
		{"without a blank, as Radicale takes it", []string{"BasicYWxpY2U6eA=="}, "bad_basic"},
		{"without a blank, in other case", []string{"bASICYWxpY2U6eA=="}, "bad_basic"},
		{"with a colon", []string{"Basic:YWxpY2U6eA=="}, "bad_basic"},
		{"with an ignorable character", []string{"Basic\u200bYWxpY2U6eA=="}, "bad_basic"},
		{"two headers", []string{basic("a:b"), basic("c:d")}, "duplicate_header"},
		{"list", []string{basic("a:b") + ", " + basic("c:d")}, "bad_basic"},
		{"behind Bearer, as a PHP regexp finds it", []string{"Bearer Basic YWxpY2U6eA=="}, "bad_basic"},
		{"end of another scheme", []string{"XBasic YWxpY2U6eA=="}, "bad_basic"},
		{"leading blank", []string{" Basic YWxpY2U6eA=="}, "bad_basic"},
		{"full-width scheme", []string{"Ｂasic YWxpY2U6eA=="}, "bad_basic"},
		{"long s", []string{"Baſic YWxpY2U6eA=="}, "bad_basic"},
		{"scheme alone", []string{"Basic"}, "bad_basic"},
		{"nothing encoded", []string{"Basic "}, "bad_basic"},
		{"tab", []string{"Basic\tYWxpY2U6eA=="}, "bad_basic"},
		{"two blanks", []string{"Basic  YWxpY2U6eA=="}, "bad_basic"},
		{"blank behind", []string{"Basic YWxpY2U6eA== "}, "bad_basic"},
		{"blank inside", []string{"Basic YWxp Y2U6eA=="}, "bad_basic"},
		{"line break inside", []string{"Basic YWxp\r\nY2U6eA=="}, "bad_basic"},
		{"no padding", []string{"Basic YWxpY2U6eA"}, "bad_basic"},
		{"too much padding", []string{"Basic YWxpY2U6eA==="}, "bad_basic"},
		{"bits behind the end", []string{"Basic YWxpY2U6eB=="}, "bad_basic"},
		{"two encodings in a row", []string{"Basic YWxpY2U6eA==YWxpY2U6eA=="}, "bad_basic"},
		{"URL alphabet", []string{"Basic " + base64.URLEncoding.EncodeToString([]byte("alice:~~~???"))}, "bad_basic"},
		{"no colon", []string{basic("alice")}, "bad_basic"},
		{"empty user", []string{basic(":x")}, "missing_user"},
		{"blank user", []string{basic(" :x")}, "missing_user"},
		{"Latin-1", []string{basic("jos\xe9:x")}, "bad_basic"},
		{"P095 NUL", []string{basic("victim\x00x:y")}, "bad_basic"},
		{"line break in the secret", []string{basic("alice:x\n")}, "bad_basic"},
		{"C1 control", []string{basic("alice\u0085:x")}, "bad_basic"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			user, secret, present, err := credentials.ReadBasic(&http.Request{Header: http.Header{"Authorization": tc.values}})
			got := user + ":" + secret
			switch {
			case err != nil:
				got = string(err.Reason)
				if !present || user != "" || secret != "" {
					t.Errorf("a refusal goes with %q, %q, %v", user, secret, present)
				}
			case !present:
				got = "absent"
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// Radicale reads the credentials in the charset of the body, so that one account
// has any number of names.
func TestReadBasicBesideACharset(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, contentType, pair string
		refused                 bool
	}{
		{"none", "text/calendar", "alice:x", false},
		{"empty", "", "alice:x", false},
		{"UTF-8", "text/calendar; charset=utf-8", "josé:ß", false},
		{"UTF-8 in quotes", `application/xml; charset="UTF-8"`, "josé:ß", false},
		{"Latin-1 and ASCII", "text/plain; charset=ISO-8859-15", "alice:x", false},
		{"Latin-1 and more", "text/plain; charset=ISO-8859-15", "josé:x", true},
		{"Latin-1 and more in the secret", "text/plain; charset=windows-1252", "alice:ß", true},
		{"UTF-7", "text/plain; charset=utf-7", "+AGE-lice:x", true},
		{"UTF-7 in capitals, behind others", "text/plain; x=1; CharSet=UTF-7;y=2", "+AGE-lice:x", true},
		{"UTF-7 in the value of another", `text/plain; x="charset=utf-7"`, "+AGE-lice:x", true},
		{"UTF-7 behind a blank", "text/plain; charset = utf-7", "+AGE-lice:x", true},
		{"the second of two", "text/plain; charset=utf-8; charset=utf-7", "+AGE-lice:x", true},
		{"glued to another word", "text/plain; xcharset=utf-7", "+AGE-lice:x", true},
		{"UTF-16", "text/csv; charset=utf-16", "ab:x", true},
		{"escapes", "text/plain; charset=unicode_escape", `\x61lice:x`, true},
		{"EBCDIC", "text/plain; charset=cp500", "alice:x", true},
		{"unknown", "text/plain; charset=x-none", "alice:x", true},
		{"no name", "text/plain; charset=", "alice:x", true},
		{"a family without its number", "text/plain; charset=iso-8859-", "alice:x", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{Header: http.Header{"Authorization": {basic(tc.pair)}, "Content-Type": {tc.contentType}}}
			_, secret, present, err := credentials.ReadBasic(r)
			if !present || (err != nil) != tc.refused || err == nil && secret == "" {
				t.Errorf("present %t, refused with %v, want %t", present, err, tc.refused)
			}
			if err != nil && err.Reason != credentials.ReasonContentType {
				t.Errorf("reason %s", err.Reason)
			}
		})
	}
}

// FuzzBasic: net/http reads what we read, and has nothing where we see none.
func FuzzBasic(f *testing.F) {
	for _, seed := range []string{basic("alice:x"), "basic YTpi", "Bearer abc", "Basic YTpi, Basic YzpkCg==", "XBasic YTpi", "Basic YTpi="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := &http.Request{Header: http.Header{"Authorization": {value}}}
		user, secret, present, err := credentials.ReadBasic(r)
		if err != nil {
			return
		}
		wantUser, wantSecret, ok := r.BasicAuth()
		if ok != present || user != wantUser || secret != wantSecret {
			t.Fatalf("%q: %q, %q, %v to us; %q, %q, %v to net/http", value, user, secret, present, wantUser, wantSecret, ok)
		}
		trimmed := &http.Request{Header: http.Header{"Authorization": {strings.TrimSpace(value)}}}
		if u, s, ok := trimmed.BasicAuth(); ok != present || u != user || s != secret {
			t.Fatalf("%q reads in another way when trimmed", value)
		}
	})
}
