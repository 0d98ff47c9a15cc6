// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

func TestReadFactorSecondAndKeys(t *testing.T) {
	t.Parallel()
	rule := newRule(t, credentials.LoginConfig{
		Form: true, JSON: true,
		User:   []credentials.Place{{From: "cookie", Name: "sid", Raw: true}},
		Secret: []credentials.Place{at("field", "code")},
		Factor: []credentials.Place{at("field", "type")},
		Second: []credentials.Place{at("field", "pin"), at("header", "X-Pin")},
		Keys:   []credentials.Place{at("field", "flow"), {From: "cookie", Name: "web", Raw: true}},
	})
	cookie := func(value string) []string { return []string{"Cookie", value} }
	for _, tc := range []struct {
		name string
		r    *http.Request
		want []string // user, secret, factor, second, keys
		code string   // of a refusal
	}{
		{"all", request("POST", "/otp", "code=1&type=sms&pin=2&flow=f", cookie("sid=a%2Bb+c; web=w")...), []string{"a%2Bb+c", "1", "sms", "2", "f", "w"}, ""},
		{"what may be missing", request("POST", "/otp", "code=1&type=sms", cookie("sid=x")...), []string{"x", "1", "sms", "", "", ""}, ""},
		{"no factor", request("POST", "/otp", "code=1", cookie("sid=x")...), nil, "factor"},
		{"two factors", request("POST", "/otp", "code=1&type=a&type=b", cookie("sid=x")...), nil, "ambiguous_credentials"},
		{"two second secrets", request("POST", "/otp", "code=1&type=a&pin=1", "Cookie", "sid=x", "X-Pin", "2"), nil, "ambiguous_credentials"},
		{"no key", request("POST", "/otp", "code=1&type=a"), nil, "missing_user"},
		{"two cookies", request("POST", "/otp", "code=1&type=a", cookie("sid=x; sid=y")...), nil, "ambiguous_credentials"},
		{"cookie in another case", request("POST", "/otp", "code=1&type=a", cookie("sid=x; SID=y")...), nil, "ambiguous_credentials"},
		{"key in quotes", request("POST", "/otp", "code=1&type=a", cookie(`sid="x"`)...), nil, "malformed_header"},
		{"key twice", request("POST", "/otp", "code=1&type=a&flow=a&flow=b", cookie("sid=x")...), nil, "ambiguous_credentials"},
		{"control in the second secret", request("POST", "/otp", "code=1&type=a&pin=1%01", cookie("sid=x")...), nil, "bad_secret"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if tc.code != "" {
				if got := outcome(t, rule, tc.r); got != tc.code {
					t.Errorf("%s, want %s", got, tc.code)
				}
				return
			}
			l, err := rule.Read(tc.r, "/otp")
			if err != nil {
				t.Fatal(err)
			}
			if got := append([]string{l.User, l.Secret, l.Factor, l.Second}, l.Keys...); !slices.Equal(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func TestReadNameAlone(t *testing.T) {
	t.Parallel()
	rule := newRule(t, credentials.LoginConfig{Form: true, NamesOnly: true, User: []credentials.Place{at("field", "username")}})
	if got := outcome(t, rule, request("POST", "/name", "username=alice&lang=en")); got != "alice:" {
		t.Error(got)
	}
	if got := outcome(t, rule, request("POST", "/name", "lang=en")); got != "missing_user" {
		t.Error(got)
	}
	// The body of a reset whose user stands elsewhere is the service's.
	rule = newRule(t, credentials.LoginConfig{NamesOnly: true, User: []credentials.Place{at("cookie", "user")}})
	r := request("POST", "/reset", "password=new", "Cookie", "user=alice")
	if got := outcome(t, rule, r); got != "alice:" {
		t.Error(got)
	}
	if body, err := io.ReadAll(r.Body); err != nil || string(body) != "password=new" {
		t.Errorf("the body is %q, %v", body, err)
	}
}
