// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Once an attempt was sent, everything but the configured success counts. Every
// case begins with one failure, which only a success forgives.
func TestAnswersInTrouble(t *testing.T) {
	t.Parallel()
	const announced = "HTTP/1.1 200 OK\r\nSet-Cookie: sid=s3cret\r\nContent-Length: "
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(5))+siteBlock(formStep, proxyTo(service.URL)))
	c := client(t)
	for i, tt := range []struct {
		name     string
		password string
		answer   script
		status   int // 0: the connection broke
		failures uint32
	}{
		{"500", "right", status(500), 500, 2},
		{"502 of the service", "right", status(502), 502, 2},
		{"503 of the service", "right", status(503), 503, 2},
		{"404", "right", status(404), 404, 2},
		{"204", "right", status(204), 204, 2},
		{"200 without the mark", "right", status(200), 200, 2},
		{"no answer", "right", cut(""), 502, 2},
		{"half a status line", "right", cut("HTTP/1.1 20"), 502, 2},
		{"half a header", "right", cut("HTTP/1.1 200 OK\r\nSet-Cookie: sid=s3cr"), 502, 2},
		{"success without a body", "right", cut(announced + "100\r\n\r\n"), 0, 2},
		{"success cut in the body", "right", cut(announced + "100\r\n\r\nwelcome"), 0, 2},
		{"success cut in a chunk", "right", cut("HTTP/1.1 200 OK\r\nSet-Cookie: sid=s3cret\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nwelcome"), 0, 2},
		{"success cut between chunks", "right", cut("HTTP/1.1 200 OK\r\nSet-Cookie: sid=s3cret\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nwelcome\r\n"), 0, 2},
		{"success cut after 64 KiB", "right", cut(announced + "200000\r\n\r\n" + strings.Repeat("x", 70000)), 200, 0},
		{"failure cut in the body", "wrong", cut("HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\nwrong"), 401, 2},
		{"whole success", "right", cut(announced + "7\r\nConnection: close\r\n\r\nwelcome"), 200, 0},
		{"success up to the end of the connection", "right", cut("HTTP/1.1 200 OK\r\nSet-Cookie: sid=s3cret\r\nConnection: close\r\n\r\nwelcome"), 200, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			user := fmt.Sprint("trouble", i)
			mustLogin(t, c, n.URL, user, "ordinary", http.StatusUnauthorized)
			service.script(user, tt.answer)
			got := post(c, n.URL+"/login", user, tt.password)
			if got.status != tt.status {
				t.Errorf("status %d, want %d", got.status, tt.status)
			}
			if cookie := got.header.Get("Set-Cookie"); (cookie != "") != (tt.failures == 0) {
				t.Errorf("Set-Cookie %q with %d failures", cookie, tt.failures)
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

func TestLoginServiceTooSlow(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	site := siteBlock(formStep, proxyTo(service.URL))
	n := startNode(t, options(maxAttempts(5), "attempt_timeout 1s", "reservation_ttl 3s")+site)
	c := client(t)
	g := newGate(t)
	stall := func(w http.ResponseWriter, r *http.Request, _ bool) {
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s3cret"})
		_ = http.NewResponseController(w).Flush()
		g.before(verdict)(w, r, true)
	}
	t.Run("cases", func(t *testing.T) {
		for i, tt := range []struct {
			name   string
			answer script
		}{
			{"no answer", g.before(verdict)},
			{"success without an end", stall},
		} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				user := fmt.Sprint("slow", i)
				service.script(user, tt.answer)
				got := post(c, n.URL+"/login", user, "right")
				if got.status != http.StatusGatewayTimeout || got.header.Get("Set-Cookie") != "" {
					t.Errorf("status %d with cookie %q, want 504", got.status, got.header.Get("Set-Cookie"))
				}
				n.expectUser(t, user, 1, false)
				if got := service.seen(user); got != 1 {
					t.Errorf("%d checks reached the service, want 1", got)
				}
			})
		}
	})
	g.open()
	// A busy machine must not make the owner late as well.
	n.load(t, options(maxAttempts(5))+site)
	c = client(t) // the server before closes its connections
	for _, user := range []string{"slow0", "slow1"} {
		service.script(user, nil)
		mustLogin(t, c, n.URL, user, "right", http.StatusOK)
		n.expectUser(t, user, 0, false)
	}
}

