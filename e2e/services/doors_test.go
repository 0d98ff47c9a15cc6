// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"strings"
	"testing"
)

// oneAccount makes sure that other names of one account give no further
// guesses: they count together, or are refused.
func (s *suite) oneAccount(t *testing.T) {
	if s.spellings == nil {
		t.Log("the service knows each account by one name")
		return
	}
	a := who("erin")
	names := append([]string{s.identity(a)}, s.spellings(a)...)
	for _, name := range names {
		if got := s.login(newClient(t, s.url), name, a.Secret); !s.right(got) {
			t.Errorf("%q is no spelling of %s: status %d", name, a.Name, got.status)
		}
	}
	for _, name := range names[1:] {
		s.fresh(t, a)
		s.touched[a.Name] = true
		total := 0
		for range limit {
			reached, _ := s.guess(t, name)
			total += reached
		}
		reached, _ := s.guess(t, s.identity(a))
		if total += reached; total > limit {
			t.Errorf("%d guesses as %q and as %s reached the service", total, name, s.identity(a))
		}
	}
	s.fresh(t, a)
	total := 0
	for range limit {
		for _, name := range names {
			reached, _ := s.guess(t, name)
			total += reached
		}
	}
	if total > limit {
		t.Errorf("%d guesses reached the service under all names of one account", total)
	}
	for _, name := range names {
		before := s.arrivals.with(a.Secret)
		if got := s.login(newClient(t, s.caddy.site), name, a.Secret); s.right(got) || s.arrivals.with(a.Secret) != before {
			t.Errorf("as %q the right secret of a locked user reached the service", name)
		}
	}
}

func (s *suite) everyDoor(t *testing.T) {
	for _, d := range s.doors {
		t.Run(d.name, func(t *testing.T) { s.shut(t, who("frank"), d) })
	}
}

// shut makes sure that a door gives no more guesses than the login itself: what
// comes through it is refused, or counted for the account.
func (s *suite) shut(t *testing.T, a account, d door) {
	t.Helper()
	right := d.right
	if right == nil {
		right = s.right
	}
	if got := d.try(newClient(t, s.url), a, a.Secret); !right(got) {
		t.Logf("the service itself does not take the right secret here: status %d", got.status)
		return // so it does not tell a wrong one either
	}
	s.fresh(t, a)
	total := 0
	for i := range limit {
		secret := wrongSecret()
		d.try(newClient(t, s.caddy.site), a, secret)
		if total += s.arrivals.with(secret); i == 0 && total == 0 {
			t.Log("taken by the service, and refused")
			return
		}
	}
	through := total
	s.touched[a.Name] = true
	for range limit + 1 - total { // what the door left must be all that is left
		reached, _ := s.guess(t, s.identity(a))
		total += reached
	}
	if total > limit {
		t.Errorf("%d guesses reached the service, %d of them through this door", total, through)
	}
	t.Logf("taken by the service, and counted: %d", through)
	before := s.arrivals.with(a.Secret)
	if got := d.try(newClient(t, s.caddy.site), a, a.Secret); s.arrivals.with(a.Secret) != before || right(got) {
		t.Error("the right secret of a locked user reached the service")
	}
}

// everyTarget sends the login under other spellings of its path.
func (s *suite) everyTarget(t *testing.T) {
	spell := []struct {
		name    string
		respell func(path string) string
	}{
		{"slash behind", func(p string) string { return p + "/" }},
		{"two slashes", func(p string) string { return "/" + p }},
		{"two slashes inside", func(p string) string {
			at := strings.LastIndex(p, "/")
			return p[:at] + "/" + p[at:]
		}},
		{"dot segment", func(p string) string { return "/." + p }},
		{"double dot segment", func(p string) string { return "/x/.." + p }},
		{"upper case", strings.ToUpper},
		{"escaped letter", func(p string) string {
			at := strings.LastIndex(p, "/") + 1
			if at == len(p) {
				return p + "%2e"
			}
			const hex = "0123456789abcdef"
			return p[:at] + "%" + string(hex[p[at]>>4]) + string(hex[p[at]&15]) + p[at+1:]
		}},
		{"escaped slash", func(p string) string { return "/%2e" + p }},
		{"parameter", func(p string) string { return p + ";x=1" }},
		{"escaped NUL", func(p string) string { return p + "%00" }},
		{"blank behind", func(p string) string { return p + "%20" }},
		{"dot behind", func(p string) string { return p + "." }},
		{"path behind", func(p string) string { return p + "/x" }},
		{"backslash", func(p string) string {
			at := strings.LastIndex(p, "/")
			return p[:at] + "/%5c" + p[at+1:]
		}},
	}
	door := func(name string, respell func(string) string) door {
		return door{name: name, try: func(c *client, a account, secret string) answer {
			c.respell = respell
			return s.login(c, s.identity(a), secret)
		}}
	}
	for _, one := range spell {
		t.Run(one.name, func(t *testing.T) {
			s.shut(t, who("grace"), door(one.name, func(target string) string {
				path, query, has := strings.Cut(target, "?")
				path = one.respell(path)
				if has {
					return path + "?" + query
				}
				return path
			}))
		})
	}
	for _, target := range s.targets {
		t.Run(target, func(t *testing.T) {
			s.shut(t, who("grace"), door(target, func(string) string { return target }))
		})
	}
}

// everyPass makes sure that what is no login is answered as without Caddy.
func (s *suite) everyPass(t *testing.T) {
	for _, p := range s.passes {
		t.Run(p.name, func(t *testing.T) {
			want := p.send(newClient(t, s.url), who("heidi"))
			before := s.arrivals.with("")
			got := p.send(newClient(t, s.caddy.site), who("heidi"))
			if got.status != want.status || s.arrivals.with("") == before {
				t.Errorf("status %d through Caddy, %d without: %.300s", got.status, want.status, got.body)
			}
		})
	}
}
