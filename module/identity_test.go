// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"net/http"
	"testing"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	wordpress := Identity{From: "set_cookie_regexp", Name: "^wordpress_logged_in_", Pattern: `^([^|]+)\|`}
	cookie := Identity{From: "set_cookie", Name: "user"}
	header := Identity{From: "header", Name: "x-user"}
	field := Identity{From: "json", Name: "user.email"}
	for _, tt := range []struct {
		name     string
		identity Identity
		header   []string
		body     string
		want     string // empty: nobody
	}{
		{"cookie of WordPress", wordpress, []string{"Set-Cookie", "wordpress_logged_in_ab12=alice%7C1790000000%7Ctoken; path=/"}, "", "alice"},
		{"for two paths", wordpress, []string{"Set-Cookie", "wordpress_logged_in_ab=alice%7C1; path=/", "Set-Cookie", "wordpress_logged_in_ab=alice%7C1; path=/blog"}, "", "alice"},
		{"of two users", wordpress, []string{"Set-Cookie", "wordpress_logged_in_ab=alice%7C1; path=/", "Set-Cookie", "wordpress_logged_in_ab=bob%7C1; path=/blog"}, "", ""},
		{"set over", wordpress, []string{"Set-Cookie", "wordpress_logged_in_ab=bob%7C1", "Set-Cookie", "wordpress_logged_in_ab=alice%7C1"}, "", "alice"},
		{"deleted", wordpress, []string{"Set-Cookie", "wordpress_logged_in_ab=alice%7C1; Max-Age=0"}, "", ""},
		{"another cookie", wordpress, []string{"Set-Cookie", "wordpress_sec_ab=alice%7C1"}, "", ""},
		{"does not match", wordpress, []string{"Set-Cookie", "wordpress_logged_in_ab=alice"}, "", ""},
		{"empty group", Identity{From: "set_cookie", Name: "user", Pattern: "^u:(.*)$"}, []string{"Set-Cookie", "user=u:"}, "", ""},
		{"whole cookie", cookie, []string{"Set-Cookie", "user=alice%40example.test"}, "", "alice@example.test"},
		{"nothing to decode", cookie, []string{"Set-Cookie", "user=100%alice"}, "", "100%alice"},
		{"header", header, []string{"X-User", "alice"}, "", "alice"},
		{"header with a pattern", Identity{From: "header", Name: "X-User", Pattern: "^uid=([^,]+),"}, []string{"X-User", "uid=alice,dc=test"}, "", "alice"},
		{"two headers", header, []string{"X-User", "alice", "X-User", "bob"}, "", ""},
		{"no header", header, nil, "", ""},
		{"blank header", header, []string{"X-User", " "}, "", ""},
		{"field", field, nil, `{"user":{"email":"alice@example.test"}}`, "alice@example.test"},
		{"number", field, nil, `{"user":{"email":7}}`, "7"},
		{"no text", field, nil, `{"user":{"email":true}}`, ""},
		{"null", field, nil, `{"user":{"email":null}}`, ""},
		{"two fields", field, nil, `{"user":{"email":"alice","email":"bob"}}`, ""},
		{"field with a pattern", Identity{From: "json", Name: "id", Pattern: "^user/(.*)$"}, nil, `{"id":"user/alice"}`, "alice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			compiled, err := tt.identity.compile()
			if err != nil {
				t.Fatal(err)
			}
			h := http.Header{}
			for i := 0; i < len(tt.header); i += 2 {
				h.Add(tt.header[i], tt.header[i+1])
			}
			got, ok := compiled.of(&answer{header: h, body: []byte(tt.body), complete: true})
			if got != tt.want && tt.want != "" || ok != (tt.want != "") {
				t.Errorf("named %q, %t; want %q", got, ok, tt.want)
			}
		})
	}
}
