// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import "strings"

// pollutes reports whether a key reaches for the prototype of an object: readers
// in JavaScript that merge bodies into objects of their own then find its fields
// where a body has none. No login has such a field. A step on the way is as bad as
// the first: a[__proto__][b] sets b in the prototype of all objects.
func pollutes(key string) bool {
	if isPlainKey(key) && !strings.Contains(key, "proto") && !strings.Contains(key, "constructor") {
		return false
	}
	key = foldKey(key)
	steps := strings.FieldsFunc(key, func(r rune) bool { return r == '[' || r == ']' || r == '.' })
	for i, step := range steps {
		step = strings.TrimSpace(step)
		if step == "prototype" || strings.HasPrefix(step, "__proto__") || step == "constructor" && i+1 < len(steps) {
			return true
		}
	}
	return false
}
