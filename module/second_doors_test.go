// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// publicAndPrivate asks for HTTP Basic on /private alone, as many applications
// do. Everybody's password is "right". checks counts the wrong ones of victim.
func publicAndPrivate(t testing.TB, checks *atomic.Int32) *httptest.Server {
	t.Helper()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodOptions:
			w.WriteHeader(http.StatusNoContent)
		case strings.HasPrefix(r.URL.Path, "/private"):
			if user, password, ok := r.BasicAuth(); !ok || password != "right" {
				if user == "victim" {
					checks.Add(1)
				}
				w.Header().Set("WWW-Authenticate", "Basic")
				w.WriteHeader(http.StatusUnauthorized)
			}
		case r.URL.Path == "/socket":
			upgradeToEcho(w, r, true)
		case r.URL.Path == "/robots.txt" && r.Method == http.MethodPut:
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return
			}
			w.WriteHeader(http.StatusUnauthorized) // only writing is protected
		case r.URL.Query().Has("token"):
			w.WriteHeader(http.StatusUnauthorized) // a token is right or wrong on public pages too
		case r.URL.Path == "/robots.txt":
			fmt.Fprint(w, "Disallow: /")
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(service.Close)
	return service
}

const lenientBasicStep = `
		step password {
			user basic
			success status 2xx 3xx 403 404
			failure status 401
		}
`

// An answer that does not depend on the password forgives nothing: P121, P122
// for HTTP Basic.
func TestAnswersWithoutACheckForgiveNothing(t *testing.T) {
	t.Parallel()
	const limit = 3
	for _, tt := range []struct{ name, method, target string }{
		{"a public file", http.MethodGet, "/robots.txt"},
		{"nothing there", http.MethodGet, "/nothing"},
		{"CORS asks before", http.MethodOptions, "/private"},
		{"HEAD of a public file", http.MethodHead, "/robots.txt"},
		{"a file that anybody may read and not write", http.MethodGet, "/robots.txt"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var checks atomic.Int32
			n := startNode(t, options(maxAttempts(limit))+siteBlock(lenientBasicStep, proxyTo(publicAndPrivate(t, &checks).URL)))
			c := client(t)
			// Neither a 401 to writing, nor an upload that breaks off, nor a
			// bad token says that reading is checked.
			basic(t, c, http.MethodPut, n.URL+tt.target, "stranger", "junk")
			abortedUpload(t, n, tt.target)
			basic(t, c, tt.method, n.URL+tt.target+"?token=bad", "stranger", "junk")
			if resp, err := c.Get(n.URL + tt.target + "?token=bad"); err != nil || resp.Body.Close() != nil {
				t.Fatal(err)
			}
			for i := range 20 {
				basic(t, c, http.MethodGet, n.URL+"/private", "victim", fmt.Sprint("guess", i))
				basic(t, c, tt.method, n.URL+tt.target, "victim", "junk")
				basic(t, c, http.MethodGet, n.URL+"/private", "victim", "junk") // not verified by that
			}
			if got := checks.Load(); got != limit {
				t.Errorf("%d wrong guesses were checked, want %d", got, limit)
			}
			n.expectUser(t, "victim", limit, true)
		})
	}
	t.Run("an upgrade before any check", func(t *testing.T) {
		t.Parallel()
		var checks atomic.Int32
		n := startNode(t, options(maxAttempts(limit))+siteBlock(lenientBasicStep, proxyTo(publicAndPrivate(t, &checks).URL)))
		c := client(t)
		for i := range 10 {
			basic(t, c, http.MethodGet, n.URL+"/private", "victim", fmt.Sprint("guess", i))
			// victim:junk
			_ = rawSend(t, n, upgradeRequest(n, "Authorization: Basic dmljdGltOmp1bms=\r\n")).Close()
		}
		if got := checks.Load(); got != limit {
			t.Errorf("%d wrong guesses were checked, want %d", got, limit)
		}
	})
}

// abortedUpload sends half of a body with credentials and hangs up.
func abortedUpload(t testing.TB, n *node, target string) {
	t.Helper()
	// stranger2:junk
	conn := rawSend(t, n, "GET "+target+" HTTP/1.1\r\nHost: "+n.address()+
		"\r\nAuthorization: Basic c3RyYW5nZXIyOmp1bms=\r\nContent-Length: 1000\r\n\r\nhalf")
	_ = conn.Close()
}

