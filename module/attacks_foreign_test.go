// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// webRealms bind the session of the browser to users of two organizations. In the
// answer to a code alice1 is the account alice.
const webRealms = `
		step password {
			match path /web/login
			match field realm staff
			org staff
			user field username
			secret field password
			success status 200
			failure status 401
			bind cookie web
		}
		step password {
			match path /web/login
			match field realm users
			user field username
			secret field password
			success status 200
			failure status 401
			bind cookie web
		}
		step totp {
			match path /web/mfa
			user bind cookie web
			secret field code
			success status 200
			failure status 401
			identity json account.name ^([a-z]+)
		}`

func (a *otpArena) webLogin(t *testing.T, realm, user string) {
	t.Helper()
	a.expect(t, http.StatusOK, "/web/login", "web=s1", "realm="+realm, "username="+user, "password=right")
}

// An account of one organization has the name of an account of the other, and
// was logged in under a name that nobody has seen.
func TestForeignAccountOfAnotherOrganization(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, webRealms)
	a.webLogin(t, "users", "alice")
	a.webLogin(t, "staff", "alice1")
	a.expect(t, http.StatusUnauthorized, "/web/mfa", "web=s1", "code=wrong")
	a.expect(t, http.StatusOK, "/web/mfa", "web=s1", "code=right")
	a.expectIn(t, "default", "alice", 1, false)
	a.expectIn(t, "staff", "alice1", 1, false)
}

// Of two users of one session nobody knows whose name leads to the account that
// is named. It is locked all the same.
func TestLockedAccountOfASharedSession(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, webRealms)
	a.order(t, order{Do: "lock", User: "alice"})
	a.webLogin(t, "users", "bob")
	a.webLogin(t, "users", "alice1")
	if got := a.expect(t, http.StatusForbidden, "/web/mfa", "web=s1", "code=right"); got.header.Get("Set-Cookie") != "" {
		t.Error("a refusal sets a cookie")
	}
	a.order(t, order{Do: "unlock", User: "alice"})
	a.expect(t, http.StatusOK, "/web/mfa", "web=s1", "code=right")
}

// startForeign is a service that answers for whomever the request says, whoever
// is named.
func startForeign(t *testing.T) *otpArena {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user := r.PostFormValue("as"); user != "" {
			w.Header().Set("X-User", user)
		}
		if r.PostFormValue("password") == "wrong" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	step := func(kind, path, more string) string {
		if kind == "password" {
			more += "\n\t\t\tsecret field password\n\t\t\tfailure status 401"
		}
		return "\n\t\tstep " + kind + " {\n\t\t\tmatch path " + path + "\n\t\t\tuser field username\n\t\t\tidentity header X-User\n\t\t\tsuccess status 200" + more + "\n\t\t}"
	}
	const same = "\n\t\t\tsame_name"
	steps := step("password", "/login", "") + step("password", "/own", same) + step("reset", "/reset", same)
	return &otpArena{node: startNode(t, options(maxAttempts(loginLimit))+siteBlock(steps, proxyTo(server.URL)))}
}

func TestSameName(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, path, as string
		left           uint32
	}{
		{"an answer that names nobody", "/own", "", 2},
		{"an answer that names another", "/own", "mallory", 2},
		{"an answer that names the account of the name", "/own", "alice", 2},
		{"the reset of another", "/reset", "mallory", 2},
		{"a reset that names nobody", "/reset", "", 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := startForeign(t)
			a.expect(t, 200, "/login", "", "username=nick", "password=right", "as=alice")
			a.expect(t, 401, "/login", "", "username=nick", "password=wrong")
			a.expect(t, 401, "/login", "", "username=nick", "password=wrong")
			a.expect(t, 200, tc.path, "", "username=nick", "password=right", "as="+tc.as)
			a.expectIn(t, "default", "nick", tc.left, false)
			a.expectIn(t, "default", "alice", tc.left, false)
		})
	}
	t.Run("the own reset", func(t *testing.T) {
		t.Parallel()
		a := startForeign(t)
		a.expect(t, 401, "/login", "", "username=alice", "password=wrong")
		a.expect(t, 200, "/reset", "", "username=alice", "as=alice")
		a.expectIn(t, "default", "alice", 0, false)
	})
	t.Run("another who is locked", func(t *testing.T) {
		t.Parallel()
		a := startForeign(t)
		a.order(t, order{Do: "lock", User: "mallory"})
		a.expect(t, 403, "/own", "", "username=alice", "password=right", "as=mallory")
	})
}

// A service that asks for the password of whoever is logged in, and ignores the
// name. The attacker's own is right each time.
func TestServiceThatIgnoresTheName(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, knows, guess string // the name that the victim uses, and the one that is guessed at
		edit               func(steps string) string
	}{
		{"a name that is known to lead to the victim", "alice", "alice", nil},
		{"by same_name", "alice@example.test", "alice@example.test", func(s string) string {
			return strings.ReplaceAll(s, "identity json user.name\n\t\t\tpending", "identity json user.name\n\t\t\tsame_name\n\t\t\tpending")
		}},
		{"by cookies that are dropped", "alice@example.test", "alice", func(s string) string {
			return strings.ReplaceAll(s, "user field username", "user field username\n\t\t\tdrop_cookies *")
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			user, evil := alice(), mallory("mallory")
			s := startAccountService(t, user, evil)
			s.identity, s.ignores = byEmail, true
			config := s.config()
			if tc.edit != nil {
				if config = tc.edit(config); config == s.config() {
					t.Fatal("the steps are as they were")
				}
			}
			a := &accountArena{&otpArena{node: startNode(t, config)}, s}
			a.login(t, 200, tc.knows, "right")
			a.guessAt(t, tc.guess, func() {
				a.send(t, "/login", "as=mallory", "username="+tc.guess, "password="+evil.password)
			})
			// Without its cookie the attacker's own password is one guess more.
			a.atMost(t, user, loginLimit)
			if !a.user(t, tc.guess).Locked {
				t.Error("the victim is not locked")
			}
		})
	}
}
