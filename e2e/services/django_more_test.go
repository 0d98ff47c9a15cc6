// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// guesses tries wrong secrets by try until limit is reached twice over, and
// fails when more reached the service than may.
func (s *suite) exhaust(t *testing.T, name string, between func(), try func(c *client, secret string)) {
	t.Helper()
	total := 0
	for range 2 * limit {
		secret := wrongSecret()
		try(newClient(t, s.caddy.site), secret)
		total += s.arrivals.with(secret)
		if between != nil {
			between()
		}
	}
	if total > limit || !s.caddy.locked(t, name) {
		t.Errorf("%d guesses at %s reached the service, want %d; locked %t", total, name, limit, s.caddy.locked(t, name))
	}
	s.caddy.unlock(t, name)
}

// djangoPages guesses at both login pages in turn: they share a counter.
func (s *suite) djangoPages(t *testing.T, _ string) {
	pages := []string{"/admin/login/", "/accounts/login/"}
	n := 0
	s.exhaust(t, "ivan", nil, func(c *client, secret string) {
		n++
		djangoLogin(c, pages[n%2], "ivan", secret)
	})
}

// djangoLanguages guesses in other languages.
func (s *suite) djangoLanguages(t *testing.T, path string) {
	a := who("heidi")
	for _, language := range []string{"de", "ar", "ja"} {
		s.exhaust(t, a.Name, nil, func(c *client, secret string) {
			c.language = language
			djangoLogin(c, path, a.Name, secret)
		})
		c := newClient(t, s.caddy.site)
		c.language = language
		if got := djangoLogin(c, path, a.Name, a.Secret); !s.right(got) {
			t.Errorf("in %s: status %d", language, got.status)
		}
	}
}

