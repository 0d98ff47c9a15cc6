// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import "testing"

// A service that verifies a token and then asks for the password of its user:
// the guesses count for whom the token names.
func TestPasswordOfClaim(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, pendingStep+`
		step password {
			match path /reset
			user jwt account.email field token
			secret field password
			success status 204
			failure status 400
		}`)
	alice := `{"account":{"email":"ALICE@example.com"}}`
	for range loginLimit - 1 {
		a.expect(t, 400, "/reset", "", "password=wrong", "token="+token(alice, "bad"))
	}
	a.expectUser(t, "alice@example.com", loginLimit-1, false)
	a.expect(t, 204, "/reset", "", "password=right", "token="+token(alice, "good"))
	a.expectUser(t, "alice@example.com", 0, false)

	for _, refused := range []string{token(`{}`, "bad"), "x", token(`{"account":{"email":"alice@example.com","email":"bob@example.com"}}`, "bad")} {
		a.expect(t, 400, "/reset", "", "password=wrong", "token="+refused)
	}
	a.expectUser(t, "alice@example.com", 0, false)
	a.expectUser(t, "bob@example.com", 0, false)

	// The login and this share a counter and a lock.
	a.expect(t, 401, "/login", "", "username=alice@example.com", "password=wrong")
	for range loginLimit - 1 {
		a.expect(t, 400, "/reset", "", "password=wrong", "token="+token(alice, "bad"))
	}
	a.expect(t, 403, "/reset", "", "password=right", "token="+token(alice, "good"))
	a.expectUser(t, "alice@example.com", loginLimit, true)
}
