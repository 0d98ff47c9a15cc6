// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// baSuite tests what only better-auth has.
type baSuite struct {
	*suite
	b *betterAuth
}

func (s *baSuite) run(t *testing.T) {
	t.Run("every kind of code", s.everyKind)
	t.Run("cookies of two users", s.twoCookies)
	t.Run("enrolment", s.enrolment)
	t.Run("passwords of a session", s.sessionPasswords)
	t.Run("other plugins", s.otherPlugins)
}

func baCookie(c *client, name string) string { return name + "=" + c.cookie(name) }

// Codes of a mail and backup codes lock as well, whatever session they come with.
func (s *baSuite) everyKind(t *testing.T) {
	for kind, name := range map[string]string{"otp": "judy", "backup-code": "niaj"} {
		a := who(name)
		s.anew(t, a)
		s.expectCode(t, a)
		checked := 0
		for range limit + 2 {
			c := newClient(t, s.caddy.site)
			s.login(c, a.Email, a.Secret)
			if kind == "otp" {
				baPost(c, "/api/auth/two-factor/send-otp", map[string]any{})
			}
			before := s.arrivals.count(s.codes.check)
			baPost(c, "/api/auth/two-factor/verify-"+kind, map[string]any{"code": "wrong"})
			checked += s.arrivals.count(s.codes.check) - before
		}
		if checked != limit || !s.caddy.locked(t, a.Email) {
			t.Errorf("%s: %d codes were checked, want %d", kind, checked, limit)
		}
		s.caddy.unlock(t, a.Email)
		s.expectCode(t, a)
	}
}

// better-auth checks the code of a session even if there is the cookie of a login
// that waits for a code. The right code of one user forgives nothing of another.
func (s *baSuite) twoCookies(t *testing.T) {
	a, attacker := who("olivia"), who("mallory")
	s.anew(t, a)
	s.anew(t, attacker)
	s.expectCode(t, a)
	mine := newClient(t, s.caddy.site)
	s.login(mine, attacker.Email, attacker.Secret)
	if got := s.codes.enter(mine, attacker, s.b.totp(t, attacker)); !s.codes.right(got) {
		t.Fatalf("the code of the attacker: status %d: %s", got.status, got.body)
	}
	reached := 0
	for i := range 2 * limit {
		c := newClient(t, s.caddy.site)
		s.login(c, a.Email, a.Secret)
		pending := baCookie(c, baPending)
		before := s.arrivals.count(s.codes.check)
		s.codes.enter(c, a, s.codes.wrong(i))
		reached += s.arrivals.count(s.codes.check) - before
		for _, cookies := range []string{
			baCookie(mine, baSession) + "; " + pending,
			pending + "; " + baCookie(mine, baSession),
			strings.Replace(baCookie(mine, baSession), "=", " =", 1) + "; " + pending,
			"x; " + baCookie(mine, baSession) + ";" + pending,
			`"; ` + baCookie(mine, baSession) + `; "=x; ` + pending,
			baPending + "=; " + baCookie(mine, baSession) + "; " + pending,
			"\xa0" + baCookie(mine, baSession) + "; " + pending, // JavaScript trims it
			strings.Replace(baCookie(mine, baSession), "=", "\xa0=", 1) + "; " + pending,
			strings.Replace(baCookie(mine, baSession), "=", "\t=", 1) + "; " + pending,
			"\t" + baCookie(mine, baSession) + "; " + pending,
		} {
			fresh := newClient(t, s.caddy.site)
			baPost(fresh, baTOTP, map[string]any{"code": s.b.totp(t, attacker)}, "Cookie", cookies)
		}
		baPost(newClient(t, s.caddy.site), baTOTP, map[string]any{"code": s.b.totp(t, attacker)}, "Cookie", baCookie(mine, baSession), "Cookie", pending)
	}
	if reached != limit || !s.caddy.locked(t, a.Email) {
		t.Errorf("%d wrong codes reached better-auth, want %d", reached, limit)
	}
}

