// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"net/http"
	"strings"
	"testing"
)

// A session keeps the user who was named first, and the service looks at no name
// from then on. Guesses under other names count for that user as well.
func TestSharedKey(t *testing.T) {
	t.Parallel()
	steps := strings.Replace(webSteps, "bind cookie web", "shared_key\n\t\tbind cookie web", 1)
	a := startOTPArena(t, steps)
	a.expect(t, http.StatusUnauthorized, "/web/login", "web=one", "username=victim", "password=wrong")
	a.expectUser(t, "victim", 1, false)
	a.expect(t, http.StatusUnauthorized, "/web/login", "web=one", "username=decoy", "password=wrong")
	a.expectUser(t, "victim", 2, false)
	a.expectUser(t, "decoy", 1, false)

	// A right password forgives nobody: it may be that of either.
	a.expect(t, http.StatusOK, "/web/login", "web=one", "username=decoy", "password=right")
	a.expectUser(t, "victim", 2, false)
	a.expectUser(t, "decoy", 1, false)

	// A third name is refused under this key, and so is a login without one.
	a.expect(t, http.StatusForbidden, "/web/login", "web=one", "username=third", "password=wrong")
	a.expect(t, http.StatusForbidden, "/web/login", "", "username=third", "password=wrong")
	a.expectUser(t, "victim", 2, false)

	// Alone under a key he is forgiven.
	a.expect(t, http.StatusOK, "/web/login", "web=two", "username=decoy", "password=right")
	a.expectUser(t, "decoy", 0, false)
	a.expectUser(t, "victim", 2, false)
}
