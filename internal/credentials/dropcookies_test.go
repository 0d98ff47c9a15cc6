// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"net/http"
	"strings"
	"testing"
)

func TestCookieFilter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, drop, sent, want string
	}{
		{"none", "nc_token", "", ""},
		{"another", "nc_token", "sid=1", "sid=1"},
		{"one of three", "nc_token", "a=1; nc_token=2; b=3", "a=1; b=3"},
		{"twice", "nc_token", "nc_token=1;nc_token=2", ""},
		{"other case", "nc_token", "NC_Token=1; b=2", "b=2"},
		{"escaped", "nc_token", "nc%5Ftoken=1; b=2", "b=2"},
		{"a dot that PHP turns into an underscore", "nc_token", "nc.token=1", ""},
		{"a list", "nc_token", "nc_token[]=1; b=2", "b=2"},
		{"behind a comma", "nc_token", "b=1,nc_token=2; c=3", "c=3"},
		{"beginning of another", "nc_token", "nc_token_hint=1", "nc_token_hint=1"},
		{"without a value", "nc_token", "nc_token; b", "b"},
		{"several", "nc_token nc_username", "a=1; nc_username=x; nc_token=y", "a=1"},
		{"all", "*", "a=1; b=2", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, err := NewCookieFilter(strings.Fields(tt.drop))
			if err != nil {
				t.Fatal(err)
			}
			h := http.Header{"X": {"y"}, "X_cookie": {"z"}}
			if tt.sent != "" {
				h.Set("Cookie", tt.sent)
			}
			f.Drop(h)
			if got := h.Get("Cookie"); got != tt.want || len(h["Cookie"]) > 0 && tt.want == "" || h.Get("X") != "y" {
				t.Errorf("got %q, want %q", h, tt.want)
			}
		})
	}
	for _, name := range []string{"", "a=b", "a b", "a%62"} {
		if _, err := NewCookieFilter([]string{name}); err == nil {
			t.Errorf("%q is accepted", name)
		}
	}
}

func TestCookieFilterDropsOtherSpellingsOfTheHeader(t *testing.T) {
	t.Parallel()
	f, err := NewCookieFilter([]string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{"Cookie": {"b=1", "a=2"}, "cookie": {"a=3"}}
	if f.Drop(h); len(h) != 1 || h.Get("Cookie") != "b=1" {
		t.Errorf("got %q", h)
	}
}
