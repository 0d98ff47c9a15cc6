// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// caddyUsers lets Caddy itself check HTTP Basic: the password of alice is
// "right".
const caddyUsers = "basic_auth {\n\t\talice $2a$04$ON1rueIZ5oRcLGIW6mwBPO5USEupsEPHdI./eItHDo0by4fhTq4Vu\n\t}\n\t"

func TestBasicInFrontOfCaddysOwn(t *testing.T) {
	t.Parallel()
	pages := startScripted(t)
	pages.script("alice", func(w http.ResponseWriter, _ *http.Request, _ bool) { fmt.Fprint(w, "page") })
	n := startNode(t, options(maxAttempts(3))+siteBlock(basicStep, caddyUsers+proxyTo(pages.URL)))
	c := client(t)

	got := read(c.Get(n.URL + "/"))
	if got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") == "" {
		t.Errorf("status %d, challenge %q", got.status, got.header.Get("WWW-Authenticate"))
	}
	for _, step := range []struct {
		method, password string
		status           int
		failures         uint32
	}{
		{http.MethodGet, "wrong", 401, 1},
		{http.MethodPut, "wrong", 401, 2},
		{http.MethodGet, "right", 200, 0},
		{"PROPFIND", "right", 200, 0},
		{"PROPFIND", "wrong", 401, 1},
		{http.MethodHead, "wrong", 401, 2},
	} {
		got := basic(t, c, step.method, n.URL+"/", "alice", step.password)
		if got.status != step.status || (got.header.Get("WWW-Authenticate") != "") != (step.status == 401) {
			t.Fatalf("%s with %s: status %d, challenge %q", step.method, step.password, got.status, got.header.Get("WWW-Authenticate"))
		}
		n.expectUser(t, "alice", step.failures, false)
	}
	basic(t, c, http.MethodGet, n.URL+"/", "alice", "wrong")
	n.expectUser(t, "alice", 3, true)
	if got := basic(t, c, http.MethodGet, n.URL+"/", "alice", "right"); got.status != http.StatusForbidden {
		t.Errorf("locked, right password: status %d", got.status)
	}
	if got := read(c.Get(n.URL + "/")); got.status != http.StatusUnauthorized {
		t.Errorf("locked, no credentials: status %d", got.status)
	}
	n.order(t, order{Do: "unlock", User: "alice"})
	if got := basic(t, c, http.MethodGet, n.URL+"/", "alice", "right"); got.status != http.StatusOK {
		t.Errorf("unlocked: status %d", got.status)
	}
}

func TestBasicInFrontOfAService(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(3))+siteBlock(basicStep, proxyTo(service.URL)))
	c := client(t)
	for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PROPFIND", "OPTIONS"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			user := "user-" + method
			for want := uint32(1); want <= 3; want++ {
				if got := basic(t, c, method, n.URL+"/any/where", user, "wrong"); got.status != http.StatusUnauthorized {
					t.Fatalf("status %d", got.status)
				}
				n.expectUser(t, user, want, want == 3)
			}
			if got := basic(t, c, method, n.URL+"/any/where", user, "right"); got.status != http.StatusForbidden {
				t.Errorf("locked: status %d", got.status)
			}
			if got := service.seen(user); got != 3 {
				t.Errorf("%d checks reached the service, want 3", got)
			}
		})
	}
}

// The body of a request with HTTP Basic is the upload, not the login: it flows
// while it is sent.
func TestBasicUploadIsNotBuffered(t *testing.T) {
	t.Parallel()
	const chunk, chunks = 256 << 10, 8
	service := startScripted(t)
	arrived := make(chan int, chunks)
	service.script("owner", func(w http.ResponseWriter, r *http.Request, _ bool) {
		buf := make([]byte, chunk)
		for {
			m, err := io.ReadFull(r.Body, buf)
			if m > 0 {
				arrived <- m
			}
			if err != nil {
				return
			}
		}
	})
	n := startNode(t, options(maxAttempts(3))+siteBlock(basicStep, proxyTo(service.URL)))
	in, out := io.Pipe()
	r, err := http.NewRequest(http.MethodPut, n.URL+"/file", in)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("owner", "right")
	done := make(chan result, 1)
	go func() { done <- read(client(t).Do(r)) }()
	for range chunks {
		if _, err := out.Write(make([]byte, chunk)); err != nil {
			t.Fatal(err)
		}
		if m := await(t, arrived, "a chunk at the service"); m != chunk {
			t.Fatalf("%d bytes arrived, want %d", m, chunk)
		}
	}
	_ = out.Close()
	if got := await(t, done, "the answer"); got.status != http.StatusOK {
		t.Errorf("status %d", got.status)
	}
	n.expectUser(t, "owner", 0, false)
}

// An upload that breaks off says nothing about a secret that was right a moment
// ago, nor does a service that breaks down: the owner is not charged.
func TestVerifiedSecretIsNotChargedWithoutAVerdict(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(3))+siteBlock(basicStep, proxyTo(service.URL)))
	c := client(t)
	showThatItChecks(t, c, n.URL+"/")
	if got := basic(t, c, http.MethodGet, n.URL+"/", "owner", "right"); got.status != http.StatusOK {
		t.Fatalf("status %d", got.status)
	}
	ended := make(chan error, 1)
	service.script("owner", func(_ http.ResponseWriter, r *http.Request, _ bool) {
		_, err := io.Copy(io.Discard, r.Body)
		ended <- err
	})
	const tries = 5
	for range tries {
		in, out := io.Pipe()
		r, err := http.NewRequest(http.MethodPut, n.URL+"/file", in)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("owner", "right")
		done := make(chan result, 1)
		go func() { done <- read(client(t).Do(r)) }()
		if _, err := out.Write(make([]byte, 64<<10)); err != nil {
			t.Fatal(err)
		}
		_ = out.CloseWithError(errors.New("the client gives up"))
		if err := await(t, ended, "the end at the service"); err == nil {
			t.Fatal("the service got a whole upload")
		}
		await(t, done, "the end at the client")
	}
	n.expectUser(t, "owner", 0, false)

	service.script("owner", status(http.StatusInternalServerError))
	for range tries {
		if got := basic(t, c, http.MethodGet, n.URL+"/", "owner", "right"); got.status != http.StatusInternalServerError {
			t.Fatalf("status %d", got.status)
		}
	}
	n.expectUser(t, "owner", 0, false)
}

