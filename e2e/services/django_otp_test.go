// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestDjangoOTP(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"the admin": "/admin/login/", "LoginView": "/accounts/login/"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, djangoOTP(path))
		})
	}
}

// papers hands out the codes on paper, each once.
type papers struct {
	mu      sync.Mutex
	secrets map[string]djangoSecrets
}

func (p *papers) next(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.secrets[name]
	code := s.Static[0]
	s.Static = s.Static[1:]
	p.secrets[name] = s
	return code
}

func djangoOTP(path string) service {
	paper := &papers{}
	s := django(path, "otp")
	s.preset = "django-otp"
	s.start = func(t *testing.T, people []account) string {
		address, folder := startDjango(t, people, "otp")
		paper.secrets = secretsOf(t, folder)
		return address
	}
	// With the right password alone the page asks for a code, and shows the devices.
	s.login = func(c *client, name, secret string) answer { return djangoLogin(c, path, name, secret) }
	s.right = func(a answer) bool {
		return a.setsCookie("sessionid") || strings.Contains(a.body, `<option value="otp_totp.totpdevice/`)
	}
	s.wrong = func(a answer) bool {
		return a.status == http.StatusOK && strings.Contains(a.body, "error") && !strings.Contains(a.body, "<option")
	}
	enter := func(c *client, a account, code string) answer {
		return djangoLogin(c, path, a.Name, a.Secret, "otp_token", code)
	}
	s.passes = nil
	s.codes = &codes{
		begin: func(c *client, _ account) answer { return c.get(path) },
		enter: enter,
		code:  func(_ *testing.T, _ *client, a account) string { return paper.next(a.Name) },
		wrong: func(n int) string { return fmt.Sprintf("%06d", n) },
		check: func(a arrival) bool {
			form, err := url.ParseQuery(a.body)
			return a.method == http.MethodPost && err == nil && form.Get("otp_token") != ""
		},
		right: func(a answer) bool { return a.status == http.StatusFound && a.setsCookie("sessionid") },
	}
	s.more = func(s *suite, t *testing.T) {
		t.Run("devices", func(t *testing.T) { s.djangoDevices(t, path, paper) })
		t.Run("languages", func(t *testing.T) { s.djangoOTPLanguages(t, path, paper) })
		t.Run("password and code apart", func(t *testing.T) { s.djangoApart(t, path, paper) })
		t.Run("the form for the code alone", func(t *testing.T) { s.djangoCodeAlone(t, paper) })
		t.Run("accounts that may not", func(t *testing.T) { s.djangoOthers(t, path) })
	}
	return s
}

// djangoDevices logs in with the codes of an app, and counts those of all devices
// together.
func (s *suite) djangoDevices(t *testing.T, path string, paper *papers) {
	a := who("ivan")
	key, err := hex.DecodeString(paper.secrets[a.Name].TOTP)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, s.caddy.site)
	if got := djangoLogin(c, path, a.Name, a.Secret, "otp_token", totpAt(key, time.Now()), "otp_device", paper.secrets[a.Name].Device); !s.codes.right(got) {
		t.Fatalf("a code of the app: status %d: %.300s", got.status, got.body)
	}
	device := paper.secrets[a.Name].Device
	devices := []string{"", device, strings.Replace(device, "totp.totpdevice", "static.staticdevice", 1), "otp_totp.totpdevice/999", "x"}
	checked, before := 0, s.arrivals.count(s.codes.check)
	for i := range 3 * limit {
		djangoLogin(newClient(t, s.caddy.site), path, a.Name, a.Secret, "otp_token", s.codes.wrong(i), "otp_device", devices[i%len(devices)])
	}
	if checked = s.arrivals.count(s.codes.check) - before; checked != limit || !s.caddy.locked(t, a.Name) {
		t.Errorf("%d codes were checked, want %d", checked, limit)
	}
	s.caddy.unlock(t, a.Name)
	// A button for a challenge tells nothing of a code.
	for range 2 * limit {
		if got := djangoLogin(newClient(t, s.caddy.site), path, a.Name, a.Secret, "otp_challenge", "1", "otp_device", device, "otp_token", ""); got.status != http.StatusOK {
			t.Fatalf("asking for a challenge: status %d", got.status)
		}
	}
}

