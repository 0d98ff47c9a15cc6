// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A client that hangs up decides nothing: what the login service says counts.
// Every case begins with one failure, so that a success shows: it forgives it.
func TestClientLeavesWhileTheLoginServiceChecks(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(5))+siteBlock(formStep, proxyTo(service.URL)))
	c := client(t)

	connection := func(t *testing.T, user, password string) func() {
		conn := rawLogin(t, n, user, password)
		return func() { _ = conn.Close() }
	}
	stream := func(t *testing.T, user, password string) func() {
		ctx, reset := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.URL+"/login", strings.NewReader(form(user, password).Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		done := make(chan result, 1)
		go func() { done <- read(http2Client(t).Do(r)) }()
		return func() {
			reset()
			if got := await(t, done, "the end of the stream"); got.status != 0 {
				t.Errorf("status %d after a reset", got.status)
			}
		}
	}
	for i, tt := range []struct {
		name     string
		send     func(t *testing.T, user, password string) (leave func())
		password string
		failures uint32
	}{
		{"connection closed, wrong password", connection, "wrong", 2},
		{"connection closed, right password", connection, "right", 0},
		{"HTTP/2 reset, wrong password", stream, "wrong", 2},
		{"HTTP/2 reset, right password", stream, "right", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			user := fmt.Sprint("leaver", i)
			mustLogin(t, c, n.URL, user, "ordinary", http.StatusUnauthorized)
			g := newGate(t)
			service.script(user, g.before(verdict))
			leave := tt.send(t, user, tt.password)
			await(t, g.arrived, "the check")
			leave()
			g.open()
			n.expectUser(t, user, tt.failures, false)
			if got := service.seen(user); got != 2 {
				t.Errorf("%d checks reached the service, want 2", got)
			}
			service.script(user, nil)
			mustLogin(t, c, n.URL, user, "right", http.StatusOK)
		})
	}
}

// Whatever a hurried client does, the failures are the checks that were made.
func TestClientDoesNotWait(t *testing.T) {
	t.Parallel()
	const attempts = 30
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(attempts+1))+siteBlock(formStep, proxyTo(service.URL)))
	for _, tt := range []struct {
		name string
		send func(t *testing.T, user string)
	}{
		{"closes right after sending", func(t *testing.T, user string) {
			_ = rawLogin(t, n, user, "wrong").Close()
		}},
		{"resets right after sending", func(t *testing.T, user string) {
			conn := rawLogin(t, n, user, "wrong")
			_ = conn.SetLinger(0)
			_ = conn.Close()
		}},
		{"time-out of 10 ms", func(t *testing.T, user string) {
			c := client(t)
			c.Timeout = 10 * time.Millisecond
			if got := post(c, n.URL+"/login", user, "wrong"); got.status != 0 {
				t.Errorf("status %d, want none: the service has not answered", got.status)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			user := strings.ReplaceAll(tt.name, " ", "-")
			g := newGate(t)
			service.script(user, g.before(verdict))
			for range attempts {
				tt.send(t, user)
			}
			g.open()
			eventually(t, "failures equal to checks", func() bool {
				r := n.settled(t, user)
				return int(r.Failures) == service.seen(user) && !r.Locked
			})
			service.script(user, nil)
			mustLogin(t, client(t), n.URL, user, "right", http.StatusOK)
		})
	}
}

// A login that does not arrive whole is none.
func TestHalfABody(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(5))+siteBlock(formStep, proxyTo(service.URL)))
	for i := range 50 {
		conn := rawSend(t, n, "POST /login HTTP/1.1\r\nHost: "+n.address()+"\r\n"+
			"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nusername=owner&password=wro")
		if i%2 == 0 {
			_ = conn.Close()
			continue
		}
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if resp, _ := readAnswer(t, conn); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("status %d, want 400", resp.StatusCode)
		}
	}
	n.expectUser(t, "owner", 0, false)
	if got := service.seen("owner"); got != 0 {
		t.Errorf("%d checks reached the service", got)
	}
	mustLogin(t, client(t), n.URL, "owner", "right", http.StatusOK)
}
