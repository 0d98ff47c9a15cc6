// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// loginService is an application with a form login on POST /login. The right
// password of everybody is "right".
type loginService struct {
	*httptest.Server

	// delay is how long a check takes.
	delay func() time.Duration

	mu     sync.Mutex
	checks map[string][]bool // by user, in the order in which they were made
}

func startLoginService(t testing.TB, delay func() time.Duration) *loginService {
	t.Helper()
	s := &loginService{delay: delay, checks: map[string][]bool{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *loginService) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/login" || r.Method != http.MethodPost {
		fmt.Fprint(w, "page")
		return
	}
	right := r.PostFormValue("password") == "right"
	s.mu.Lock()
	s.checks[r.PostFormValue("username")] = append(s.checks[r.PostFormValue("username")], right)
	s.mu.Unlock()
	if s.delay != nil {
		time.Sleep(s.delay())
	}
	if !right {
		http.Error(w, "wrong user name or password", http.StatusUnauthorized)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s3cret"})
	fmt.Fprint(w, "welcome")
}

// seen returns the checks of a user that reached the service.
func (s *loginService) seen(user string) []bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]bool(nil), s.checks[user]...)
}

// longestFailureRun is the most failed checks between two successes.
func longestFailureRun(checks []bool) (longest int) {
	run := 0
	for _, right := range checks {
		if run++; right {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// guarded is the site of most tests.
const guarded = `
SITE {
	lockout {
		step password {
			match path /login
			accept form json
			user field username
			secret field password
			success status 200 & set_cookie sid
			failure status 401
		}
	}
	reverse_proxy UPSTREAM
}
`

// siteConfig is a Caddyfile with the store and limit of a test. redis is the
// address of a server, or empty for the embedded store.
func siteConfig(upstream, redis string, limit int) string {
	store := ""
	if redis != "" {
		store = "redis {\n\t\t\taddress " + redis + "\n\t\t\ttimeout 5s\n\t\t}"
	}
	return fmt.Sprintf("{\n\tlockout {\n\t\t%s\n\t\tdefault_policy {\n\t\t\tmax_password_attempts %d\n\t\t}\n\t}\n}\n", store, limit) +
		strings.ReplaceAll(guarded, "UPSTREAM", upstream)
}

// login sends a form login and returns the status, or the error of a request
// without answer.
func login(c *http.Client, site, user, password string) (int, error) {
	resp, err := c.PostForm(site+"/login", url.Values{"username": {user}, "password": {password}})
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// mustLogin is login where an answer is expected.
func mustLogin(t testing.TB, c *http.Client, site, user, password string, want int) {
	t.Helper()
	got, err := login(c, site, user, password)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Fatalf("login of %s with %q: status %d, want %d", user, password, got, want)
	}
}