// A challenge tells that a path checks: then the first success there forgives
// what went wrong elsewhere.
func TestChallengesTellWhatIsChecked(t *testing.T) {
	t.Parallel()
	var checks atomic.Int32
	n := startNode(t, options(maxAttempts(3))+siteBlock(lenientBasicStep, proxyTo(publicAndPrivate(t, &checks).URL)))
	c := client(t)
	basic(t, c, http.MethodGet, n.URL+"/private/a", "owner", "wrong")
	n.expectUser(t, "owner", 1, false)
	if got := basic(t, c, http.MethodGet, n.URL+"/private/b", "owner", "right"); got.status != http.StatusOK {
		t.Fatalf("status %d", got.status)
	}
	n.expectUser(t, "owner", 1, false)
	resp, err := c.Get(n.URL + "/private/b")
	if err != nil || resp.Body.Close() != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Fatalf("the challenge: %v, %v", resp, err)
	}
	basic(t, c, http.MethodGet, n.URL+"/private/b", "owner", "right")
	n.expectUser(t, "owner", 0, false)
}

// An upgrade to anything but WebSocket would let logins through a tunnel.
func TestNoTunnelToTheService(t *testing.T) {
	t.Parallel()
	var switched atomic.Int32
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			return
		}
		switched.Add(1)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
		_, _ = io.Copy(io.Discard, conn)
	}))
	t.Cleanup(service.Close)
	n := startNode(t, options(maxAttempts(3))+siteBlock(formStep, proxyTo(service.URL)))
	for _, protocol := range []string{"h2c", "H2C", "websocket, h2c", "TLS/1.2", "anything"} {
		conn := rawSend(t, n, "GET / HTTP/1.1\r\nHost: "+n.address()+"\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "+protocol+
			"\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", protocol, err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d, want the page", protocol, resp.StatusCode)
		}
	}
	if switched.Load() != 0 {
		t.Errorf("the service switched protocols %d times", switched.Load())
	}
}

// A login is guarded by the path that the client sent as well as by the one
// that a rewrite of the site makes of it.
func TestRewritesDoNotHideALogin(t *testing.T) {
	t.Parallel()
	const limit = 3
	for name, rewrite := range map[string]string{
		"front controller": "rewrite * /index.php?{query}",
		"strip":            "uri strip_prefix /login",
		"replace":          "uri replace /login /auth",
		"into the path":    "rewrite /enter /login",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var checks atomic.Int32
			service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				checks.Add(1)
				w.WriteHeader(http.StatusUnauthorized)
			}))
			t.Cleanup(service.Close)
			n := startNode(t, options(maxAttempts(limit))+siteBlock(formStep, rewrite+"\n"+proxyTo(service.URL)))
			path := "/login"
			if name == "into the path" {
				path = "/enter"
			}
			c := client(t)
			for i := range 10 {
				resp, err := c.PostForm(n.URL+path, form("victim", fmt.Sprint("guess", i)))
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
			}
			if got := checks.Load(); got != limit {
				t.Errorf("%d wrong guesses were checked, want %d", got, limit)
			}
		})
	}
}

// Headers that some frameworks take for the target lead to no login.
func TestTargetsInHeaders(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int32
	service := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	t.Cleanup(service.Close)
	n := startNode(t, options(maxAttempts(3))+siteBlock(formStep, proxyTo(service.URL)))
	c := client(t)
	for _, tt := range []struct {
		header, value string
		want          int
	}{
		{"X-Original-URL", "/login", http.StatusNotFound},
		{"X-Rewrite-URL", "/LOGIN/", http.StatusNotFound},
		{"X-Rewrite-URL", "/index.php/login", http.StatusNotFound},
		{"X-Original-URL", "/other", http.StatusOK},
	} {
		r, err := http.NewRequest(http.MethodPost, n.URL+"/", strings.NewReader(form("victim", "guess").Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(tt.header, tt.value)
		if got := read(c.Do(r)); got.status != tt.want {
			t.Errorf("%s: %s: status %d, want %d", tt.header, tt.value, got.status, tt.want)
		}
	}
	if got := arrived.Load(); got != 1 {
		t.Errorf("%d requests reached the service, want 1", got)
	}
}

// A step for HTTP Basic on a path keeps its other spellings, whatever step owns
// those.
func TestBasicStepBesideAnotherSpelling(t *testing.T) {
	t.Parallel()
	const limit = 3
	var checks atomic.Int32
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		checks.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(service.Close)
	n := startNode(t, options(maxAttempts(limit))+siteBlock(`
		step password {
			match path /login/
			user field username
			secret field password
			success status 200
		}
		step password {
			match path /login
			user basic
			success status 200
			failure status 401
		}
`, proxyTo(service.URL)))
	c := client(t)
	for i := range 10 {
		basic(t, c, http.MethodGet, n.URL+"/login/", "victim", fmt.Sprint("guess", i))
		basic(t, c, http.MethodGet, n.URL+"/login", "victim", fmt.Sprint("other", i))
	}
	if got := checks.Load(); got != limit {
		t.Errorf("%d wrong guesses were checked, want %d", got, limit)
	}
}
