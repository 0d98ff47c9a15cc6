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
		{"longer scheme", []string{"BasicX YWxpY2U6eA=="}, "absent"},
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
