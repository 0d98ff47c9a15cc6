// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// Whatever on_locked says, the answer is the same for right and wrong passwords
// and for everybody.
func TestConfiguredLockedAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, option string
		status       int
		header       http.Header
		body         string
	}{
		{"status", "on_locked 401", 401, nil, ""},
		{"redirect", "on_locked redirect /login?failed=1", 303, http.Header{"Location": {"/login?failed=1"}}, ""},
		{"redirect with a status", "on_locked redirect https://example.com/locked 302", 302, http.Header{"Location": {"https://example.com/locked"}}, ""},
		{"respond", "on_locked respond {\n\t\t\tstatus 401\n\t\t\theader Content-Type application/json\n\t\t\theader X-A 1\n\t\t\theader X-A 2\n\t\t\tbody `{\"error\":\"invalid_grant\",\"why\":{\"a\":1}}`\n\t\t}",
			401, http.Header{"Content-Type": {"application/json"}, "X-A": {"1", "2"}}, `{"error":"invalid_grant","why":{"a":1}}`},
		{"respond with placeholders", "on_locked respond {\n\t\t\tbody `{http.lockout.reason}, {http.lockout.factor}`\n\t\t}", 403, nil, "locked, password"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			service := startScripted(t)
			n := startNode(t, options(maxAttempts(1))+siteBlock(formStep+"\n\t\t"+tt.option, proxyTo(service.URL)))
			c := client(t)
			var first result
			for _, user := range []string{"owner", "stranger"} {
				mustLogin(t, c, n.URL, user, "wrong", http.StatusUnauthorized)
				for _, password := range []string{"wrong", "right", "wrong"} {
					got := post(c, n.URL+"/login", user, password)
					got.header.Del("Date")
					if first.status == 0 {
						first = got
					}
					if !reflect.DeepEqual(got, first) {
						t.Errorf("%s, %s: %+v differs from %+v", user, password, got, first)
					}
				}
			}
			if first.status != tt.status || first.body != tt.body {
				t.Errorf("status %d, body %q, want %d, %q", first.status, first.body, tt.status, tt.body)
			}
			for name, want := range tt.header {
				if got := first.header[name]; !reflect.DeepEqual(got, want) {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if got := service.seen("owner") + service.seen("stranger"); got != 2 {
				t.Errorf("%d checks reached the service, want 2", got)
			}
		})
	}
}

// What could echo the request is refused where it is configured.
func TestLockedAnswerMistakes(t *testing.T) {
	t.Parallel()
	n := startNode(t, siteBlock(formStep, "respond ok"))
	for option, want := range map[string]string{
		"on_locked redirect /login?user={http.request.uri.query.username}":             "could echo what the client sent",
		"on_locked respond {\n\t\t\tbody `{\"a\":{http.request.body}}`\n\t\t}":         "could echo what the client sent",
		"on_locked respond {\n\t\t\theader X-User {http.request.header.X-User}\n\t\t}": "could echo what the client sent",
		"on_locked respond {\n\t\t\theader \"X User\" a\n\t\t}":                        "a header has no name",
		"on_locked redirect /login 307":                                                "want a whole number from 302 to 303",
		"on_locked respond {\n\t\t\tstatus 500\n\t\t}":                                 "want a whole number from 200 to 499",
		"on_locked respond {\n\t\t}\n\t\ton_locked 403":                                "already specified",
		"on_locked":                                "wrong number of arguments",
		"on_locked 403 404":                        "unexpected \"404\" behind the status",
		"deny_delay 11s":                           "is not from 0 to 10s",
		"pass {\n\t\t}":                            "it matches every request",
		"deny {\n\t\t\tmatch has \"\"\n\t\t}":      "is empty, too long",
		"deny {\n\t\t\tmatch path_regexp (\n\t\t}": "correct the regular expression",
		"guard /a?b":                               "checking guard",
	} {
		got := n.try(t, order{Do: "validate", Caddyfile: n.config(siteBlock(formStep+"\n\t\t"+option, "respond ok"))})
		if !strings.Contains(got.Error, want) {
			t.Errorf("%s: error %q, want %q", option, got.Error, want)
		}
	}
}
