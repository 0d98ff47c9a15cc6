// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// otpService is an application with a second factor. Everybody's password and
// every code is "right". It counts the checks of each user and type of code.
type otpService struct {
	*httptest.Server

	mu       sync.Mutex
	sessions map[string]string         // who has given a password or a name, by the id of the session
	checks   map[string]map[string]int // wrong ones, by user and type
	right    map[string]int            // accepted codes, by user
	rotates  bool                      // every answer about a code sets a new session
	before   func(r *http.Request)     // runs before a check
}

func startOTPService(t testing.TB) *otpService {
	t.Helper()
	s := &otpService{sessions: map[string]string{}, checks: map[string]map[string]int{}, right: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("POST /web/login", s.webLogin)
	mux.HandleFunc("POST /name", s.name)
	mux.HandleFunc("POST /otp", s.namedCode)
	mux.HandleFunc("POST /otp/{type}", s.namedCode)
	mux.HandleFunc("POST /mfa", s.code)
	mux.HandleFunc("POST /mfa/{type}", s.code)
	mux.HandleFunc("POST /web/mfa", s.code)
	mux.HandleFunc("POST /both", s.both)
	mux.HandleFunc("POST /reset", s.reset)
	mux.HandleFunc("POST /web/reset", s.reset)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "page") })
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// password checks a password. It notes a wrong one.
func (s *otpService) password(w http.ResponseWriter, r *http.Request) (user string, ok bool) {
	user = r.PostFormValue("username")
	if r.PostFormValue("password") == "right" {
		return user, true
	}
	s.note(user, "password")
	http.Error(w, "wrong", http.StatusUnauthorized)
	return user, false
}

// both checks password and code of one request, and says which one is wrong.
func (s *otpService) both(w http.ResponseWriter, r *http.Request) {
	user, code := r.PostFormValue("username"), r.PostFormValue("otp")
	answer := func(status int, text string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"code":%q}`, text)
	}
	switch {
	case r.PostFormValue("password") != "right":
		s.note(user, "password")
		answer(401, "password")
	case code == "":
		answer(401, "otp_missing")
	case code != "right" && code != "odd":
		s.note(user, "totp")
		answer(401, "otp")
	case code == "odd":
		s.note(user, "totp")
		answer(401, "who knows")
	default:
		s.mu.Lock()
		s.right[user]++
		s.mu.Unlock()
		answer(200, "welcome")
	}
}

// reset takes a new password. The tokens good and bad stand for themselves; in a
// JSON Web Token the signature does. The field web has the session go on under
// that cookie.
func (s *otpService) reset(w http.ResponseWriter, r *http.Request) {
	token := r.PostFormValue("token")
	if web := r.PostFormValue("web"); web != "" {
		http.SetCookie(w, &http.Cookie{Name: "web", Value: web})
	}
	if token == "good" || strings.HasSuffix(token, ".good") {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.WriteHeader(http.StatusBadRequest)
}

func (s *otpService) note(user, kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.checks[user] == nil {
		s.checks[user] = map[string]int{}
	}
	s.checks[user][kind]++
}

// open begins a session of a user under an id.
func (s *otpService) open(id, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[id] = user
}

// login begins a new session, which the answer names in every way there is.
func (s *otpService) login(w http.ResponseWriter, r *http.Request) {
	if user, ok := s.password(w, r); ok {
		s.challenge(w, user, http.StatusOK)
	}
}

// name begins a session of whoever is named.
func (s *otpService) name(w http.ResponseWriter, r *http.Request) {
	s.challenge(w, r.PostFormValue("username"), http.StatusOK)
}

func (s *otpService) challenge(w http.ResponseWriter, user string, status int) {
	id := rand.Text()
	s.open(id, user)
	http.SetCookie(w, &http.Cookie{Name: "tf", Value: id})
	w.Header().Set("Location", "/mfa?lang=en&flow="+id)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"mfa": map[string]string{"id": id}})
}

// webLogin notes the user in the session that the browser has.
func (s *otpService) webLogin(w http.ResponseWriter, r *http.Request) {
	user, ok := s.password(w, r)
	session, err := r.Cookie("web")
	if !ok || err != nil {
		return
	}
	s.open(session.Value, user)
	fmt.Fprint(w, `{"mfa":{"id":"your session"}}`)
}

// namedCode checks the code of a user who is named.
func (s *otpService) namedCode(w http.ResponseWriter, r *http.Request) {
	s.check(w, r, r.PostFormValue("username"))
}

// code checks the code of the user of a session.
func (s *otpService) code(w http.ResponseWriter, r *http.Request) {
	id := r.PostFormValue("flow")
	for _, name := range []string{"tf", "web"} {
		if c, err := r.Cookie(name); err == nil {
			id = c.Value
		}
	}
	if h := r.Header.Get("X-Session"); h != "" {
		id = h
	}
	s.mu.Lock()
	user, known := s.sessions[id]
	if known && s.rotates {
		delete(s.sessions, id)
		next := rand.Text()
		s.sessions[next] = user
		http.SetCookie(w, &http.Cookie{Name: "tf", Value: next})
	}
	s.mu.Unlock()
	if !known {
		user = "nobody"
	}
	s.check(w, r, user)
}

func (s *otpService) check(w http.ResponseWriter, r *http.Request, user string) {
	kind := r.PostFormValue("type")
	if inPath := r.PathValue("type"); inPath != "" {
		kind = inPath
	}
	if s.before != nil {
		s.before(r)
	}
	if user == "nobody" || r.PostFormValue("code") != "right" {
		s.note(user, kind)
		http.Error(w, "wrong code", http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	s.right[user]++
	s.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s3cret"})
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"account":{"name":%q}}`, user)
}

// wrong returns how many wrong secrets of a type were checked for a user.
func (s *otpService) wrong(user, kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checks[user][kind]
}

// accepted returns how many right codes of a user were checked.
func (s *otpService) accepted(user string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.right[user]
}

// arena of second factors: a node before the service.
type otpArena struct {
	*node
	service *otpService
}

const otpLimit, loginLimit = 3, 5

func startOTPArena(t testing.TB, steps string, global ...string) *otpArena {
	t.Helper()
	service := startOTPService(t)
	policy := fmt.Sprintf("default_policy {\n\t\t\tmax_password_attempts %d\n\t\t\tmax_otp_attempts %d\n\t\t}", loginLimit, otpLimit)
	return &otpArena{startNode(t, options(append(global, policy)...)+siteBlock(steps, proxyTo(service.URL))), service}
}

// send posts a form, "name=value" each, and a cookie if there is one.
func (a *otpArena) send(t testing.TB, path, cookie string, fields ...string) result {
	t.Helper()
	body := url.Values{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		body.Add(name, value)
	}
	r, err := http.NewRequest(http.MethodPost, a.URL+path, strings.NewReader(body.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", formType)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	return read(client(t).Do(r))
}

// expect sends and compares the status.
func (a *otpArena) expect(t testing.TB, want int, path, cookie string, fields ...string) result {
	t.Helper()
	got := a.send(t, path, cookie, fields...)
	if got.status != want {
		t.Errorf("%s with %q and %q: status %d, want %d: %s", path, cookie, fields, got.status, want, got.body)
	}
	return got
}
