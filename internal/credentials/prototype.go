// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import "strings"

// pollutes reports whether a key reaches for the prototype of an object: readers
// in JavaScript that merge bodies into objects of their own then find its fields
// where a body has none. No login has such a field.
func pollutes(key string) bool {
	key = foldKey(key)
	return key == "prototype" || strings.HasPrefix(key, "__proto__") || strings.HasPrefix(key, "constructor[") || strings.HasPrefix(key, "constructor.")
}
