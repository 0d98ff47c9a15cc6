// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// pbSuite tests what only PocketBase has.
type pbSuite struct {
	*suite
	pb *pocketBase
}

func (s *pbSuite) run(t *testing.T) {
	t.Run("superusers", s.superusers)
	t.Run("a namesake in capitals", s.namesake)
	t.Run("a user name", s.userName)
	t.Run("a user name that is an address", s.userNameLikeAddress)
	t.Run("a code first", s.codeFirst)
	t.Run("keys of codes", s.keys)
	t.Run("a new address", s.newAddress)
	t.Run("a completed reset", s.reset)
}

func (s *pbSuite) into(c *client, collection, name, secret string) answer {
	return c.json("/api/collections/"+collection+"/auth-with-password", map[string]string{"identity": name, "password": secret})
}

// tries returns how many wrong passwords reach a collection.
func (s *pbSuite) tries(t *testing.T, collection, name string, n int) (reached int) {
	t.Helper()
	for range n {
		secret := wrongSecret()
		s.into(newClient(t, s.caddy.site), collection, name, secret)
		reached += s.arrivals.with(secret)
	}
	return reached
}

// A superuser is another than the user of the same address, and neither forgives
// or locks the other.
func (s *pbSuite) superusers(t *testing.T) {
	a := who("alice")
	s.anew(t, a)
	site := newClient(t, s.caddy.site)
	reached := 0
	for range 2 * limit {
		reached += s.tries(t, "_superusers", a.Email, 1)
		s.expectRight(t, a)
	}
	if reached != limit {
		t.Errorf("%d passwords of a superuser reached PocketBase, want %d", reached, limit)
	}
	for _, name := range []string{"_superusers", "pbc_3142635823"} {
		if got := s.into(site, name, a.Email, a.Secret); s.right(got) {
			t.Errorf("the right password of a locked superuser was taken by %s", name)
		}
	}
	reached = 0
	for range 2 * limit {
		reached += s.tries(t, "users", a.Email, 1)
		s.into(site, "_superusers", who("bob").Email, who("bob").Secret)
	}
	if reached != limit {
		t.Errorf("%d passwords of a user reached PocketBase, want %d", reached, limit)
	}
	s.caddy.unlock(t, a.Email)
	if got := s.into(site, "_superusers", a.Email, a.Secret); s.right(got) {
		t.Error("the unlock of a user has unlocked a superuser")
	}
	if got := s.into(site, "_superusers", who("carol").Email, who("carol").Secret); !s.right(got) {
		t.Errorf("the right password of a superuser: status %d", got.status)
	}
	// The codes of a superuser are those of the superuser.
	dave := who("dave")
	s.anew(t, dave)
	otp := s.ask(site, "_superusers", dave)
	for range limit {
		site.json("/api/collections/_superusers/auth-with-otp", map[string]string{"otpId": otp, "password": "wrong"})
	}
	if got := site.json("/api/collections/_superusers/auth-with-otp", map[string]string{"otpId": otp, "password": s.pb.code(dave)}); s.right(got) {
		t.Error("the right code of a locked superuser was taken")
	}
	s.expectRight(t, dave)
}

// ask asks for a code.
func (s *pbSuite) ask(c *client, collection string, a account) (otp string) {
	var answer struct{ OtpID string }
	_ = json.Unmarshal([]byte(c.json("/api/collections/"+collection+"/request-otp", map[string]string{"email": a.Email}).body), &answer)
	return answer.OtpID
}

// register makes an account as anybody can.
func (s *pbSuite) register(t *testing.T, email, userName, secret string) {
	t.Helper()
	got := newClient(t, s.caddy.site).json(pbUsers+"records", map[string]string{"email": email, "username": userName, "password": secret, "passwordConfirm": secret})
	if got.status != http.StatusOK {
		t.Fatalf("registering %s: status %d: %s", email, got.status, got.body)
	}
}

// PocketBase lets anybody register the address of another in capitals. That does
// not forgive guesses at the other.
func (s *pbSuite) namesake(t *testing.T) {
	a := who("erin")
	s.anew(t, a)
	attacker := account{"capitals", strings.ToUpper(a.Email), "of-the-attacker-1!"}
	s.register(t, attacker.Email, attacker.Name, attacker.Secret)
	if got := s.login(newClient(t, s.url), attacker.Email, attacker.Secret); !s.right(got) {
		t.Fatalf("PocketBase itself: status %d: %s", got.status, got.body)
	}
	reached := 0
	for range 2 * limit {
		n, _ := s.guess(t, a.Email)
		reached += n
		s.login(newClient(t, s.caddy.site), attacker.Email, attacker.Secret)
		s.login(newClient(t, s.caddy.site), attacker.Name, attacker.Secret)
	}
	if reached > limit {
		t.Errorf("%d guesses reached PocketBase, want at most %d", reached, limit)
	}
	s.expectShut(t, a)
}

