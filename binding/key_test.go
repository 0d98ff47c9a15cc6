// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package binding

import (
	"strings"
	"testing"
)

func TestSame(t *testing.T) {
	t.Parallel()
	const uuid = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	const signed = "eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiJhIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	for _, tt := range []struct {
		name, a, b string
		want       bool
	}{
		{"letter case", "Abc", "aBC", true},
		{"other alphabets of base64", "ab+/c", "ab-_c", true},
		{"a UUID without dashes", uuid, strings.ReplaceAll(uuid, "-", ""), true},
		{"a UUID in braces", uuid, "{" + uuid + "}", true},
		{"a UUID as a URN", uuid, "urn:uuid:" + uuid, true},
		{"a UUID as a URN, escaped", uuid, "URN%3auuid:" + strings.ToUpper(uuid), true},
		{"another UUID", uuid, uuid[:len(uuid)-1] + "9", false},
		{"another number", "session=1234567", "session=1234568", false},
		{"other bits at the end of a signature", signed, signed[:len(signed)-1] + "l", true},
		{"another signature", signed, strings.Replace(signed, "dBjf", "dBjg", 1), false},
		{"padding", signed, signed + "==", true},
		{"more behind the padding", signed, signed + "=A", true},
		{"more behind escaped padding", signed, signed + "%3D%3Dabc.d", true},
		{"padding that decoders leave out", signed, signed[:8] + "=" + signed[8:], true},
		{"another token behind the padding of a part", "s=" + signed, "t=" + signed, false},
		{"another value of a short name", "uid=12&sid=abcdefgh", "uid=13&sid=abcdefgh", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Same(tt.a, tt.b); got != tt.want {
				t.Errorf("%q and %q: got %v", tt.a, tt.b, got)
			}
		})
	}
	for _, key := range []string{"urn:uuid:", signed + "=\n", strings.Repeat("a", MaxKeyBytes+1)} {
		if _, ok := fold(key); ok {
			t.Errorf("%q is a key", key)
		}
	}
}
