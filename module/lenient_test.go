// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// lenient is the worst login service that a proxy can have behind it: it reads
// a request in every way that any server is known to, and checks a password for
// each user that it finds. Everybody's password is "right".
type lenient struct {
	*httptest.Server

	mu      sync.Mutex
	checks  map[string]int // by canonical user
	seen    int            // requests
	answers map[string]script

	// options: it has the doors of optionsSite, and takes more names for one.
	options bool
}

func startLenient(t testing.TB) *lenient {
	t.Helper()
	s := &lenient{checks: map[string]int{}, answers: map[string]script{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// loginPaths are where the service takes logins.
var loginPaths = map[string]bool{"/login": true, "/api/session": true, "/token": true, "/xmlrpc": true, "/graphql": true, "/batch": true,
	"/two": true, "/auth": true, "/mixed": true, "/q": true, "/realms/main/login": true, "/kind": true, "/verbatim": true, "/door": true, "/ws": true, "/query": true,
}

func (s *lenient) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	users := map[string][]string{} // secrets by user
	if leadsToLogin(r) {
		readLogins(r, body, users)
	}
	if !s.options || leadsToLogin(r, "/api/x") {
		readAuthorizations(r, users)
	}
	if s.options {
		users = mergeNames(users)
	}
	s.mu.Lock()
	s.seen++
	right := false
	var answer script
	for user, secrets := range users {
		s.checks[user] += len(secrets)
		for _, secret := range secrets {
			right = right || secret == "right"
		}
		if a := s.answers[user]; a != nil {
			answer = a
		}
	}
	s.mu.Unlock()
	switch {
	case len(users) == 0:
		w.Header().Set("X-Page", "yes")
		fmt.Fprint(w, "page")
	case answer != nil:
		answer(w, r, right)
	default:
		verdict(w, r, right)
	}
}

// of returns the checks of every user whose name begins with a prefix: each may
// have its own counter.
func (s *lenient) of(prefix string) map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]int{}
	for user, n := range s.checks {
		if strings.HasPrefix(user, prefix) {
			found[user] = n
		}
	}
	return found
}

func (s *lenient) count(user string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checks[user]
}

func (s *lenient) answer(user string, a script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[user] = a
}

// canonicalUser is what the service compares names by.
func canonicalUser(name string) string {
	name, _, _ = strings.Cut(name, "\x00")
	name = strings.ToValidUTF8(name, "")
	name = norm.NFKC.String(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f || r == 0xad || 0x200b <= r && r <= 0x200f || 0x2060 <= r && r <= 0x206f || r == 0xfeff || 0xfe00 <= r && r <= 0xfe0f || 0xe0000 <= r && r <= 0xe0fff {
			return -1
		}
		return r
	}, name))
	name = norm.NFKC.String(cases.Fold().String(name))
	return strings.Join(strings.Fields(name), " ")
}

// readAuthorizations finds Basic credentials wherever a server looks for them.
func readAuthorizations(r *http.Request, users map[string][]string) {
	for name, values := range r.Header {
		if !strings.EqualFold(strings.ReplaceAll(name, "_", "-"), "Authorization") {
			continue
		}
		for _, value := range values {
			lower := strings.ToLower(value)
			for at := strings.Index(lower, "basic"); at >= 0; {
				rest := strings.TrimLeft(value[at+len("basic"):], " \t:=")
				token, _, _ := strings.Cut(strings.ReplaceAll(rest, ",", " "), " ")
				token = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(token), "=")
				if raw, err := base64.RawStdEncoding.DecodeString(token); err == nil || len(raw) > 0 {
					if user, secret, ok := strings.Cut(string(raw), ":"); ok {
						addLogin(users, user, secret)
					}
				}
				next := strings.Index(lower[at+1:], "basic")
				if next < 0 {
					break
				}
				at += 1 + next
			}
		}
	}
}

func addLogin(users map[string][]string, user string, secrets ...string) {
	name := canonicalUser(user)
	if name == "" {
		return
	}
	for _, secret := range secrets {
		known := false
		for _, s := range users[name] {
			known = known || s == secret
		}
		if !known {
			users[name] = append(users[name], secret)
		}
	}
}
