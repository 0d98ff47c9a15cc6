// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"encoding/base64"
	"testing"
)

// resetSteps complete resets whose user is named in a field.
const resetSteps = `
		step reset {
			match path /reset
			user field username
			success status 204
		}`

// jwtSteps complete resets whose user is a claim of a token.
const jwtSteps = pendingStep + `
		step reset {
			match path /reset
			user jwt account.email field token
			success status 204
		}`

func token(payload, signature string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + "." + signature
}

func TestResetByClaim(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, jwtSteps)
	for _, user := range []string{"alice@example.com", "bob@example.com"} {
		a.expect(t, 401, "/login", "", "username="+user, "password=wrong")
	}
	for name, tc := range map[string]struct {
		status int
		token  string
	}{
		"not accepted":   {400, token(`{"account":{"email":"alice@example.com"}}`, "bad")},
		"no token":       {400, "good"},
		"no claim":       {400, token(`{"email":"alice@example.com"}`, "good")},
		"claim twice":    {400, token(`{"account":{"email":"x","email":"alice@example.com"}}`, "good")},
		"empty claim":    {400, token(`{"account":{"email":""}}`, "good")},
		"claim no text":  {400, token(`{"account":{"email":["alice@example.com"]}}`, "good")},
		"no JSON":        {400, token(`alice@example.com`, "good")},
		"padded":         {400, "e30." + base64.URLEncoding.EncodeToString([]byte(`{"account":{"email":"alice@example.com"}}`)) + ".good"},
		"not that user":  {204, token(`{"account":{"email":"carol@example.com"}}`, "good")},
		"two tokens":     {400, token(`{"account":{"email":"carol@example.com"}}`, "good") + "." + token(`{}`, "good")},
		"broken payload": {400, "e30.%%%.good"},
	} {
		a.expect(t, tc.status, "/reset", "", "token="+tc.token)
		if got := a.settled(t, "alice@example.com"); got.Failures != 1 {
			t.Errorf("%s: %d failures", name, got.Failures)
		}
	}
	a.expect(t, 204, "/reset", "", "token="+token(`{"account":{"email":"ALICE@example.com"}}`, "good"))
	a.expectUser(t, "alice@example.com", 0, false)
	a.expectUser(t, "bob@example.com", 1, false)
}

// A cookie whose name nobody knows before names whom a reset is for. Another that
// could be it is refused: the service may believe that one.
func TestResetByCookie(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, pendingStep+`
		step reset {
			match path /reset
			user cookie_regexp ^reset-[0-9a-f]+$ ^([^:]+):
			success status 204
		}`)
	for _, user := range []string{"alice", "bob"} {
		a.expect(t, 401, "/login", "", "username="+user, "password=wrong")
	}
	for _, tc := range []struct {
		name, cookie, token string
		status, failures    int
	}{
		{"not accepted", "reset-1a=alice:k", "bad", 400, 1},
		{"none", "", "good", 400, 1},
		{"another name", "reset-xyz=alice:k", "good", 400, 1},
		{"no user in it", "reset-1a=alice", "good", 400, 1},
		{"empty user", "reset-1a=:k", "good", 400, 1},
		{"twice", "reset-1a=alice:k; reset-1a=bob:k", "good", 400, 1},
		{"two", "reset-1a=alice:k; reset-2b=bob:k", "good", 400, 1},
		{"two, one in other letters", "reset-1a=alice:k; RESET-2B=bob:k", "good", 400, 1},
		{"two, one escaped", "reset-1a=alice:k; %72eset-2b=bob:k", "good", 400, 1},
		{"escaped", "%72eset-1a=alice:k", "good", 400, 1},
		{"broken escape", "reset-1a=alice%3:k", "good", 400, 1},
		{"another user", "reset-1a=carol:k", "good", 204, 1},
		{"that user", "x=y; reset-1a=ALICE%3Ak", "good", 204, 0},
	} {
		a.expect(t, tc.status, "/reset", tc.cookie, "token="+tc.token)
		if got := a.settled(t, "alice"); int(got.Failures) != tc.failures {
			t.Errorf("%s: %d failures, want %d", tc.name, got.Failures, tc.failures)
		}
	}
	a.expectUser(t, "bob", 1, false)
}

// The key of a session tells who resets, unless it has stood for two.
func TestResetByKey(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, webSteps+`
		step reset {
			match path /web/reset
			user bind cookie web
			success status 204
		}`)
	fail := func(user string) {
		t.Helper()
		a.expect(t, 401, "/web/login", "", "username="+user, "password=wrong")
	}
	fail("alice")
	fail("bob")
	a.expect(t, 204, "/web/reset", "web=unknown", "token=good")
	a.expectUser(t, "alice", 1, false)

	a.expect(t, 401, "/web/login", "web=a", "username=alice", "password=wrong")
	a.expect(t, 204, "/web/reset", "web=a", "token=good")
	a.expectUser(t, "alice", 0, false)
	a.expectUser(t, "bob", 1, false)

	fail("alice")
	a.expect(t, 401, "/web/login", "web=a", "username=bob", "password=wrong")
	a.expect(t, 204, "/web/reset", "web=a", "token=good")
	a.expectUser(t, "alice", 1, false)
	a.expectUser(t, "bob", 2, false)
}

// A reset that sets the cookie of the session anew leaves the codes under the new
// one with their user, whatever its own verdict.
func TestResetCarriesKey(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, webSteps+`
		step reset {
			match path /web/reset
			user bind cookie web
			success status 204
		}`)
	a.expect(t, 200, "/web/login", "web=a", "username=alice", "password=right")
	for _, tc := range []struct {
		name, old, new, token string
		status, code          int
	}{
		{"not accepted", "web=a", "b", "bad", 400, 401},
		{"accepted", "web=b", "c", "good", 204, 401},
		{"a key of nobody", "web=unknown", "d", "good", 204, 403},
	} {
		a.expect(t, tc.status, "/web/reset", tc.old, "token="+tc.token, "web="+tc.new)
		if got := a.send(t, "/web/mfa", "web="+tc.new, "type=totp", "code=wrong"); got.status != tc.code {
			t.Errorf("%s: a code under the new key got %d, want %d", tc.name, got.status, tc.code)
		}
	}
	a.expectUser(t, "alice", 2, false)
}