// Once somebody has logged in by user name and by address, both count together.
func (s *pbSuite) userName(t *testing.T) {
	a := who("frank")
	s.anew(t, a)
	if got := s.login(newClient(t, s.caddy.site), a.Name, a.Secret); !s.right(got) {
		t.Fatalf("by user name: status %d", got.status)
	}
	reached := 0
	for _, name := range []string{a.Email, a.Name, strings.ToUpper(a.Name), a.Email, a.Name, a.Email} {
		n, _ := s.guess(t, name)
		reached += n
	}
	if reached != limit {
		t.Errorf("%d guesses reached PocketBase, want %d", reached, limit)
	}
	for _, name := range []string{a.Name, a.Email} {
		if got := s.login(newClient(t, s.caddy.site), name, a.Secret); s.right(got) {
			t.Errorf("the right password of a locked user was taken for %s", name)
		}
	}
	// An administrator who locks or unlocks one name means the account.
	s.caddy.unlock(t, a.Name)
	s.expectRight(t, a)
	if got := s.login(newClient(t, s.caddy.site), a.Name, a.Secret); !s.right(got) {
		t.Errorf("an unlocked user: status %d for %s", got.status, a.Name)
	}
	if status, body := s.caddy.call(t, http.MethodPost, a.Email, "/_lock"); status != http.StatusOK {
		t.Fatalf("locking: status %d: %s", status, body)
	}
	for _, name := range []string{a.Name, a.Email} {
		if got := s.login(newClient(t, s.caddy.site), name, a.Secret); s.right(got) {
			t.Errorf("the right password of a user whom an administrator has locked was taken for %s", name)
		}
	}
	s.caddy.unlock(t, a.Email)
}

// A user name may be the address of another.
func (s *pbSuite) userNameLikeAddress(t *testing.T) {
	a := who("grace")
	s.anew(t, a)
	attacker := account{a.Email, "attacker@example.test", "of-the-attacker-1!"}
	s.register(t, attacker.Email, attacker.Name, attacker.Secret)
	direct := newClient(t, s.url).json(pbPassword, map[string]string{"identity": a.Email, "identityField": "username", "password": attacker.Secret})
	if !s.right(direct) {
		t.Fatalf("PocketBase itself: status %d: %s", direct.status, direct.body)
	}
	reached := 0
	for range 2 * limit {
		n, _ := s.guess(t, a.Email)
		reached += n
		c := newClient(t, s.caddy.site)
		c.json(pbPassword, map[string]string{"identity": a.Email, "identityField": "username", "password": attacker.Secret})
		s.login(c, attacker.Email, attacker.Secret)
	}
	if reached > limit {
		t.Errorf("%d guesses reached PocketBase, want at most %d", reached, limit)
	}
	s.expectShut(t, a)
}

// The code may come before the password.
func (s *pbSuite) codeFirst(t *testing.T) {
	a := who("niaj")
	s.anew(t, a)
	c := newClient(t, s.caddy.site)
	otp := s.ask(c, "users", a)
	for range limit - 1 {
		c.json(pbUsers+"auth-with-otp", map[string]string{"otpId": otp, "password": "wrong"})
	}
	got := c.json(pbUsers+"auth-with-otp", map[string]string{"otpId": otp, "password": s.pb.code(a)})
	var mfa struct{ MfaID string }
	if err := json.Unmarshal([]byte(got.body), &mfa); err != nil || got.status != http.StatusUnauthorized || mfa.MfaID == "" {
		t.Fatalf("the right code: status %d: %s", got.status, got.body)
	}
	for _, secret := range []string{"wrong", a.Secret} {
		got = c.json(pbPassword+"?mfaId="+mfa.MfaID, map[string]string{"identity": a.Email, "password": secret})
	}
	if got.status != http.StatusOK {
		t.Errorf("the right password behind the right code: status %d: %s", got.status, got.body)
	}
	otp = s.ask(c, "users", a) // the wrong codes were forgiven
	for range limit - 1 {
		c.json(pbUsers+"auth-with-otp", map[string]string{"otpId": otp, "password": "wrong"})
	}
	s.expectRight(t, a)
}

