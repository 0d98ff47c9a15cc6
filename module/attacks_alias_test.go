// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"testing"
)

// byEmail is the identity of a service whose users choose their names, and change
// them.
func byEmail(a *testAccount) string { return a.email }

// mallory is an attacker with an account.
func mallory(name string) *testAccount {
	return &testAccount{name: name, email: "mallory@evil.test", password: "mallory's"}
}

// guessAt sends wrong passwords under a name until it is refused, at most a few
// times the limit. between is what the attacker does after each.
func (a *accountArena) guessAt(t *testing.T, name string, between func()) {
	t.Helper()
	for i := range 3 * loginLimit {
		if got := a.send(t, "/login", "", "username="+name, fmt.Sprint("password=", i)); got.status != 401 {
			return
		}
		between()
	}
}

// atMost checks how many guesses at an account were compared by the service.
func (a *accountArena) atMost(t *testing.T, victim *testAccount, want int) {
	t.Helper()
	if got := a.accounts.wrong(victim); got > want {
		t.Errorf("%d wrong passwords of %s were checked, want at most %d", got, victim.name, want)
	}
}

func TestAttacksByAliases(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T, accounts ...*testAccount) *accountArena {
		a := startAccountArena(t, accounts)
		a.accounts.identity = byEmail
		return a
	}
	t.Run("a name that was given up leads to the attacker", func(t *testing.T) {
		t.Parallel()
		evil := mallory("bob")
		a := start(t, evil)
		a.login(t, 200, "bob", evil.password)
		a.accounts.rename(evil, "mallory")
		bob := a.accounts.add(&testAccount{name: "bob", email: "bob@example.test", password: "right"})
		// Guesses at bob count for mallory as well, who forgives himself.
		a.guessAt(t, "bob", func() {
			a.login(t, 200, evil.email, evil.password)
			a.login(t, 200, "mallory", evil.password)
		})
		a.atMost(t, bob, loginLimit)
		a.login(t, 403, "bob", "right")
		a.login(t, 200, bob.email, "right")
		a.order(t, order{Do: "unlock", User: "bob"})
		a.login(t, 200, "bob", "right")
		// From now on the name leads to both. Mallory locked is no reason to lock bob,
		// and whoever unlocks the name unlocks whatever keeps it locked.
		for range loginLimit {
			a.login(t, 401, evil.email, "wrong")
		}
		a.login(t, 403, evil.email, evil.password)
		a.login(t, 200, bob.email, "right")
		a.order(t, order{Do: "unlock", User: "bob"})
		a.login(t, 200, "bob", "right")
	})
	t.Run("a name that was taken over forgives its former owner nothing", func(t *testing.T) {
		t.Parallel()
		user, evil := &testAccount{name: "al", email: "alice@example.test", password: "right"}, mallory("mallory")
		a := start(t, user, evil)
		a.login(t, 200, "al", "right")
		a.accounts.rename(user, "alice")
		a.login(t, 200, "alice", "right")
		a.accounts.rename(evil, "al")
		door := 0
		a.guessAt(t, "alice", func() {
			// One door says whose success it was, the other does not.
			a.send(t, []string{"/quiet", "/login"}[door%2], "", "username=al", "password="+evil.password)
			door++
		})
		a.atMost(t, user, loginLimit)
		a.login(t, 403, user.email, "right")
	})
	t.Run("one name for two accounts", func(t *testing.T) {
		t.Parallel()
		user, evil := &testAccount{name: "team", email: "alice@example.test", password: "right"}, mallory("team")
		a := start(t, user, evil)
		a.login(t, 200, "team", evil.password)
		a.login(t, 200, "team", "right")
		before := a.accounts.wrong(user)
		a.guessAt(t, "team", func() { a.send(t, "/login", "", "username=team", "password="+evil.password) })
		// The attacker's own password is wrong for the other account each time.
		if got := a.accounts.wrong(user) - before; got > 2*loginLimit {
			t.Errorf("%d wrong passwords were checked", got)
		}
		if !a.user(t, user.email).Locked {
			t.Error("the account of the victim is not locked")
		}
		a.login(t, 403, "team", evil.password)
		a.login(t, 200, evil.email, evil.password)
	})
	t.Run("a name that is the address of another", func(t *testing.T) {
		t.Parallel()
		user := alice()
		evil := mallory(user.email)
		// The service asks by name first, and then by address.
		a := start(t, evil, user)
		a.login(t, 200, "alice", "right")
		a.guessAt(t, user.email, func() { a.send(t, "/login", "", "username="+user.email, "password="+evil.password) })
		a.atMost(t, user, loginLimit)
		a.login(t, 403, "alice", "right")
	})
	t.Run("guesses at the attacker's own names lock nobody else", func(t *testing.T) {
		t.Parallel()
		user, evil := alice(), mallory("mallory")
		a := start(t, user, evil)
		a.login(t, 200, "alice", "right")
		a.login(t, 200, "mallory", evil.password)
		a.guessAt(t, "mallory", func() {})
		a.login(t, 403, evil.email, evil.password)
		a.login(t, 200, "alice", "right")
		a.login(t, 200, user.email, "right")
	})
	t.Run("an account collects no more names than it may", func(t *testing.T) {
		t.Parallel()
		user := alice()
		a := start(t, user)
		for i := range 10 {
			a.accounts.rename(user, fmt.Sprint("alice", i))
			a.login(t, 200, user.name, "right")
		}
		for i := range 10 {
			a.login(t, 401, fmt.Sprint("alice", i), "wrong")
			a.settled(t, fmt.Sprint("alice", i))
			if a.user(t, user.email).Locked {
				break
			}
		}
		a.expectUser(t, user.email, loginLimit, true)
		// It counts for itself, and is refused all the same when it proves whose it is.
		a.login(t, 403, "alice9", "right")
	})
}
