// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// manySteps are login services of different manners on one site.
const manySteps = formStep + `
		step password {
			match path /redirect
			user field username
			secret field password
			success status 302 303 & header Location /home*
			failure status 302 303
		}
		step password {
			match path /json
			accept json
			user field username
			secret field password
			success json token
			failure json error
		}
		step password {
			match path /moody
			user field username
			secret field password
			neutral status 403 502
			neutral header X-Csrf expired
			success status 200 & set_cookie sid
			pending status 202
			failure status 401
		}`

// Every case begins with one failure: a success makes it 0, a failure 2, and
// what says nothing leaves it.
func TestOutcomesThroughCaddy(t *testing.T) {
	t.Parallel()
	const forgiven, released, counted = 0, 1, 2
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(5))+siteBlock(manySteps, proxyTo(service.URL)))
	c := client(t)

	headers := func(code int, pairs ...string) script {
		return func(w http.ResponseWriter, _ *http.Request, _ bool) {
			for i := 0; i < len(pairs); i += 2 {
				w.Header().Add(pairs[i], pairs[i+1])
			}
			w.WriteHeader(code)
			_, _ = io.WriteString(w, "<h1>page</h1>")
		}
	}
	body := func(code int, text string) script {
		return func(w http.ResponseWriter, _ *http.Request, _ bool) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			_, _ = io.WriteString(w, text)
		}
	}
	zipped := func(text string) script {
		return func(w http.ResponseWriter, _ *http.Request, _ bool) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, text)
			_ = z.Close()
		}
	}
	for i, tt := range []struct {
		name     string
		path     string
		answer   script
		status   int
		failures uint32
	}{
		{"cookie", "/login", headers(200, "Set-Cookie", "sid=s3cret; Path=/; HttpOnly"), 200, forgiven},
		{"failure page with status 200", "/login", headers(200), 200, counted},
		{"another cookie", "/login", headers(200, "Set-Cookie", "csrf=x"), 200, counted},
		{"cookie deleted by an empty value", "/login", headers(200, "Set-Cookie", "sid="), 200, counted},
		{"cookie deleted by Max-Age", "/login", headers(200, "Set-Cookie", "sid=old; Max-Age=0"), 200, counted},
		{"cookie deleted by Expires", "/login", headers(200, "Set-Cookie", "sid=old; Expires=Thu, 01 Jan 1970 00:00:00 GMT"), 200, counted},
		{"cookie set, then deleted", "/login", headers(200, "Set-Cookie", "sid=s3cret", "Set-Cookie", "sid=; Max-Age=0"), 200, counted},
		{"cookie deleted, then set", "/login", headers(200, "Set-Cookie", "sid=; Max-Age=0", "Set-Cookie", "sid=s3cret"), 200, forgiven},
		{"cookie with another status", "/login", headers(302, "Set-Cookie", "sid=s3cret"), 302, counted},

		{"redirect home", "/redirect", headers(302, "Location", "/home"), 302, forgiven},
		{"redirect below home, 303", "/redirect", headers(303, "Location", "/home/mail"), 303, forgiven},
		{"redirect back to the form", "/redirect", headers(302, "Location", "/login?error=1"), 302, counted},
		{"redirect nowhere", "/redirect", headers(302), 302, counted},

		{"token", "/json", body(200, `{"token":"t0ken"}`), 200, forgiven},
		{"token with status 500", "/json", body(500, `{"token":"t0ken"}`), 500, forgiven},
		{"error", "/json", body(200, `{"error":"wrong"}`), 200, counted},
		{"empty token", "/json", body(200, `{"token":""}`), 200, counted},
		{"null token", "/json", body(200, `{"token":null}`), 200, counted},
		{"two tokens", "/json", body(200, `{"token":"a","token":"b"}`), 200, counted},
		{"no JSON", "/json", body(200, `token`), 200, counted},
		{"zipped token", "/json", zipped(`{"token":"t0ken"}`), 200, forgiven},
		{"zipped error", "/json", zipped(`{"error":"wrong"}`), 200, counted},
		{"long token", "/json", body(200, `{"token":"`+strings.Repeat("x", 60<<10)+`"}`), 200, forgiven},
		{"too long an answer", "/json", body(200, `{"token":"`+strings.Repeat("x", 70<<10)+`"}`), 200, counted},

		{"neutral status", "/moody", headers(403), 403, released},
		{"neutral header with a cookie", "/moody", headers(200, "X-Csrf", "expired", "Set-Cookie", "sid=s3cret"), 200, released},
		{"neutral 502 of the service", "/moody", headers(502), 502, released},
		{"502 of the proxy is not neutral", "/moody", cut(""), 502, counted},
		{"pending", "/moody", headers(202), 202, forgiven},
		{"failure", "/moody", headers(401), 401, counted},
		{"not named", "/moody", headers(404), 404, counted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			user := fmt.Sprint("case", i)
			mustLogin(t, c, n.URL, user, "ordinary", http.StatusUnauthorized)
			service.script(user, tt.answer)
			r, err := http.NewRequest(http.MethodPost, n.URL+tt.path, strings.NewReader(form(user, "x").Encode()))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if tt.path == "/json" {
				r.Header.Set("Content-Type", "application/json")
				r.Body = io.NopCloser(strings.NewReader(fmt.Sprintf(`{"username":%q,"password":"x"}`, user)))
				r.ContentLength = -1
			}
			got := read(c.Do(r))
			if got.status != tt.status || got.cut {
				t.Errorf("status %d, cut %t, want %d", got.status, got.cut, tt.status)
			}
			if strings.HasPrefix(tt.name, "zipped") && !strings.HasPrefix(got.body, `{"`) {
				t.Errorf("the client cannot read %q", got.body)
			}
			n.expectUser(t, user, tt.failures, false)
			if got := service.seen(user); got != 2 {
				t.Errorf("%d checks reached the service, want 2", got)
			}
			service.script(user, nil)
			mustLogin(t, c, n.URL, user, "right", http.StatusOK)
		})
	}
}

