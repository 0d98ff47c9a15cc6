// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"net/http"
	"testing"
)

const bothStep = `
		step password {
			match path /both
			user field username
			secret field password
			same_request totp field otp | header X-Otp
			success status 200 & json code=welcome
			pending json code=otp_missing
			failure password json code=password
			failure totp json code=otp
		}`

func TestPasswordAndCodeInOneRequest(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, bothStep)
	send := func(want int, user, password, otp string) {
		t.Helper()
		a.expect(t, want, "/both", "", "username="+user, "password="+password, "otp="+otp)
	}
	// Failures are of both factors together; P and T tell them apart.
	for _, tc := range []struct {
		name     string
		attempts []string // password/code
		failures uint32
	}{
		{"wrong password, no code", []string{"wrong/"}, 1},
		{"wrong password with a code is no guess at the code", []string{"wrong/wrong", "wrong/right"}, 2},
		{"wrong code forgives no password", []string{"wrong/", "right/wrong"}, 2},
		{"missing code forgives the password alone", []string{"wrong/", "right/wrong", "right/"}, 1},
		{"both right forgive both", []string{"wrong/", "right/wrong", "right/right"}, 0},
		{"an answer that no rule names counts for both", []string{"right/odd"}, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, attempt := range tc.attempts {
				var password, otp string
				for i, c := range attempt {
					if c == '/' {
						password, otp = attempt[:i], attempt[i+1:]
					}
				}
				want := http.StatusUnauthorized
				if attempt == "right/right" {
					want = http.StatusOK
				}
				send(want, tc.name, password, otp)
			}
			a.expectUser(t, tc.name, tc.failures, false)
		})
	}
	t.Run("codes lock", func(t *testing.T) {
		t.Parallel()
		for range otpLimit {
			send(401, "codes", "right", "wrong")
		}
		send(403, "codes", "right", "right")
		send(403, "codes", "right", "")
		a.expectUser(t, "codes", otpLimit, true)
		if got := a.service.wrong("codes", "totp"); got != otpLimit {
			t.Errorf("%d wrong codes were checked", got)
		}
	})
	t.Run("passwords lock", func(t *testing.T) {
		t.Parallel()
		for i := range loginLimit {
			send(401, "passwords", "wrong", fmt.Sprint(i))
		}
		send(403, "passwords", "right", "right")
		a.expectUser(t, "passwords", loginLimit, true)
	})
	t.Run("a code is no password", func(t *testing.T) {
		t.Parallel()
		// The missing code says that the password was right, and is no code.
		for range 2 * otpLimit {
			send(401, "missing", "right", "")
		}
		a.expectUser(t, "missing", 0, false)
	})
	t.Run("50 at once", func(t *testing.T) {
		t.Parallel()
		done := make(chan result, 50)
		for i := range cap(done) {
			go func() {
				done <- a.send(t, "/both", "", "username=burst", "password=right", fmt.Sprint("otp=", i))
			}()
		}
		for range cap(done) {
			await(t, done, "an answer")
		}
		if got := a.service.wrong("burst", "totp"); got != otpLimit {
			t.Errorf("%d wrong codes were checked, want %d", got, otpLimit)
		}
	})
	t.Run("two codes", func(t *testing.T) {
		t.Parallel()
		a.expect(t, 400, "/both", "", "username=two", "password=right", "otp=1", "otp=2")
		a.expectUser(t, "two", 0, false)
	})
}

// Where the service says the same of a missing and of a wrong code, a rule for
// pending takes both; a code that was sent counts as wrong.
func TestPendingWithACodeIsAWrongCode(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, `
		step password {
			match path /both
			user field username
			secret field password
			same_request totp field otp
			success json code=welcome
			pending json code=otp | json code=otp_missing
		}`)
	for range otpLimit {
		a.expect(t, 401, "/both", "", "username=alice", "password=right", "otp=wrong")
		a.expect(t, map[bool]int{true: 403, false: 401}[a.settled(t, "alice").Locked], "/both", "", "username=alice", "password=right")
	}
	a.expect(t, 403, "/both", "", "username=alice", "password=right", "otp=right")
	a.expectUser(t, "alice", otpLimit, true)
}

// A key that stands for two users forgives nobody, but a wrong code beside a
// right password stays wrong.
func TestPendingUnderASharedKeyIsAWrongCode(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, `
		step identify {
			match path /name
			user field username
			bind field flow
		}
		step password {
			match path /both
			user bind field flow
			secret field password
			same_request totp field otp
			success status 200 & json code=welcome
			pending json code=otp
			failure password json code=password
		}`)
	for _, user := range []string{"mallory", "victim"} {
		a.expect(t, http.StatusOK, "/name", "", "username="+user, "flow=f1")
	}
	for range 3 * otpLimit {
		a.send(t, "/both", "", "flow=f1", "username=victim", "password=right", "otp=wrong")
	}
	if got := a.service.wrong("victim", "totp"); got != otpLimit {
		t.Errorf("%d wrong codes were checked, want %d", got, otpLimit)
	}
	a.expectUser(t, "victim", otpLimit, true)
}
