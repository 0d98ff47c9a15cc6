// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

func TestReadBearer(t *testing.T) {
	t.Parallel()
	rule := newRule(t, credentials.LoginConfig{Form: true, User: []credentials.Place{{From: credentials.FromBearer}}, Secret: field("password")})
	for _, tc := range []struct{ name, header, want string }{
		{"one token", "Bearer a.b-c_d~e+f/g==", "a.b-c_d~e+f/g==:x"},
		{"another case of the scheme", "bearer abc", "abc:x"},
		{"blanks around", "Bearer abc  ", "abc:x"},
		{"two tokens", "Bearer abc Bearer def", "malformed_header"},
		{"two blanks", "Bearer  abc", "malformed_header"},
		{"a list", "Bearer abc, Basic eDp5", "malformed_header"},
		{"a parameter", "Bearer abc;x", "malformed_header"},
		{"a tab", "Bearer\tabc", "malformed_header"},
		{"no token", "Bearer ", "missing_user"},
		{"another scheme", "Basic eDp5", "missing_user"},
		{"nothing", "", "missing_user"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := post(formType, "password=x")
			r.Header.Set("Authorization", tc.header)
			if got := outcome(t, rule, r); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
