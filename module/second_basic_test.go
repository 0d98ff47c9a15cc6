// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// codeBeside is HTTP Basic with a code in a header, as an API takes it that has
// no login page.
const codeBeside = `
		step password {
			user basic
			same_request totp header X-Otp
			success status 2xx
			pending status 401 & json message=otp_missing
			failure totp status 401 & json message=otp_wrong
			failure password status 401 & json message=password
			failure status 401
		}`

// startCodeBeside is a service whose right password and code are "right".
func startCodeBeside(t testing.TB) *scripted {
	service := startScripted(t)
	for _, user := range []string{"w", "c", "m", "o", "r", "l", "v", "x", "s", "h"} {
		service.script(user, func(w http.ResponseWriter, r *http.Request, right bool) {
			code, say := r.Header.Get("X-Otp"), ""
			switch {
			case !right:
				say = "password"
			case code == "":
				say = "otp_missing"
			case code == "odd":
				say = "who knows"
			case code != "right":
				say = "otp_wrong"
			default:
				fmt.Fprint(w, `{"message":"welcome"}`)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"message":%q}`, say)
		})
	}
	return service
}

func TestCodeBesideBasic(t *testing.T) {
	t.Parallel()
	service := startCodeBeside(t)
	policy := fmt.Sprintf("default_policy {\n\t\t\tmax_password_attempts %d\n\t\t\tmax_otp_attempts %d\n\t\t}", loginLimit, otpLimit)
	n := startNode(t, options(policy)+siteBlock(codeBeside, proxyTo(service.URL)))
	send := func(t *testing.T, method, user, password, code string, want int) {
		t.Helper()
		r, err := http.NewRequest(method, n.URL+"/api", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(user, password)
		if code != "" {
			r.Header.Set("X-Otp", code)
		}
		if got := read(client(t).Do(r)); got.status != want {
			t.Errorf("%s/%s: status %d, want %d", password, code, got.status, want)
		}
	}
	for _, tt := range []struct {
		user, name string
		attempts   []string // password/code
		failures   uint32   // of both factors
		locked     bool
		seen       int
	}{
		{"w", "a wrong password with a code is no guess at the code", []string{"wrong/wrong", "wrong/right"}, 2, false, 2},
		{"c", "a wrong code counts as a code, and forgives no password", []string{"wrong/", "right/wrong", "right/other"}, 3, false, 3},
		{"m", "a missing code forgives the password alone", []string{"wrong/", "right/wrong", "right/"}, 1, false, 3},
		{"r", "both right forgive both", []string{"wrong/", "right/wrong", "right/right"}, 0, false, 3},
		{"o", "what no rule tells apart counts for both", []string{"right/odd"}, 2, false, 1},
		{"l", "codes lock", []string{"right/1", "right/2", "right/3", "right/right"}, 3, true, 3},
		{"v", "a password that is known makes no guess at a code free", []string{"right/right", "right/right", "right/1", "right/", "right/1", "right/2", "right/3"}, 3, true, 6},
		{"x", "nor does a missing code", []string{"right/", "right/", "right/1", "right/", "right/1", "right/1", "right/1"}, 3, true, 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for i, attempt := range tt.attempts {
				password, code, _ := strings.Cut(attempt, "/")
				want := http.StatusUnauthorized
				switch {
				case tt.locked && i == len(tt.attempts)-1:
					want = http.StatusForbidden
				case attempt == "right/right":
					want = http.StatusOK
				}
				send(t, http.MethodGet, tt.user, password, code, want)
			}
			n.expectUser(t, tt.user, tt.failures, tt.locked)
			if got := service.seen(tt.user); got != tt.seen {
				t.Errorf("%d checks reached the service, want %d", got, tt.seen)
			}
		})
	}
	t.Run("an answer to HEAD has no text, so both count", func(t *testing.T) {
		send(t, http.MethodHead, "h", "right", "wrong", http.StatusUnauthorized)
		n.expectUser(t, "h", 2, false)
	})
}

// A code that has two readings reaches no service.
func TestCodeBesideBasicHasOneReading(t *testing.T) {
	t.Parallel()
	service := startCodeBeside(t)
	n := startNode(t, options(maxAttempts(3))+siteBlock(codeBeside, proxyTo(service.URL)))
	for name, headers := range map[string]string{
		"twice":            "X-Otp: wrong\r\nX-Otp: right",
		"not ASCII":        "X-Otp: r\xefght",
		"removed by a hop": "X-Otp: right\r\nConnection: X-Otp",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := rawSend(t, n, "GET /api HTTP/1.1\r\nHost: "+n.address()+"\r\nAuthorization: Basic czpyaWdodA==\r\n"+headers+"\r\n\r\n")
			if got, _ := readAnswer(t, conn); got.StatusCode != http.StatusBadRequest {
				t.Errorf("status %d", got.StatusCode)
			}
			if service.seen("s") != 0 {
				t.Error("the service was asked")
			}
		})
	}
}

// Whoever guesses codes with the right password, all at once, gets as many
// guesses as the policy allows.
func TestRaceForCodesBesideBasic(t *testing.T) {
	t.Parallel()
	service := startCodeBeside(t)
	policy := fmt.Sprintf("default_policy {\n\t\t\tmax_password_attempts %d\n\t\t\tmax_otp_attempts %d\n\t\t}", 50, otpLimit)
	n := startNode(t, options(policy)+siteBlock(codeBeside, proxyTo(service.URL)))
	done := make(chan int, 30)
	c := client(t)
	for i := range cap(done) {
		go func() {
			r, err := http.NewRequest(http.MethodGet, n.URL+"/api", nil)
			if err != nil {
				panic(err)
			}
			r.SetBasicAuth("x", "right")
			r.Header.Set("X-Otp", fmt.Sprint(i))
			done <- read(c.Do(r)).status
		}()
	}
	checked := 0
	for range cap(done) {
		if await(t, done, "an answer") == http.StatusUnauthorized {
			checked++
		}
	}
	if checked != otpLimit || service.seen("x") != otpLimit {
		t.Errorf("%d guesses were answered and %d checked, want %d", checked, service.seen("x"), otpLimit)
	}
}

// A session beside a wrong password forgives nothing when it does not go on.
func TestDroppedCookies(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	service.script("victim", func(w http.ResponseWriter, r *http.Request, right bool) {
		if _, err := r.Cookie("sid"); err == nil || right {
			fmt.Fprint(w, "welcome, whoever you are ", r.Header.Get("Cookie"))
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	})
	n := startNode(t, options(maxAttempts(3))+siteBlock(strings.Replace(basicStep, "user basic", "user basic\n\t\t\tdrop_cookies sid", 1), proxyTo(service.URL)))
	c := client(t)
	send := func(cookie string, want int) {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, n.URL+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("victim", "wrong")
		r.Header.Set("Cookie", cookie)
		if got := read(c.Do(r)); got.status != want {
			t.Errorf("with %q: status %d, want %d", cookie, got.status, want)
		}
	}
	for range 3 {
		send("lang=en; sid=mine", http.StatusUnauthorized)
	}
	send("sid=mine", http.StatusForbidden)
	n.expectUser(t, "victim", 3, true)
	service.script("other", func(w http.ResponseWriter, r *http.Request, _ bool) { fmt.Fprint(w, r.Header.Get("Cookie")) })
	r, err := http.NewRequest(http.MethodGet, n.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("other", "right")
	r.Header.Set("Cookie", "lang=en; sid=mine; a=b")
	if got := read(c.Do(r)); got.body != "lang=en; a=b" {
		t.Errorf("the service got %q", got.body)
	}
}
