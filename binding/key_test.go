// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package binding_test

import (
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/binding"
)

func TestSame(t *testing.T) {
	t.Parallel()
	const uuid = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	const token = "eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiJhIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	signed := "eyJzaWQiOiJhbGljZSJ9." + strings.Repeat("c2ln", 10)
	for _, tt := range []struct {
		name, a, b string
		want       bool
	}{
		{"equal", "0123456789abcdef", "0123456789abcdef", true},
		{"different", "0123456789abcdef", "0123456789abcdee", false},
		{"case", "0123456789abcdef", "0123456789ABCDEF", true},
		{"escapes", "a-b", "a%2Db", true},
		{"spare bits of base64", signed + "w", signed + "x", true},
		{"padding", signed + "w", signed + "w=", true},
		{"a name and a value", "user=alice", "user=bob", false},
		{"another signature", signed + "ww", signed + "xw", false},
		{"more behind the padding", token, token + "=A", true},
		{"more behind escaped padding", token, token + "%3D%3Dabc.d", true},
		{"padding that decoders leave out", token, token[:8] + "=" + token[8:], true},
		{"padding that decoders leave out, in the signature", token, token[:len(token)-7] + "=" + token[len(token)-7:], true},
		{"a short name before =", "uid=12&sid=abcdefgh", "uid=13&sid=abcdefgh", false},
		{"another number", "session=1234567", "session=1234568", false},
		{"a UUID without dashes", uuid, strings.ReplaceAll(uuid, "-", ""), true},
		{"a UUID in braces", uuid, "{" + uuid + "}", true},
		{"a UUID as a URN", uuid, "urn:uuid:" + uuid, true},
		{"another UUID", uuid, uuid[:len(uuid)-1] + "9", false},
		{"control characters", "a\x00b", "c", true},
		{"nothing", "", "c", true},
		{"beyond ASCII", "ä", "c", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := binding.Same(tt.a, tt.b); got != tt.want {
				t.Errorf("Same(%q, %q) = %t, want %t", tt.a, tt.b, got, tt.want)
			}
		})
	}
}
