// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A service may renew the session of whoever is logged in whatever is posted, so
// the cookie alone does not prove a login.
func TestSetNewCookie(t *testing.T) {
	t.Parallel()
	const old, fresh = "sid=0123456789abcdef", "sid=fedcba9876543210"
	for _, tt := range []struct {
		name    string
		request []string // Cookie
		answer  []string // Set-Cookie
		want    bool
	}{
		{"no cookie before", nil, []string{fresh}, true},
		{"another cookie before", []string{"a=b; c=d"}, []string{fresh}, true},
		{"another value before", []string{"a=b; " + old}, []string{fresh}, true},
		{"the same value before", []string{"a=b; " + old}, []string{old + "; Path=/; HttpOnly"}, false},
		{"the same in upper case", []string{"sid=0123456789ABCDEF"}, []string{old}, false},
		{"the same with an escape", []string{"sid=%301234567%389abcdef"}, []string{old}, false},
		{"the same with another escape", []string{"sid=%25301234567%389abcdef"}, []string{old}, false},
		{"the same with dashes", []string{"sid=01234567-89ab-cdef"}, []string{old}, false},
		{"the same set twice", []string{old}, []string{fresh + "; Path=/a", old + "; Path=/"}, false},
		{"the same set, then another", []string{old}, []string{old, fresh}, true},
		{"set to a new value, then deleted", []string{old}, []string{fresh, "sid=; Max-Age=0"}, false},
		{"in quotes before", []string{`sid="0123456789abcdef"`}, []string{fresh}, false},
		{"with an octal escape before", []string{`sid=\060123456789abcdef`}, []string{fresh}, false},
		{"twice before", []string{fresh + "; " + old}, []string{"sid=abc0123456789"}, false},
		{"in two lines before", []string{fresh, old}, []string{"sid=abc0123456789"}, false},
		{"under another spelling before", []string{"SID=0123456789abcdef"}, []string{fresh}, false},
		{"with a blank of another kind before", []string{"sid\u00a0=0123456789abcdef"}, []string{fresh}, false},
		{"letters beyond ASCII before", []string{"sid=%c3%a4"}, []string{fresh}, false},
		{"nothing set", []string{old}, nil, false},
		{"another cookie set", []string{old}, []string{"other=1"}, false},
		{"deleted", []string{old}, []string{"sid=; Max-Age=0"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := mustCompile(t, outcomeOf("success", allOf(&Condition{SetNewCookie: "sid"})))
			r := httptest.NewRequest(http.MethodPost, "/login", nil)
			if tt.request != nil {
				r.Header["Cookie"] = tt.request
			}
			a := &answer{request: r, status: 302, header: http.Header{"Set-Cookie": tt.answer}, complete: true}
			v, ok := o.byHeader(a)
			if !ok || (v == verdictSuccess) != tt.want {
				t.Errorf("got %s, %v, want %v", v, ok, tt.want)
			}
			if got := o.evaluate(a); (got == verdictSuccess) != tt.want {
				t.Errorf("by the whole answer: got %s, want %v", got, tt.want)
			}
		})
	}
}