func (s *suite) djangoOTPLanguages(t *testing.T, path string, paper *papers) {
	a := who("heidi")
	for _, language := range []string{"de", "fr", "ar", "ja"} {
		login := func(secret string, more ...string) answer {
			c := newClient(t, s.caddy.site)
			c.language = language
			return djangoLogin(c, path, a.Name, secret, more...)
		}
		for range limit { // the password is right: nothing is counted
			if got := login(a.Secret); !s.right(got) {
				t.Fatalf("%s: the right password: status %d", language, got.status)
			}
		}
		for range limit - 1 {
			login(wrongSecret(), "otp_token", "000000")
		}
		login(a.Secret) // forgives passwords, and no codes
		for range limit - 1 {
			login(wrongSecret())
		}
		if s.caddy.locked(t, a.Name) {
			t.Fatalf("%s: the right password has forgiven nothing", language)
		}
		if got := login(a.Secret, "otp_token", paper.next(a.Name)); !s.codes.right(got) {
			t.Fatalf("%s: both right: status %d", language, got.status)
		}
		s.exhaust(t, a.Name, nil, func(_ *client, secret string) { login(secret) })
		before := s.arrivals.count(s.codes.check)
		for i := range 2 * limit {
			login(a.Secret, "otp_token", s.codes.wrong(i))
		}
		if checked := s.arrivals.count(s.codes.check) - before; checked != limit || !s.caddy.locked(t, a.Name) {
			t.Errorf("%s: %d codes were checked, want %d", language, checked, limit)
		}
		s.caddy.unlock(t, a.Name)
	}
}

// djangoApart makes sure that neither of the two forgives the other, and that a
// lock by one shuts the other.
func (s *suite) djangoApart(t *testing.T, path string, paper *papers) {
	a := who("grace")
	s.fresh(t, a)
	login := func(secret, code string) answer {
		return djangoLogin(newClient(t, s.caddy.site), path, a.Name, secret, "otp_token", code)
	}
	before := s.arrivals.count(s.codes.check)
	for i := range 2 * limit { // the right password between wrong codes forgives none
		login(a.Secret, "")
		login(a.Secret, s.codes.wrong(i))
	}
	if checked := s.arrivals.count(s.codes.check) - before; checked != limit || !s.caddy.locked(t, a.Name) {
		t.Errorf("%d codes were checked, want %d", checked, limit)
	}
	s.expectShut(t, a)
	s.caddy.unlock(t, a.Name)
	// A right code beside a wrong password is no right code.
	s.exhaust(t, a.Name, nil, func(_ *client, secret string) { login(secret, paper.next(a.Name)) })
	// Nor does the page say so because it repeats something.
	s.exhaust(t, a.Name, nil, func(c *client, secret string) {
		const marks = `name="password" value="x" <select name="otp_device"><option value="`
		djangoLogin(c, path, a.Name, secret, "otp_device", marks, "otp_token", marks, "next", marks)
	})
}

// djangoCodeAlone is somebody who is logged in by a password alone: django-otp
// asks for the code and looks at no name, so that no name may be forgiven.
func (s *suite) djangoCodeAlone(t *testing.T, paper *papers) {
	mine, victim := who("bob"), who("mallory")
	if s.caddy.locked(t, victim.Name) {
		s.caddy.unlock(t, victim.Name)
	}
	c := newClient(t, s.caddy.site)
	if got := djangoLogin(c, "/plain/", mine.Name, mine.Secret); got.status != http.StatusFound {
		t.Fatalf("status %d", got.status)
	}
	session := "csrftoken=" + c.cookie("csrftoken") + "; sessionid=" + c.cookie("sessionid")
	token := djangoToken(c, "/accounts/password_change/")
	send := func(fields ...string) answer {
		return newClient(t, s.caddy.site).post("/accounts/login/", formType, encodeForm(append([]string{"csrfmiddlewaretoken", token}, fields...)), "Cookie", session)
	}
	device := strings.Replace(paper.secrets[mine.Name].Device, "totp.totpdevice", "static.staticdevice", 1)
	before := s.arrivals.count(s.codes.check)
	if got := send("otp_device", device, "otp_token", paper.next(mine.Name)); s.codes.right(got) || s.arrivals.count(s.codes.check) != before {
		t.Errorf("a code without a name reached Django: status %d", got.status)
	}
	for range 2 * limit { // the page shows the devices of whoever is logged in
		s.guess(t, victim.Name)
		send("username", victim.Name, "password", "x", "otp_device", device, "otp_token", "")
	}
	if !s.caddy.locked(t, victim.Name) {
		t.Errorf("the page that asks for a code has forgiven guesses at %s", victim.Name)
	}
	s.caddy.unlock(t, victim.Name)
	s.expectRight(t, victim)
	for range 2 * limit {
		s.guess(t, victim.Name)
		send("username", victim.Name, "password", "x", "otp_device", device, "otp_token", paper.next(mine.Name))
	}
	if !s.caddy.locked(t, victim.Name) {
		t.Errorf("somebody else's code has forgiven guesses at %s", victim.Name)
	}
}
