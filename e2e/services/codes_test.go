// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"sync"
	"testing"
)

// everyCode tries what a preset promises about the second factor.
func (s *suite) everyCode(t *testing.T) {
	t.Run("lock and unlock", s.lockByCodes)
	t.Run("forgiveness", s.forgiveCodes)
	t.Run("40 codes at once", s.burstOfCodes)
}

// session returns a browser that has given the right password.
func (s *suite) session(t *testing.T, base string, a account) *client {
	t.Helper()
	c := newClient(t, base)
	if s.codes.begin != nil {
		s.codes.begin(c, a)
	}
	return c
}

// enter sends a code and says how many were checked meanwhile.
func (s *suite) enter(c *client, a account, code string) (checked int, got answer) {
	before := s.arrivals.count(s.codes.check)
	got = s.codes.enter(c, a, code)
	return s.arrivals.count(s.codes.check) - before, got
}

// A new session gives no fresh guesses, and the lock is on the user.
func (s *suite) lockByCodes(t *testing.T) {
	a := who("judy")
	for i := range limit {
		c := s.session(t, s.caddy.site, a)
		if checked, got := s.enter(c, a, s.codes.wrong(i)); checked != 1 || s.codes.right(got) {
			t.Fatalf("wrong code %d was checked %d times and answered with %d: %.300s", i+1, checked, got.status, got.body)
		}
	}
	if !s.caddy.locked(t, s.identity(a)) {
		t.Errorf("%s is not locked after %d wrong codes", a.Name, limit)
	}
	c := s.session(t, s.caddy.site, a)
	if checked, _ := s.enter(c, a, s.codes.wrong(limit)); checked != 0 {
		t.Error("a wrong code of a locked user was checked")
	}
	if checked, got := s.enter(c, a, s.codes.code(t, newClient(t, s.url), a)); checked != 0 || s.codes.right(got) {
		t.Error("the right code of a locked user was checked")
	}
	s.expectShut(t, a)
	s.caddy.unlock(t, s.identity(a))
	s.expectCode(t, a)
}

func (s *suite) expectCode(t *testing.T, a account) {
	t.Helper()
	c := s.session(t, s.caddy.site, a)
	if _, got := s.enter(c, a, s.codes.code(t, c, a)); !s.codes.right(got) {
		t.Fatalf("the right code of %s was not taken: status %d: %.300s", a.Name, got.status, got.body)
	}
}

// A right code forgives the wrong ones before it; a right password does not.
func (s *suite) forgiveCodes(t *testing.T) {
	a := who("niaj")
	for range 2 {
		for i := range limit - 1 {
			if checked, _ := s.enter(s.session(t, s.caddy.site, a), a, s.codes.wrong(i)); checked != 1 {
				t.Fatal("a wrong code was refused although a right one was given before")
			}
		}
		s.expectCode(t, a)
	}
}

func (s *suite) burstOfCodes(t *testing.T) {
	a := who("olivia")
	before := s.arrivals.count(s.codes.check)
	sessions := []*client{s.session(t, s.caddy.site, a), s.session(t, s.caddy.site, a)}
	var running sync.WaitGroup
	for i := range 40 {
		running.Go(func() { s.codes.enter(sessions[i%len(sessions)], a, s.codes.wrong(i)) })
	}
	running.Wait()
	if checked := s.arrivals.count(s.codes.check) - before; checked > limit || !s.caddy.locked(t, s.identity(a)) {
		t.Errorf("%d of 40 codes were checked, want at most %d", checked, limit)
	}
}