// Neutral answers take no slot for good, however many there are.
func TestNeutralAnswersDoNotAddUp(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(2))+siteBlock(manySteps, proxyTo(service.URL)))
	c := client(t)
	service.script("owner", status(http.StatusForbidden))
	for range 20 {
		if got := post(c, n.URL+"/moody", "owner", "right"); got.status != http.StatusForbidden {
			t.Fatalf("status %d", got.status)
		}
	}
	n.expectUser(t, "owner", 0, false)
	if got := service.seen("owner"); got != 20 {
		t.Errorf("%d checks reached the service, want 20", got)
	}
}

// A success that was under way when an administrator locked the user is
// refused, and nothing of it is shown.
func TestSuccessThatRacesALock(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(5))+siteBlock(formStep+basicStep, proxyTo(service.URL)))
	c := client(t)
	// It goes on until the proxy hangs up.
	endless := func(contentType string, first int) script {
		return func(w http.ResponseWriter, r *http.Request, _ bool) {
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s3cret"})
			w.Header().Set("Content-Type", contentType)
			_, _ = io.WriteString(w, "welcome"+strings.Repeat(" ", first))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}
	for i, tt := range []struct {
		name   string
		basic  bool
		answer script
	}{
		{"form", false, verdict},
		{"form, event stream", false, endless("text/event-stream", 0)},
		{"form, more than is held", false, endless("text/plain", 80<<10)},
		{"basic", true, verdict},
		{"basic, download", true, endless("application/octet-stream", 0)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			user := fmt.Sprint("racer", i)
			g := newGate(t)
			service.script(user, g.before(tt.answer))
			done := make(chan result, 1)
			go func() {
				if tt.basic {
					done <- basic(t, c, http.MethodGet, n.URL+"/", user, "right")
				} else {
					done <- post(c, n.URL+"/login", user, "right")
				}
			}()
			await(t, g.arrived, "the check")
			n.order(t, order{Do: "lock", User: user})
			g.open()
			got := await(t, done, "the answer")
			if got.status != http.StatusForbidden || len(got.header["Set-Cookie"]) > 0 || strings.Contains(got.body, "welcome") {
				t.Errorf("status %d, cookies %q, body %q, want a bare 403", got.status, got.header["Set-Cookie"], got.body)
			}
			n.expectUser(t, user, 0, true)
			n.order(t, order{Do: "unlock", User: user})
			service.script(user, nil)
			mustLogin(t, c, n.URL, user, "right", http.StatusOK)
		})
	}
}
