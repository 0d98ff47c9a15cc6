// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"net/http"
	"testing"
)

func TestConditionOverStatusAndHeader(t *testing.T) {
	t.Parallel()
	location := func(values ...string) http.Header { return http.Header{"Location": values} }
	for _, tt := range []struct {
		name   string
		c      *Condition
		status int
		header http.Header
		want   bool
	}{
		{"status", statusIs("200"), 200, nil, true},
		{"status, other", statusIs("200"), 201, nil, false},
		{"status list", statusIs("200", "302"), 302, nil, true},
		{"class, first", statusIs("4xx"), 400, nil, true},
		{"class, last", statusIs("4xx"), 499, nil, true},
		{"class, below", statusIs("4xx"), 399, nil, false},
		{"class, above", statusIs("4xx"), 500, nil, false},
		{"switching protocols", statusIs("101"), 101, nil, true},
		{"header exact", headerIs("Location", "/home"), 302, location("/home"), true},
		{"header exact, longer", headerIs("Location", "/home"), 302, location("/home2"), false},
		{"header exact, case of the value", headerIs("Location", "/home"), 302, location("/Home"), false},
		{"header, case of the name", headerIs("loCation", "/home"), 302, location("/home"), true},
		{"header prefix", headerIs("Location", "/home*"), 302, location("/home?x=1"), true},
		{"header prefix, not at the beginning", headerIs("Location", "/home*"), 302, location("/x/home"), false},
		{"header suffix", headerIs("Location", "*/done/"), 302, location("/reset/done/"), true},
		{"header suffix, not at the end", headerIs("Location", "*/done/"), 302, location("/done/x"), false},
		{"header inside", headerIs("Location", "*code=*"), 302, location("/cb?code=7"), true},
		{"header inside, not there", headerIs("Location", "*code=*"), 302, location("/cb"), false},
		{"header any", headerIs("Location", "*"), 302, location("x"), true},
		{"header any, empty", headerIs("Location", "*"), 302, location(""), false},
		{"header any, absent", headerIs("Location", "*"), 302, nil, false},
		{"header, second value", headerIs("Location", "b"), 302, location("a", "b"), true},
		{"header_regexp", headerLike("Location", "[?&]code="), 302, location("/cb?code=7"), true},
		{"header_regexp, anchored", headerLike("Location", "^/cb$"), 302, location("/cb?code=7"), false},
		{"header_regexp, absent", headerLike("Location", ".*"), 302, nil, false},
		{"header_regexp, present but empty", headerLike("Location", ".*"), 302, location(""), true},
		{"header_regexp, second value", headerLike("Location", "^b$"), 302, location("a", "b"), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := mustCompile(t, outcomeOf("success", allOf(tt.c)))
			got := o.evaluate(&answer{status: tt.status, header: tt.header}) == verdictSuccess
			if got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