// djangoSession has somebody with an account, and a session of it, try to
// forgive guesses at another account.
func (s *suite) djangoSession(t *testing.T, path, folder string) {
	mine, victim := who("bob"), who("judy")
	c := newClient(t, s.caddy.site)
	if got := djangoLogin(c, path, mine.Name, mine.Secret); !s.right(got) {
		t.Fatalf("status %d", got.status)
	}
	token := djangoToken(c, "/accounts/password_change/")
	csrf, session := "csrftoken="+c.cookie("csrftoken")+"; sessionid=", c.cookie("sessionid")
	send := func(cookies string, fields ...string) {
		for _, at := range []string{"/admin/login/", "/accounts/login/"} {
			for _, secret := range []string{wrongSecret(), mine.Secret} {
				a := newClient(t, s.caddy.site)
				a.post(at, formType, encodeForm(append([]string{"csrfmiddlewaretoken", token, "username", victim.Name, "password", secret, "next", "/"}, fields...)), "Cookie", cookies)
			}
		}
	}
	for range limit {
		send(csrf + session)
		send("csrftoken=" + token[:32] + "; sessionid=" + session) // Django answers with another
		send(csrf + `"` + session + `"`)
		send(csrf + `"\` + octal(session[0]) + session[1:] + `"`)
		send(csrf + "x; sessionid=" + session)
		send(csrf[:len(csrf)-1] + "\u00a0=" + session)
		send(csrf + " " + session + " ")
		send(csrf+session, "otp_token", "123456")
		send(csrf+session, "otp_token", "")
	}
	if got := djangoFailed(t, folder, victim.Name); got > limit {
		t.Errorf("Django has checked %d wrong passwords of %s, want at most %d", got, victim.Name, limit)
	}
	// A wrong password of somebody who is logged in counts.
	if !s.caddy.locked(t, victim.Name) {
		s.exhaust(t, victim.Name, func() { send(csrf + session) }, func(c *client, secret string) {
			djangoLogin(c, path, victim.Name, secret)
		})
	} else {
		s.caddy.unlock(t, victim.Name)
	}
	s.expectRight(t, victim)
	// A login as another in the same browser is one.
	if got := djangoLogin(c, "/admin/login/", victim.Name, victim.Secret); !s.right(got) {
		t.Errorf("as another user: status %d", got.status)
	}
}

// djangoFailed returns how many wrong passwords Django has checked.
func djangoFailed(t *testing.T, folder, name string) int {
	t.Helper()
	in, err := os.ReadFile(filepath.Join(folder, "failed"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count("\n"+string(in), "\n"+name+"\n")
}

func octal(c byte) string { return string([]byte{'0' + c>>6, '0' + c>>3&7, '0' + c&7}) }

// djangoAgain logs in under a session of the same user: it keeps its cookie, and
// Django says nothing else that only a right password gets.
func (s *suite) djangoAgain(t *testing.T, _ string) {
	a := who("olivia")
	c := newClient(t, s.caddy.site)
	for i := range 2 * limit {
		if got := djangoLogin(c, "/admin/login/", a.Name, a.Secret); got.status != http.StatusFound {
			t.Fatalf("login %d: status %d", i+1, got.status)
		}
	}
	if s.caddy.locked(t, a.Name) {
		t.Error("right passwords were counted")
	}
	s.exhaust(t, a.Name, func() { djangoLogin(c, "/admin/login/", a.Name, wrongSecret()) }, func(c *client, secret string) {
		djangoLogin(c, "/admin/login/", a.Name, secret)
	})
}

// djangoMoved names the login by a path that some server in front of Django cuts
// to that of the login. Caddy itself drops names with underscores.
func (s *suite) djangoMoved(t *testing.T, path, folder string) {
	a := who("frank")
	s.fresh(t, a)
	before := djangoFailed(t, folder, a.Name)
	for _, header := range []string{"SCRIPT_NAME", "script_name", "Script-Name", "Script.Name", "Daphne-Root-Path", "X-Script-Name", "X-Forwarded-Prefix"} {
		for range limit {
			c := newClient(t, s.caddy.site)
			c.post("/x"+path, formType, encodeForm([]string{"csrfmiddlewaretoken", djangoToken(c, path), "username", a.Name, "password", wrongSecret()}), header, "/x")
		}
	}
	for _, header := range []string{"X-Original-URL", "X-Rewrite-URL", "PATH_INFO", "Path-Info"} {
		c := newClient(t, s.caddy.site)
		c.post("/x", formType, encodeForm([]string{"csrfmiddlewaretoken", djangoToken(c, path), "username", a.Name, "password", wrongSecret()}), header, path)
	}
	if got := djangoFailed(t, folder, a.Name) - before; got > 0 {
		t.Errorf("Django has checked %d passwords that were not counted", got)
	}
}

// djangoCSRF makes sure that a request which fails for its token is no guess, and
// that none that is a guess looks so.
func (s *suite) djangoCSRF(t *testing.T, path string) {
	a := who("grace")
	s.fresh(t, a)
	for range 2 * limit {
		c := newClient(t, s.caddy.site)
		if got := c.form(path, "username", a.Name, "password", a.Secret); got.status != http.StatusForbidden || strings.Contains(got.body, "locked") {
			t.Fatalf("without a token: status %d: %.300s", got.status, got.body)
		}
	}
	if s.caddy.locked(t, a.Name) {
		t.Fatal("requests without a token were counted")
	}
	s.exhaust(t, a.Name, nil, func(c *client, secret string) {
		// what the page repeats must not make it look like another
		djangoLogin(c, path+`?next=/(403)%3C/span%3E`, a.Name, secret, "next", `name="password" value="`+`<select name="otp_device"><option value="`+"(403)</span>")
	})
}

// djangoChange guesses the old password with somebody's session.
func (s *suite) djangoChange(t *testing.T, path string) {
	a := who("niaj")
	login := func() *client {
		c := newClient(t, s.caddy.site)
		if got := djangoLogin(c, path, a.Name, a.Secret); !s.right(got) {
			t.Fatalf("status %d", got.status)
		}
		return c
	}
	change := func(c *client, at, old, fresh string) answer {
		return c.form(at, "csrfmiddlewaretoken", djangoToken(c, at), "old_password", old, "new_password1", fresh, "new_password2", fresh)
	}
	for _, at := range []string{"/accounts/password_change/", "/admin/password_change/"} {
		c := login()
		s.exhaust(t, a.Name, nil, func(_ *client, secret string) { change(c, at, secret, a.Secret+"x") })
		for _, fresh := range []string{a.Secret + "x", a.Secret} {
			old := a.Secret
			if fresh == a.Secret {
				old = a.Secret + "x"
			}
			for range limit - 1 {
				change(c, at, wrongSecret(), "y")
			}
			if got := change(c, at, old, fresh); got.status != http.StatusFound { // forgives
				t.Fatalf("%s: status %d: %.2000s", at, got.status, got.body)
			}
		}
		// Guesses there and at the login are guesses at one password.
		n := 0
		s.exhaust(t, a.Name, nil, func(other *client, secret string) {
			if n++; n%2 == 0 {
				change(c, at, secret, "y")
			} else {
				djangoLogin(other, path, a.Name, secret)
			}
		})
		stranger := newClient(t, s.caddy.site)
		stranger.get("/accounts/login/")
		secret := wrongSecret()
		stranger.form(at, "csrfmiddlewaretoken", stranger.cookie("csrftoken"), "old_password", secret, "new_password1", "y", "new_password2", "y")
		stranger.form(at, "csrfmiddlewaretoken", stranger.cookie("csrftoken"), "old_password", secret, "new_password1", "y", "new_password2", "y", "username", a.Name)
		if s.arrivals.with(secret) != 0 {
			t.Errorf("%s: a guess without a session reached the service", at)
		}
	}
}

// djangoOthers are counted like everybody, and do not tell that they are others.
func (s *suite) djangoOthers(t *testing.T, path string) {
	for _, a := range djangoPeople {
		if a.Name == "norma" && path != "/admin/login/" {
			continue // who may log in there
		}
		s.exhaust(t, a.Name, nil, func(c *client, secret string) { djangoLogin(c, path, a.Name, secret) })
		n := 0
		s.exhaust(t, a.Name, nil, func(c *client, secret string) {
			n++
			djangoLogin(c, path, a.Name, a.Secret, "n", secret)
		})
	}
}
