// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// suite is one service behind its preset.
type suite struct {
	service
	url      string // of the service itself
	arrivals *arrivals
	caddy    caddy
	touched  map[string]bool // accounts whose guesses are not all left
}

// run tries everything that a preset promises.
func run(t *testing.T, s service) {
	if s.identity == nil {
		s.identity = func(a account) string { return a.Name }
	}
	r := &suite{service: s, url: s.start(t, people), touched: map[string]bool{}}
	r.arrivals = startArrivals(t, r.url)
	r.caddy = startCaddy(t, s, r.arrivals.URL)

	t.Run("the service itself", r.itself)
	if t.Failed() {
		return // nothing else would tell anything
	}
	t.Run("lock and unlock", r.lock)
	t.Run("forgiveness", r.forgiveness)
	t.Run("40 guesses at once", r.burst)
	t.Run("spellings of one account", r.oneAccount)
	t.Run("doors", r.everyDoor)
	t.Run("spellings of the path", r.everyTarget)
	t.Run("what must pass", r.everyPass)
	t.Run("on_locked preset", r.mimicry)
	if s.codes != nil {
		t.Run("codes", r.everyCode)
	}
	if s.more != nil {
		t.Run("more", func(t *testing.T) { s.more(r, t) })
	}
}

// guesses numbers wrong secrets: each is found again among the arrivals.
var guesses atomic.Int64

func wrongSecret() string { return fmt.Sprintf("wrongguess%06dx", guesses.Add(1)) }

// who returns an account by its name.
func who(name string) account {
	for _, a := range people {
		if a.Name == name {
			return a
		}
	}
	panic("nobody is called " + name)
}

// guess tries a wrong secret through Caddy with a browser of its own, and says
// how often it reached the service.
func (s *suite) guess(t *testing.T, name string) (reached int, got answer) {
	t.Helper()
	secret := wrongSecret()
	got = s.login(newClient(t, s.caddy.site), name, secret)
	return s.arrivals.with(secret), got
}

// expectRight logs in through Caddy.
func (s *suite) expectRight(t *testing.T, a account) {
	t.Helper()
	if got := s.login(newClient(t, s.caddy.site), s.identity(a), a.Secret); !s.right(got) {
		t.Fatalf("the right secret of %s was not taken: status %d: %.300s", a.Name, got.status, got.body)
	}
}

// expectShut makes sure that the right secret does not reach the service.
func (s *suite) expectShut(t *testing.T, a account) {
	t.Helper()
	before := s.arrivals.with(a.Secret)
	got := s.login(newClient(t, s.caddy.site), s.identity(a), a.Secret)
	if s.right(got) || s.arrivals.with(a.Secret) != before {
		t.Errorf("the right secret of %s reached the service although the user is locked", a.Name)
	}
}

// fresh gives an account all its guesses back, for a test that will use them up.
func (s *suite) fresh(t *testing.T, a account) {
	t.Helper()
	if !s.touched[a.Name] {
		return
	}
	if s.caddy.locked(t, s.identity(a)) {
		s.caddy.unlock(t, s.identity(a))
	}
	s.expectRight(t, a)
	s.touched[a.Name] = false
}

// anew does so for an account that may have been guessed at in other ways than by
// guess.
func (s *suite) anew(t *testing.T, a account) {
	t.Helper()
	s.touched[a.Name] = true
	s.fresh(t, a)
}

// The service takes the secrets of this test for what they are.
func (s *suite) itself(t *testing.T) {
	c := newClient(t, s.url)
	a := who("alice")
	if got := s.login(c, s.identity(a), a.Secret); !s.right(got) || s.wrong(got) {
		t.Errorf("the right secret: status %d, %v: %.300s", got.status, got.header, got.body)
	}
	for _, name := range []string{s.identity(a), "nobody-" + s.identity(a)} {
		if got := s.login(newClient(t, s.url), name, wrongSecret()); s.right(got) || !s.wrong(got) {
			t.Errorf("a wrong secret of %s: status %d, %v: %.300s", name, got.status, got.header, got.body)
		}
	}
}

// Exactly so many guesses reach the service, then nothing does until an
// administrator unlocks. Nobody else notices.
func (s *suite) lock(t *testing.T) {
	a, other := who("alice"), who("bob")
	for i := range limit {
		if s.caddy.locked(t, s.identity(a)) {
			t.Fatalf("%s is locked after %d guesses", a.Name, i)
		}
		if reached, got := s.guess(t, s.identity(a)); reached != 1 || !s.wrong(got) {
			t.Fatalf("guess %d reached the service %d times and was answered with %d: %.300s", i+1, reached, got.status, got.body)
		}
	}
	if !s.caddy.locked(t, s.identity(a)) {
		t.Errorf("%s is not locked after %d guesses", a.Name, limit)
	}
	for range 2 {
		if reached, got := s.guess(t, s.identity(a)); reached != 0 || s.wrong(got) {
			t.Errorf("a guess after the lock reached the service %d times and was answered with %d", reached, got.status)
		}
	}
	s.expectShut(t, a)
	s.expectRight(t, other)
	s.caddy.unlock(t, s.identity(a))
	s.expectRight(t, a)
}

// A right secret forgives the wrong ones before it.
func (s *suite) forgiveness(t *testing.T) {
	a := who("carol")
	for range 3 {
		for range limit - 1 {
			if reached, _ := s.guess(t, s.identity(a)); reached != 1 {
				t.Fatal("a guess was refused although a right secret was given before")
			}
		}
		s.expectRight(t, a)
	}
}

// However many guesses come at once, the service checks no more.
func (s *suite) burst(t *testing.T) {
	a := who("dave")
	var running sync.WaitGroup
	var reached atomic.Int64
	for range 40 {
		running.Go(func() {
			n, _ := s.guess(t, s.identity(a))
			reached.Add(int64(n))
		})
	}
	running.Wait()
	if reached.Load() != limit || !s.caddy.locked(t, s.identity(a)) {
		t.Errorf("%d of 40 guesses reached the service, want %d", reached.Load(), limit)
	}
	s.expectShut(t, a)
}

// A locked user sees what a wrong secret shows, where the operator wants it.
func (s *suite) mimicry(t *testing.T) {
	a := who("mallory")
	for range limit {
		s.guess(t, s.identity(a))
	}
	secret := wrongSecret()
	got := s.login(newClient(t, s.caddy.mimic), s.identity(a), secret)
	if s.arrivals.with(secret) != 0 {
		t.Fatal("a guess at a locked user reached the service")
	}
	genuine := s.login(newClient(t, s.url), s.identity(a), secret)
	if !s.wrong(got) {
		t.Errorf("the answer to a locked user does not look like one to a wrong secret: status %d: %.300s", got.status, got.body)
	}
	if got.status != genuine.status || got.header.Get("Content-Type") != genuine.header.Get("Content-Type") {
		t.Errorf("a locked user gets %d as %s, a wrong secret %d as %s", got.status, got.header.Get("Content-Type"), genuine.status, genuine.header.Get("Content-Type"))
	}
	right := s.login(newClient(t, s.caddy.mimic), s.identity(a), a.Secret)
	if right.status != got.status || right.body != got.body {
		t.Error("a right secret of a locked user is answered differently from a wrong one")
	}
}
