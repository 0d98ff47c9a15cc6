// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import "testing"

// service describes a login service, and what it takes for a login.
type service struct {
	// preset is what stands behind the directive lockout: a name, and a block
	// where the test needs one.
	preset string
	// global holds lines of the global option lockout, such as names.
	global string
	// redis keeps the counters in Redis rather than in the embedded store.
	redis bool
	// start runs the service until the test ends, with these accounts, and
	// returns its address, such as http://127.0.0.1:8080.
	start func(t *testing.T, accounts []account) string
	// identity is what accounts log in with, and what their counter is kept under;
	// nil is the name.
	identity func(account) string
	// login logs in as users do, CSRF tokens included, and returns the answer to
	// the request with the secret.
	login func(c *client, name, secret string) answer
	// right tells the answer to a right secret, wrong that to a wrong one.
	right, wrong func(answer) bool

	// spellings are names that the service takes for the account. The test tries
	// each at the service itself.
	spellings func(account) []string
	// doors are other ways to try a secret: encodings of the login, other paths,
	// other interfaces. What the service does not take there is tried all the same.
	doors []door
	// targets are other spellings of the request line's path of the login; those
	// of every path are tried anyway.
	targets []string
	// passes are requests that the service must get as they are.
	passes []pass
	// codes is nil for a service without second factor.
	codes *codes
	// more are tests of this service alone.
	more func(*suite, *testing.T)
}

// account is a user of the service.
type account struct{ Name, Email, Secret string }

// door is a way to try a secret.
type door struct {
	name string
	try  func(c *client, a account, secret string) answer
	// right tells the answer to a right secret where it is another than that of
	// the login.
	right func(answer) bool
}

// pass is a request that has nothing to do with a login. It must reach the
// service and be answered with the same status as without Caddy.
type pass struct {
	name string
	send func(c *client, a account) answer
}

// codes describes a second factor.
type codes struct {
	// begin gives the right password and leaves the client where a code is asked
	// for. Services that take both at once leave it nil.
	begin func(c *client, a account) answer
	// enter sends a code.
	enter func(c *client, a account, code string) answer
	// code returns a code that is right now.
	code func(t *testing.T, c *client, a account) string
	// wrong returns the n-th code that is not right.
	wrong func(n int) string
	// check tells the requests that have a code checked, among those that reached
	// the service.
	check func(arrival) bool
	// right tells the answer to a right code.
	right func(answer) bool
}

// limit is how many wrong secrets lock.
const limit = 3

// Every test has an account of its own, so that none waits for another.
var people = accounts("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj", "olivia")

func accounts(names ...string) (made []account) {
	for _, n := range names {
		made = append(made, account{n, n + "@example.test", "Right-" + n + "-1865"})
	}
	return made
}