// A session enrols an app: the codes that it enters count, and a right one passes.
func (s *baSuite) enrolment(t *testing.T) {
	a := who("heidi")
	s.anew(t, a)
	c := newClient(t, s.caddy.site)
	s.login(c, a.Email, a.Secret)
	got := baPost(c, "/api/auth/two-factor/enable", map[string]any{"password": a.Secret})
	var enabled struct{ TotpURI string }
	if err := json.Unmarshal([]byte(got.body), &enabled); err != nil || enabled.TotpURI == "" {
		t.Fatalf("turning on codes: status %d: %s", got.status, got.body)
	}
	for _, code := range []string{"wrong", totpOf(t, enabled.TotpURI)} {
		got = baPost(c, baTOTP, map[string]any{"code": code})
	}
	if got.status != http.StatusOK {
		t.Errorf("the right code: status %d: %s", got.status, got.body)
	}
	before := s.arrivals.count(s.codes.check)
	for range 2 * limit {
		baPost(c, baTOTP, map[string]any{"code": "wrong"})
	}
	if n := s.arrivals.count(s.codes.check) - before; n != limit {
		t.Errorf("%d codes of a session reached better-auth, want %d", n, limit)
	}
	s.caddy.unlock(t, a.Email)
	// Somebody who has just registered has a session without a login.
	c = newClient(t, s.caddy.site)
	baPost(c, "/api/auth/sign-up/email", map[string]any{"name": "new", "email": "new@example.test", "password": "wonderland-1865"})
	if got = baPost(c, "/api/auth/two-factor/enable", map[string]any{"password": "wonderland-1865"}); got.status != http.StatusOK {
		t.Errorf("turning on codes after a registration: status %d: %s", got.status, got.body)
	}
}

// Where a session is asked for the password, it counts together with the login.
func (s *baSuite) sessionPasswords(t *testing.T) {
	a, other := who("ivan"), who("carol")
	for path, fields := range map[string]func(secret string) map[string]any{
		"change-password": func(secret string) map[string]any {
			return map[string]any{"currentPassword": secret, "newPassword": a.Secret}
		},
		"verify-password":                  passwordField,
		"delete-user":                      passwordField,
		"two-factor/enable":                passwordField,
		"two-factor/disable":               passwordField,
		"two-factor/get-totp-uri":          passwordField,
		"two-factor/generate-backup-codes": passwordField,
	} {
		s.anew(t, a)
		c, others := newClient(t, s.caddy.site), newClient(t, s.caddy.site)
		s.login(c, a.Email, a.Secret)
		s.login(others, other.Email, other.Secret)
		reached := 0
		for range limit {
			secret := wrongSecret()
			baPost(c, "/api/auth/"+path, fields(secret))
			reached += s.arrivals.with(secret)
			baPost(others, "/api/auth/verify-password", map[string]any{"password": other.Secret})
			for _, cookies := range []string{
				baCookie(others, baSession) + "; " + baCookie(c, baSession),
				strings.Replace(baCookie(others, baSession), "=", " =", 1) + "; " + baCookie(c, baSession),
			} {
				secret = wrongSecret()
				baPost(newClient(t, s.caddy.site), "/api/auth/"+path, fields(secret), "Cookie", cookies)
				reached += s.arrivals.with(secret)
			}
			secret = wrongSecret()
			baPost(c, "/api/auth/"+path, fields(secret), "Authorization", "Bearer "+others.cookie(baSession))
			reached += s.arrivals.with(secret)
		}
		if path != "two-factor/generate-backup-codes" && path != "two-factor/get-totp-uri" && reached != limit {
			t.Errorf("%s: %d guesses reached better-auth, want %d", path, reached, limit)
		}
		if reached > limit {
			t.Errorf("%s: %d guesses reached better-auth, want at most %d", path, reached, limit)
		}
		s.expectShut(t, a)
	}
	s.caddy.unlock(t, a.Email)
	c := newClient(t, s.caddy.site)
	s.login(c, a.Email, a.Secret)
	if got := baPost(c, "/api/auth/change-password", map[string]any{"currentPassword": a.Secret, "newPassword": a.Secret, "revokeOtherSessions": true}); got.status != http.StatusOK {
		t.Errorf("changing the password: status %d: %s", got.status, got.body)
	}
	// The session is another now.
	for _, path := range []string{"two-factor/enable", "two-factor/generate-backup-codes", "two-factor/disable", "verify-password", "delete-user"} {
		if got := baPost(c, "/api/auth/"+path, passwordField(a.Secret)); got.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", path, got.status, got.body)
		}
	}
}

func passwordField(secret string) map[string]any { return map[string]any{"password": secret} }

func (s *baSuite) otherPlugins(t *testing.T) {
	for _, path := range []string{"sign-in/phone-number", "sign-in/email-otp", "phone-number/verify", "email-otp/verify-email", "email-otp/reset-password"} {
		secret := wrongSecret()
		got := baPost(newClient(t, s.caddy.site), "/api/auth/"+path, map[string]any{"email": "alice@example.test", "phoneNumber": "+1", "password": secret, "otp": secret, "code": secret})
		if got.status != http.StatusForbidden || s.arrivals.with(secret) != 0 {
			t.Errorf("%s: status %d, reached better-auth %d times", path, got.status, s.arrivals.with(secret))
		}
	}
}
