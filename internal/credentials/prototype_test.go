// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import "testing"

func TestPollutes(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]bool{
		"__proto__": true, "__PROTO__": true, "__proto__[a]": true, "__proto__.a": true, "constructor[prototype][a]": true,
		"constructor.prototype": true, "prototype": true, "a[__proto__][b]": true, "a.__Proto__.b": true, "a[constructor][prototype][b]": true, "[__proto__]a": true,
		"x%5B__proto__%5D": true, "prototypes": false, "my.constructor": false, "constructor": false, "proto": false, "username": false,
	} {
		if got := pollutes(key); got != want {
			t.Errorf("%s: %t, want %t", key, got, want)
		}
	}
}