// A switch of protocols behind HTTP Basic is a success.
func TestBasicUpgrade(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	service.script("owner", upgradeToEcho)
	n := startNode(t, options(maxAttempts(3))+siteBlock(basicStep, proxyTo(service.URL)))
	c := client(t)
	if got := basic(t, c, http.MethodGet, n.URL+"/socket", "owner", "ordinary"); got.status != http.StatusUnauthorized {
		t.Fatalf("status %d", got.status)
	}
	n.expectUser(t, "owner", 1, false)
	conn := rawSend(t, n, upgradeRequest(n, "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("owner:right"))+"\r\n"))
	expectEcho(t, conn)
	// Settled while the connection lives.
	n.expectUser(t, "owner", 0, false)
	n.order(t, order{Do: "lock", User: "owner"})
	if resp, _ := readAnswer(t, rawSend(t, n, upgradeRequest(n, "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("owner:right"))+"\r\n"))); resp.StatusCode != http.StatusForbidden {
		t.Errorf("locked: status %d", resp.StatusCode)
	}
}

// A secret that was right a moment ago is no guess: many requests at once need
// no slot.
func TestVerifiedSecretNeedsNoSlot(t *testing.T) {
	t.Parallel()
	const requests = 200
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(1))+siteBlock(basicStep, proxyTo(service.URL)))
	c := client(t)
	showThatItChecks(t, c, n.URL+"/")
	if got := basic(t, c, http.MethodGet, n.URL+"/", "owner", "right"); got.status != http.StatusOK {
		t.Fatalf("status %d", got.status)
	}
	g := newGate(t)
	service.script("owner", g.before(verdict))
	var wg sync.WaitGroup
	var right atomic.Int32
	for range requests {
		wg.Go(func() {
			if basic(t, c, http.MethodGet, n.URL+"/", "owner", "right").status == http.StatusOK {
				right.Add(1)
			}
		})
	}
	for range requests {
		await(t, g.arrived, "a check of all at once")
	}
	if r := n.user(t, "owner"); r.InFlight != 0 {
		t.Errorf("%d slots are taken", r.InFlight)
	}
	g.open()
	wg.Wait()
	if right.Load() != requests {
		t.Errorf("%d of %d got through", right.Load(), requests)
	}
	n.expectUser(t, "owner", 0, false)
}

// Verified or not: a wrong secret counts, and a locked user is refused.
func TestVerifiedSecretIsChargedWhenItFails(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(2))+siteBlock(basicStep, proxyTo(service.URL)))
	c := client(t)
	get := func(user, password string) int {
		return basic(t, c, http.MethodGet, n.URL+"/", user, password).status
	}
	for i, step := range []struct {
		changed  bool // the password is not "right" any more
		password string
		status   int
		failures uint32
		locked   bool
	}{
		{false, "right", 200, 0, false},
		{true, "right", 401, 1, false}, // was verified
		{false, "right", 200, 0, false},
		{false, "right", 200, 0, false},
		{false, "wrong", 401, 1, false},
		{true, "right", 401, 2, true},
		{false, "right", 403, 2, true},
	} {
		service.script("owner", func(w http.ResponseWriter, r *http.Request, right bool) {
			verdict(w, r, right && !step.changed)
		})
		if got := get("owner", step.password); got != step.status {
			t.Fatalf("step %d: status %d, want %d", i, got, step.status)
		}
		n.expectUser(t, "owner", step.failures, step.locked)
	}

	if got := get("locked", "right"); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	n.order(t, order{Do: "lock", User: "locked"})
	if got := get("locked", "right"); got != http.StatusForbidden {
		t.Errorf("verified and locked: status %d", got)
	}
	if got := service.seen("locked"); got != 1 {
		t.Errorf("%d checks reached the service, want 1", got)
	}
	n.order(t, order{Do: "unlock", User: "locked"})
	if got := get("locked", "right"); got != http.StatusOK {
		t.Errorf("unlocked: status %d", got)
	}
}

// The answer of HTTP Basic is decided by its status line: what follows is a
// download like any other.
func TestBasicCutAfterTheStatusLine(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(3))+siteBlock(basicStep, proxyTo(service.URL)))
	c := client(t)
	if got := basic(t, c, http.MethodGet, n.URL+"/", "owner", "ordinary"); got.status != http.StatusUnauthorized {
		t.Fatalf("status %d", got.status)
	}
	service.script("owner", cut("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 1000)))
	got := basic(t, c, http.MethodGet, n.URL+"/", "owner", "right")
	if got.status != http.StatusOK || !got.cut {
		t.Errorf("status %d, cut %t", got.status, got.cut)
	}
	n.expectUser(t, "owner", 0, false)
}

// showThatItChecks has a stranger guess wrong at a target: only where the
// service is known to check does a success prove anything.
func showThatItChecks(t testing.TB, c *http.Client, target string) {
	t.Helper()
	if got := basic(t, c, http.MethodGet, target, "stranger", "wrong"); got.status != http.StatusUnauthorized {
		t.Fatalf("a stranger's guess: status %d", got.status)
	}
}