// What was never sent is not counted.
func TestLoginServiceDown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		behind string
		then   int // status after the first
	}{
		{"dial error", "reverse_proxy UPSTREAM", http.StatusBadGateway},
		{"dial error and retries", "reverse_proxy UPSTREAM {\n\t\tlb_retries 2\n\t}", http.StatusBadGateway},
		{"no upstreams available", "reverse_proxy UPSTREAM {\n\t\tmax_fails 1\n\t\tfail_duration 1h\n\t}", http.StatusServiceUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			upstream := reserveAddress(t)
			site := siteBlock(formStep, strings.ReplaceAll(tt.behind, "UPSTREAM", upstream.Address))
			n := startNode(t, options(maxAttempts(5))+site)
			c := client(t)
			mustLogin(t, c, n.URL, "owner", "wrong", http.StatusBadGateway)
			for range 20 {
				mustLogin(t, c, n.URL, "owner", "wrong", tt.then)
			}
			n.expectUser(t, "owner", 0, false)

			service := newScripted()
			server := &http.Server{Handler: service}
			defer server.Close()
			listener := upstream.listen(t)
			go func() { _ = server.Serve(listener) }()
			if tt.then == http.StatusServiceUnavailable {
				// Caddy keeps its memory of the failure over an equal upstream.
				n.load(t, options(maxAttempts(5))+siteBlock(formStep, proxyTo(upstream.Address)))
				c = client(t) // the server before closes its connections
			}
			mustLogin(t, c, n.URL, "owner", "right", http.StatusOK)
			if got := service.seen("owner"); got != 1 {
				t.Errorf("%d checks reached the service, want 1", got)
			}
		})
	}
}

// One attempt is one check, whatever Caddy is told about retries.
func TestRetriesDoNotCheckTwice(t *testing.T) {
	t.Parallel()
	const everything = "\n\t\tlb_retries 3\n\t\tlb_try_duration 20s\n\t\tlb_retry_match {\n\t\t\tmethod POST PUT GET\n\t\t}"
	for _, tt := range []struct {
		name   string
		step   string
		behind string // after the upstreams
		method string
		answer script
		kept   bool // on a connection that was used before
		status int
	}{
		{"form, cut", formStep, "{" + everything + "\n\t\trequest_buffers 64KiB\n\t}", http.MethodPost, cut(""), false, 502},
		{"form, cut, kept connection", formStep, "{" + everything + "\n\t\trequest_buffers 64KiB\n\t}", http.MethodPost, cut(""), true, 502},
		{"form, retry by status", formStep, "{\n\t\tlb_retries 3\n\t\tlb_retry_match {\n\t\t\texpression `{rp.status_code} == 503`\n\t\t}\n\t\trequest_buffers 64KiB\n\t}",
			http.MethodPost, status(503), false, 502},
		{"Basic GET, default retries", basicStep, "{\n\t\tlb_retries 3\n\t}", http.MethodGet, cut(""), false, 502},
		{"Basic GET, the transport's own retry", basicStep, "", http.MethodGet, cut(""), true, 502},
	} {
		for _, upstreams := range []int{1, 2} {
			t.Run(fmt.Sprint(tt.name, ", upstreams ", upstreams), func(t *testing.T) {
				t.Parallel()
				service := startScripted(t)
				second := startScripted(t)
				to := service.URL
				if upstreams == 2 {
					to += " " + second.URL
				}
				n := startNode(t, options(maxAttempts(5))+siteBlock(tt.step, "reverse_proxy "+to+" "+tt.behind))
				c := client(t)
				send := func(password string) result {
					if tt.method == http.MethodPost {
						return post(c, n.URL+"/login", "owner", password)
					}
					return basic(t, c, tt.method, n.URL+"/", "owner", password)
				}
				before := 0
				if tt.kept {
					before = 4
					for range before {
						if got := send("right"); got.status != http.StatusOK {
							t.Fatalf("status %d", got.status)
						}
					}
				}
				service.script("owner", tt.answer)
				second.script("owner", tt.answer)
				if got := send("wrong"); got.status != tt.status {
					t.Errorf("status %d, want %d", got.status, tt.status)
				}
				if got := service.seen("owner") + second.seen("owner") - before; got != 1 {
					t.Errorf("%d checks reached the services, want 1", got)
				}
				n.expectUser(t, "owner", 1, false)
				service.script("owner", nil)
				second.script("owner", nil)
				if tt.method == http.MethodGet {
					showThatItChecks(t, c, n.URL+"/") // what was cut does not
				}
				if got := send("right"); got.status != http.StatusOK {
					t.Errorf("the owner got %d", got.status)
				}
				n.expectUser(t, "owner", 0, false)
			})
		}
	}
}

