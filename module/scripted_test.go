// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// scripted is a login service that answers as the test says, by user. It reads
// form and JSON bodies, queries and HTTP Basic. The right password of everybody is
// "right".
type scripted struct {
	*httptest.Server

	mu      sync.Mutex
	scripts map[string]script
	checks  map[string][]bool // by user: was the password right
}

// script answers one attempt.
type script func(w http.ResponseWriter, r *http.Request, right bool)

func startScripted(t testing.TB) *scripted {
	t.Helper()
	s := newScripted()
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func newScripted() *scripted {
	return &scripted{scripts: map[string]script{}, checks: map[string][]bool{}}
}

// ServeHTTP checks and answers; requests without credentials get a page.
func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, ok := scriptedCredentials(r)
	if !ok {
		fmt.Fprint(w, "page")
		return
	}
	right := password == "right"
	s.mu.Lock()
	s.checks[user] = append(s.checks[user], right)
	answer := s.scripts[user]
	s.mu.Unlock()
	if answer == nil || password == "ordinary" {
		answer = verdict
	}
	answer(w, r, right)
}

func scriptedCredentials(r *http.Request) (user, password string, ok bool) {
	if user, password, ok = r.BasicAuth(); ok {
		return user, password, true
	}
	if r.Method != http.MethodPost {
		q := r.URL.Query()
		return q.Get("username"), q.Get("password"), q.Has("username") && q.Has("password")
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		var in struct{ Username, Password string }
		err := json.NewDecoder(r.Body).Decode(&in)
		return in.Username, in.Password, err == nil
	}
	return r.PostFormValue("username"), r.PostFormValue("password"), true
}

// verdict is what an ordinary login service answers.
func verdict(w http.ResponseWriter, _ *http.Request, right bool) {
	if !right {
		http.Error(w, "wrong user name or password", http.StatusUnauthorized)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s3cret"})
	fmt.Fprint(w, "welcome")
}

// script sets the answer of a user's attempts. Those with the password
// "ordinary" keep the ordinary one.
func (s *scripted) script(user string, answer script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts[user] = answer
}

// seen returns how many attempts of a user reached the service.
func (s *scripted) seen(user string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.checks[user])
}

// status answers with a status and nothing else to tell.
func status(code int) script {
	return func(w http.ResponseWriter, _ *http.Request, _ bool) { w.WriteHeader(code) }
}

// cut writes the beginning of an answer and closes the connection.
func cut(raw string) script {
	return func(w http.ResponseWriter, _ *http.Request, _ bool) {
		conn, out, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = out.WriteString(raw)
		_ = out.Flush()
		_ = conn.Close()
	}
}

// gate holds answers back until the test opens it, or ends.
type gate struct {
	// arrived gets one value for each attempt that is held.
	arrived chan struct{}

	once sync.Once
	wide chan struct{}
}

func newGate(t testing.TB) *gate {
	g := &gate{arrived: make(chan struct{}, 1000), wide: make(chan struct{})}
	t.Cleanup(g.open)
	return g
}

func (g *gate) open() { g.once.Do(func() { close(g.wide) }) }

// before lets an answer wait at the gate.
func (g *gate) before(answer script) script {
	return func(w http.ResponseWriter, r *http.Request, right bool) {
		g.arrived <- struct{}{}
		<-g.wide
		answer(w, r, right)
	}
}

// await receives within the deadline of the tests.
func await[T any](t testing.TB, c <-chan T, what string) (v T) {
	t.Helper()
	deadline := time.NewTimer(nodeDeadline)
	defer deadline.Stop()
	select {
	case v = <-c:
	case <-deadline.C:
		t.Fatalf("%s did not happen within %s", what, nodeDeadline)
	}
	return v
}

// eventually asks until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(nodeDeadline); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen within %s", what, nodeDeadline)
		}
	}
}

// result is the answer that a client got to an attempt.
type result struct {
	status int // 0: none
	header http.Header
	body   string
	cut    bool // the body broke off
}

func read(resp *http.Response, err error) result {
	if err != nil {
		return result{}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return result{resp.StatusCode, resp.Header, string(body), err != nil}
}

// post sends a form login to any path of a site.
func post(c *http.Client, target, user, password string) result {
	return read(c.PostForm(target, form(user, password)))
}

func form(user, password string) url.Values {
	return url.Values{"username": {user}, "password": {password}}
}

// basic sends a request with HTTP Basic credentials.
func basic(t testing.TB, c *http.Client, method, target, user, password string) result {
	t.Helper()
	r, err := http.NewRequest(method, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(user, password)
	return read(c.Do(r))
}

// rawLogin sends a form login on a connection of its own.
func rawLogin(t testing.TB, n *node, user, password string) *net.TCPConn {
	t.Helper()
	body := form(user, password).Encode()
	return rawSend(t, n, fmt.Sprintf("POST /login HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		n.address(), len(body), body))
}

func rawSend(t testing.TB, n *node, raw string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", n.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(nodeDeadline))
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// answerHead is the beginning of an answer.
type answerHead struct {
	StatusCode int
	Header     http.Header
}

// readAnswer reads the next answer from a connection, and returns the reader
// for what follows.
func readAnswer(t testing.TB, conn net.Conn) (answerHead, *bufio.Reader) {
	t.Helper()
	in := bufio.NewReader(conn)
	return readHead(t, in), in
}

func readHead(t testing.TB, in *bufio.Reader) answerHead {
	t.Helper()
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return answerHead{StatusCode: resp.StatusCode, Header: resp.Header}
}

func (n *node) address() string { return strings.TrimPrefix(n.URL, "http://") }

// http2Client speaks HTTP/2 in cleartext.
func http2Client(t testing.TB) *http.Client {
	c := client(t)
	c.Transport.(*http.Transport).Protocols = new(http.Protocols)
	c.Transport.(*http.Transport).Protocols.SetUnencryptedHTTP2(true)
	return c
}

// expectUser waits until nothing is in flight and compares the failures.
func (n *node) expectUser(t testing.TB, user string, failures uint32, locked bool) {
	t.Helper()
	if got := n.settled(t, user); got.Failures != failures || got.Locked != locked {
		t.Errorf("%s has %d failures, locked %t, want %d, %t", user, got.Failures, got.Locked, failures, locked)
	}
}

// options is a global block for the embedded store. The lines go into lockout.
func options(lines ...string) string {
	return "{\n\tservers {\n\t\tprotocols h1 h2 h2c\n\t}\n\tlockout {\n\t\t" + strings.Join(lines, "\n\t\t") + "\n\t}\n}\n"
}

func maxAttempts(n int) string {
	return fmt.Sprintf("default_policy {\n\t\t\tmax_password_attempts %d\n\t\t}", n)
}

// formStep is the body of a step on POST /login whose success is a cookie.
const formStep = `
		step password {
			match path /login
			user field username
			secret field password
			success status 200 & set_cookie sid
			failure status 401
		}`

// basicStep is the body of a step that reads HTTP Basic everywhere.
const basicStep = `
		step password {
			user basic
			success status 2xx
			failure status 401
		}`

// siteBlock is a site with one lockout handler in front of what follows.
func siteBlock(handler, behind string) string {
	return "SITE {\n\tlockout {" + handler + "\n\t}\n\t" + behind + "\n}\n"
}

func proxyTo(upstream string) string { return "reverse_proxy " + upstream }