// A code comes with a key that leads to one user alone.
func (s *pbSuite) keys(t *testing.T) {
	a, other := who("heidi"), who("ivan")
	s.anew(t, a)
	s.anew(t, other)
	c := newClient(t, s.caddy.site)
	otp, others := s.ask(c, "users", a), s.ask(c, "users", other)
	before := s.arrivals.count(s.codes.check)
	for name, fields := range map[string]any{
		"no key":         map[string]string{"password": "00000000"},
		"unknown key":    map[string]string{"otpId": "abcdefghijklmno", "password": "00000000"},
		"two keys":       json.RawMessage(`{"otpId": "` + others + `", "otpId": "` + otp + `", "password": "00000000"}`),
		"key of a list":  map[string]any{"otpId": []string{otp}, "password": "00000000"},
		"key in capital": json.RawMessage(`{"otpId": "` + others + `", "OtpId": "` + otp + `", "password": "00000000"}`),
	} {
		if got := c.json(pbUsers+"auth-with-otp", fields); got.status < 400 {
			t.Errorf("%s: status %d", name, got.status)
		}
	}
	c.json(pbUsers+"auth-with-otp?otpId="+otp, map[string]string{"otpId": others, "password": "00000000"})
	c.form(pbUsers+"auth-with-otp", "otpId", otp, "password", "00000000")
	c.json("/api/collections/members/auth-with-otp", map[string]string{"otpId": otp, "password": "00000000"})
	if n := s.arrivals.count(s.codes.check) - before; n > 1 { // the one with others in the body may be checked for the other
		t.Errorf("%d codes under keys that lead to nobody reached PocketBase", n)
	}
	checked := 0
	for range 2 * limit {
		before := s.arrivals.count(s.codes.check)
		c.json(pbUsers+"auth-with-otp", map[string]string{"otpId": s.ask(c, "users", a), "password": "00000000"})
		checked += s.arrivals.count(s.codes.check) - before
		c.json(pbUsers+"auth-with-otp", map[string]string{"otpId": s.ask(c, "users", other), "password": s.pb.code(other)})
	}
	if checked > limit {
		t.Errorf("%d wrong codes reached PocketBase, want at most %d", checked, limit)
	}
	if !s.caddy.locked(t, a.Email) || s.caddy.locked(t, other.Email) {
		t.Error("wrong codes of one user were forgiven by right ones of another")
	}
}

// Whoever has a token to confirm a new address is asked for the password.
func (s *pbSuite) newAddress(t *testing.T) {
	a := who("ivan")
	s.anew(t, a)
	record, err := s.pb.app.FindAuthRecordByEmail("users", a.Email)
	if err != nil {
		t.Fatal(err)
	}
	token, err := record.NewEmailChangeToken("new-" + a.Email)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, s.caddy.site)
	confirm := func(token, secret string) answer {
		return c.json(pbUsers+"confirm-email-change", map[string]string{"token": token, "password": secret})
	}
	for range 2 * limit {
		if got := confirm(token[:len(token)-4]+"AAAA", wrongSecret()); got.status != http.StatusBadRequest {
			t.Fatalf("a forged token: status %d: %s", got.status, got.body)
		}
	}
	s.expectRight(t, a) // which a forged token does not lock
	reached := 0
	for range 2 * limit {
		secret := wrongSecret()
		confirm(token, secret)
		reached += s.arrivals.with(secret)
	}
	if reached != limit || !s.caddy.locked(t, a.Email) {
		t.Errorf("%d guesses reached PocketBase, want %d", reached, limit)
	}
	s.caddy.unlock(t, a.Email)
	if got := confirm(token, a.Secret); got.status != http.StatusNoContent {
		t.Errorf("the right password: status %d: %s", got.status, got.body)
	}
}

func (s *pbSuite) reset(t *testing.T) {
	a := who("carol")
	s.anew(t, a)
	for range limit - 1 {
		s.guess(t, a.Email)
	}
	record, err := s.pb.app.FindAuthRecordByEmail("users", a.Email)
	if err != nil {
		t.Fatal(err)
	}
	token, err := record.NewPasswordResetToken()
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, s.caddy.site)
	got := c.json(pbUsers+"confirm-password-reset", map[string]string{"token": token, "password": a.Secret, "passwordConfirm": a.Secret})
	if got.status != http.StatusNoContent {
		t.Fatalf("the reset: status %d: %s", got.status, got.body)
	}
	for range limit {
		if reached, _ := s.guess(t, a.Email); reached != 1 {
			t.Error("the reset has not cleared the counter")
		}
	}
}
