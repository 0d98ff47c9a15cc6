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
		{"another signature", signed + "ww", signed + "xw", false},
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
