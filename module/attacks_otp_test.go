// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"net/http"
	"testing"
)

// codes are guesses at codes of a type, under a session each or one for all.
func (a *otpArena) guesses(t *testing.T, user, kind string, n int, fresh bool) {
	t.Helper()
	s := a.begin(t, "/name", user)
	for i := range n {
		if fresh {
			s = a.begin(t, "/name", user)
		}
		a.send(t, "/mfa", s.cookie, "type="+kind, fmt.Sprint("code=", i))
	}
}

// most checks that as many wrong codes of a type reached the service as may.
func (a *otpArena) most(t *testing.T, user, kind string, want int) {
	t.Helper()
	if got := a.service.wrong(user, kind); got != want {
		t.Errorf("%d wrong codes of type %s were checked, want %d", got, kind, want)
	}
}

// Second factors, aliases and resets: O098, P123, P124, P130-P137.
func otpAttacks() []attack {
	row := func(id, name string, run func(t *testing.T, a *otpArena, victim string)) attack {
		return attack{id, name, func(t *testing.T, a *arena, victim string) { run(t, a.otp, victim) }}
	}
	return []attack{
		row("O098", "user name and e-mail", func(t *testing.T, a *otpArena, victim string) {
			for i := range 10 {
				a.send(t, "/login", "", "username="+victim, fmt.Sprint("password=", i))
				a.send(t, "/login", "", "username="+victim+"@Example.com", fmt.Sprint("password=", i))
			}
			if got := a.service.wrong(victim, "password") + a.service.wrong(victim+"@Example.com", "password"); got != loginLimit {
				t.Errorf("%d wrong passwords were checked under both names, want %d", got, loginLimit)
			}
			a.expectUser(t, victim, loginLimit, true)
		}),
		row("P123", "a completed reset", func(t *testing.T, a *otpArena, victim string) {
			s := a.begin(t, "/login", victim)
			a.expect(t, 401, "/mfa", s.cookie, "type=totp", "code=wrong")
			for range loginLimit - 1 {
				a.expect(t, 401, "/login", "", "username="+victim, "password=wrong")
			}
			a.expect(t, 400, "/reset", "", "username="+victim, "token=bad")
			a.expectUser(t, victim, loginLimit, false)
			a.expect(t, 204, "/reset", "", "username="+victim, "token=good")
			a.expectUser(t, victim, 1, false) // the code stays
			for range loginLimit {
				a.expect(t, 401, "/login", "", "username="+victim, "password=wrong")
			}
			a.expect(t, 204, "/reset", "", "username="+victim, "token=good")
			a.expect(t, 403, "/login", "", "username="+victim, "password=right") // no unlock
		}),
		row("P124", "success of one factor leaves the failures of the other", func(t *testing.T, a *otpArena, victim string) {
			s := a.begin(t, "/login", victim)
			for range 2 {
				a.expect(t, 401, "/login", "", "username="+victim, "password=wrong")
				a.expect(t, 401, "/mfa", s.cookie, "type=totp", "code=wrong")
			}
			a.expect(t, 200, "/login", "", "username="+victim, "password=right")
			a.expectUser(t, victim, 2, false)
			a.expect(t, 401, "/login", "", "username="+victim, "password=wrong")
			a.expect(t, 200, "/mfa", s.cookie, "type=totp", "code=right")
			a.expectUser(t, victim, 1, false)
		}),
		row("P130", "100 codes", func(t *testing.T, a *otpArena, victim string) {
			a.guesses(t, victim, "totp", 100, false)
			a.most(t, victim, "totp", otpLimit)
			a.expectUser(t, victim, otpLimit, true)
		}),
		row("P131", "types in turn", func(t *testing.T, a *otpArena, victim string) {
			s := a.begin(t, "/login", victim)
			for i := range 5 * otpLimit {
				for _, kind := range otpTypes {
					a.send(t, "/mfa", s.cookie, "type="+kind, fmt.Sprint("code=", i))
				}
			}
			for _, kind := range otpTypes {
				if got := a.service.wrong(victim, kind); got > otpLimit || got < otpLimit-1 {
					t.Errorf("%d wrong codes of type %s were checked", got, kind)
				}
			}
			// The first type that is used up locks the user.
			a.expectUser(t, victim, uint32(len(otpTypes)*(otpLimit-1)+1), true)
		}),
		row("P132", "a new code before the limit", func(t *testing.T, a *otpArena, victim string) {
			s := a.begin(t, "/login", victim)
			for range 3 {
				for range otpLimit - 1 {
					a.send(t, "/mfa", s.cookie, "type=sms", "code=wrong")
				}
				a.expect(t, 200, "/send", s.cookie, "type=sms")
			}
			a.most(t, victim, "sms", otpLimit)
		}),
		row("P133", "a new session before the limit", func(t *testing.T, a *otpArena, victim string) {
			for range 3 {
				s := a.send(t, "/login", "", "username="+victim, "password=right")
				if s.status != http.StatusOK {
					break
				}
				for range otpLimit - 1 {
					a.send(t, "/mfa", cookieOf(t, s), "type=email", "code=wrong")
				}
			}
			a.most(t, victim, "email", otpLimit)
			a.expectUser(t, victim, otpLimit, true)
		}),
		row("P134", "no session and no name", func(t *testing.T, a *otpArena, victim string) {
			before := a.service.wrong("nobody", "totp")
			for _, fields := range [][]string{{}, {"username=" + victim}, {"flow="}, {"flow=" + victim}} {
				got := a.send(t, "/mfa", "", append(fields, "type=totp", "code=right")...)
				if got.status != http.StatusBadRequest && got.status != http.StatusForbidden {
					t.Errorf("%q: status %d", fields, got.status)
				}
			}
			a.most(t, "nobody", "totp", before)
		}),
		row("P135", "50 codes at once", func(t *testing.T, a *otpArena, victim string) {
			s := a.begin(t, "/login", victim)
			done := make(chan result, 50)
			for i := range cap(done) {
				go func() { done <- a.send(t, "/mfa", s.cookie, "type=totp", fmt.Sprint("code=", i)) }()
			}
			for range cap(done) {
				if got := await(t, done, "an answer"); got.status != http.StatusUnauthorized && got.status != http.StatusForbidden {
					t.Errorf("status %d", got.status)
				}
			}
			a.most(t, victim, "totp", otpLimit)
			a.expectUser(t, victim, otpLimit, true)
		}),
		row("P136", "unknown and empty types", func(t *testing.T, a *otpArena, victim string) {
			s := a.begin(t, "/login", victim)
			for _, kind := range []string{"", "push", "TOTP", "totp ", "password", "null"} {
				a.expect(t, 400, "/mfa", s.cookie, "type="+kind, "code=right")
			}
			a.expect(t, 400, "/mfa", s.cookie, "code=right")
			a.expect(t, 400, "/mfa", s.cookie, "type=totp", "type=sms", "code=right")
			if got := a.service.accepted(victim); got != 0 {
				t.Errorf("%d codes reached the service", got)
			}
		}),
		row("P137", "recovery codes", func(t *testing.T, a *otpArena, victim string) {
			s := a.begin(t, "/login", victim)
			a.expect(t, 401, "/mfa", s.cookie, "type=totp", "code=wrong")
			for i := range 20 {
				a.send(t, "/mfa", s.cookie, "type=backup", fmt.Sprint("code=", i))
			}
			a.most(t, victim, "backup", otpLimit)
			a.most(t, victim, "totp", 1)
			a.expectUser(t, victim, otpLimit+1, true)
		}),
	}
}
