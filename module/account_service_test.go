// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// accountService is an application that takes several names for one account: the
// user name and the e-mail address. It answers with the user name.
type accountService struct {
	*httptest.Server

	mu       sync.Mutex
	accounts []*testAccount
	pending  map[string]*testAccount // who has given a password, by the id that the answer gave
	before   func(r *http.Request)   // runs before a check
	identity func(a *testAccount) string
	ignores  bool // the name, in favour of whom the cookie "as" says
}

// testAccount is a user. The code of everybody is "right".
type testAccount struct {
	name, email, password string
	second                bool // a code is due
	checked               int  // wrong secrets that were compared with those of this account
	entered               int
}

func startAccountService(t testing.TB, accounts ...*testAccount) *accountService {
	t.Helper()
	s := &accountService{accounts: accounts, pending: map[string]*testAccount{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) { s.login(w, r, true) })
	mux.HandleFunc("POST /quiet", func(w http.ResponseWriter, r *http.Request) { s.login(w, r, false) })
	mux.HandleFunc("POST /code", s.code)
	mux.HandleFunc("POST /reset", s.reset)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// login compares the password with that of every account that has the name, as
// services do that ask several backends. Quietly means that the answer does not
// say whose it was.
func (s *accountService) login(w http.ResponseWriter, r *http.Request, says bool) {
	name, password := strings.ToLower(r.PostFormValue("username")), r.PostFormValue("password")
	if s.before != nil {
		s.before(r)
	}
	if ck, err := r.Cookie("as"); err == nil && s.ignores {
		name = ck.Value
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		if a.name != name && a.email != name {
			continue
		}
		if a.password != password {
			a.checked++
			continue
		}
		if a.second {
			id := rand.Text()
			s.pending[id] = a
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"mfa":%q}`, id)
			return
		}
		s.welcome(w, a, says)
		return
	}
	// Who fails is named too: nothing may be learned from it.
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnauthorized)
	fmt.Fprintf(w, `{"user":{"name":"somebody","email":"some@body.test"}}`)
}

func (s *accountService) welcome(w http.ResponseWriter, a *testAccount, says bool) {
	a.entered++
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s3cret"})
	w.Header().Set("Content-Type", "application/json")
	name := a.name
	if s.identity != nil {
		name = s.identity(a)
	}
	if !says {
		fmt.Fprint(w, `{"token":"t"}`)
		return
	}
	fmt.Fprintf(w, `{"token":"t","user":{"name":%q,"email":%q}}`, name, a.email)
}

func (s *accountService) code(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.pending[r.PostFormValue("flow")]
	if a == nil || r.PostFormValue("code") != "right" {
		if a != nil {
			a.checked++
		}
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	s.welcome(w, a, true)
}

func (s *accountService) reset(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		if a.email == r.PostFormValue("email") && r.PostFormValue("token") == "good" {
			w.Header().Set("X-User", a.name)
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	w.WriteHeader(http.StatusBadRequest)
}

// wrong returns how many wrong secrets were compared with those of an account.
func (s *accountService) wrong(a *testAccount) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return a.checked
}

func (s *accountService) entries(a *testAccount) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return a.entered
}

// rename changes an account as its owner may.
func (s *accountService) rename(a *testAccount, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.name = name
}

func (s *accountService) add(a *testAccount) *testAccount {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts = append(s.accounts, a)
	return a
}

// accountSteps learn whose names are one. In /quiet no answer says it.
const accountSteps = `
		step password {
			match path /login
			accept form
			user field username
			secret field password
			identity json user.name
			pending status 200 & json mfa
			success status 200 & json token
			failure status 401
			bind json mfa
		}
		step password {
			match path /quiet
			accept form
			user field username
			secret field password
			success status 200 & json token
			failure status 401
		}
		step totp {
			match path /code
			accept form
			user bind field flow
			secret field code
			identity json user.name
			success status 200 & json token
			failure status 401
		}
		step reset {
			match path /reset
			accept form
			user field email
			identity header X-User
			success status 204
		}`

// accountArena is a node before the service.
type accountArena struct {
	*otpArena
	accounts *accountService
}

func startAccountArena(t testing.TB, accounts []*testAccount, global ...string) *accountArena {
	t.Helper()
	s := startAccountService(t, accounts...)
	return s.arena(t, global...)
}

// arena is another node before the same service.
func (s *accountService) arena(t testing.TB, global ...string) *accountArena {
	t.Helper()
	return &accountArena{&otpArena{node: startNode(t, s.config(global...))}, s}
}

func (s *accountService) config(global ...string) string {
	policy := fmt.Sprintf("default_policy {\n\t\t\tmax_password_attempts %d\n\t\t\tmax_otp_attempts %d\n\t\t}", loginLimit, otpLimit)
	return options(append(global, policy)...) + "SITE {\n\tmetrics /metrics\n\tlockout {" + accountSteps + "\n\t}\n\t" + proxyTo(s.URL) + "\n}\n"
}

// login gives a password.
func (a *accountArena) login(t testing.TB, want int, name, password string) result {
	t.Helper()
	return a.expect(t, want, "/login", "", "username="+name, "password="+password)
}

func alice() *testAccount {
	return &testAccount{name: "alice", email: "alice@example.test", password: "right"}
}