// panicking is a handler that breaks when it is asked to: before it passes the
// request on, or after.
type panicking struct{}

func init() {
	caddy.RegisterModule(panicking{})
	httpcaddyfile.RegisterHandlerDirective("test_panic", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		h.Next()
		return panicking{}, nil
	})
	httpcaddyfile.RegisterDirectiveOrder("test_panic", httpcaddyfile.Before, "reverse_proxy")
}

func (panicking) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.test_panic", New: func() caddy.Module { return panicking{} }}
}

func (panicking) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	switch r.Header.Get("X-Panic") {
	case "before":
		panic("before")
	case "after":
		_ = next.ServeHTTP(w, r)
		panic("after")
	case "abort":
		panic(http.ErrAbortHandler)
	}
	return next.ServeHTTP(w, r)
}

func TestPanicBehind(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(5))+siteBlock(formStep, "test_panic\n\t"+proxyTo(service.URL)))
	c := client(t)
	for _, tt := range []struct {
		when     string
		password string
		checks   int
		failures uint32
	}{
		{"before", "right", 0, 1},
		{"abort", "right", 0, 1},
		{"after", "wrong", 1, 1},
		// Held until complete, and what panics is not complete.
		{"after", "right", 1, 1},
	} {
		t.Run(tt.when+" "+tt.password, func(t *testing.T) {
			t.Parallel()
			user := tt.when + "-" + tt.password
			r, err := http.NewRequest(http.MethodPost, n.URL+"/login", strings.NewReader(form(user, tt.password).Encode()))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Panic", tt.when)
			got := read(c.Do(r))
			if got.header.Get("Set-Cookie") != "" {
				t.Error("the client got the cookie")
			}
			n.expectUser(t, user, tt.failures, false)
			if got := service.seen(user); got != tt.checks {
				t.Errorf("%d checks reached the service, want %d", got, tt.checks)
			}
			mustLogin(t, c, n.URL, user, "right", http.StatusOK)
		})
	}
}

// reserved is a loopback address that is bound and does not listen, so that
// nobody else can take it.
type reserved struct {
	Address string
	file    *os.File
}

func reserveAddress(t testing.TB) *reserved {
	t.Helper()
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	r := &reserved{file: os.NewFile(uintptr(fd), "reserved")}
	t.Cleanup(func() { _ = r.file.Close() })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	r.Address = fmt.Sprint("127.0.0.1:", bound.(*syscall.SockaddrInet4).Port)
	return r
}

func (r *reserved) listen(t testing.TB) net.Listener {
	t.Helper()
	if err := syscall.Listen(int(r.file.Fd()), 128); err != nil {
		t.Fatal(err)
	}
	l, err := net.FileListener(r.file)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
