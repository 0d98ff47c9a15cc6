// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// unwatchedBodies is a global block that turns Caddy's read_body_idle off.
//
// With it, which is the default since Caddy has it, Caddy puts a reader of its
// own into the request that net/http keeps. net/http then does not see any more
// that the client holds its body back (golang/go#63152): before it sends the
// first byte of an answer that came without a look at the body, it waits for
// the body, and the client waits for a 100. They part after a minute. It takes
// no reverse_proxy and no lockout: `respond 403` alone does it every time. With
// a proxy it is a race of the early answer with the transport, whose reading of
// the body is what sends the 100.
//
// So a client that waits without end can only be tested without it; what we
// owe with it is the test below.
func unwatchedBodies(lines ...string) string {
	const protocols = "protocols h1 h2 h2c"
	return strings.Replace(options(lines...), protocols, protocols+"\n\t\ttimeouts {\n\t\t\tread_body_idle -1s\n\t\t}", 1)
}

// expectHead is an attempt whose client asks before it sends the body.
func expectHead(n *node, user, password string, basic bool) (head, body string) {
	body = form(user, password).Encode()
	head = "POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	if basic {
		head = "PUT /file HTTP/1.1\r\nAuthorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)) + "\r\n"
	}
	return fmt.Sprintf("%sHost: %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", head, n.address(), len(body)), body
}

// A client that asks first gets its 100 and then its verdict, or its verdict
// at once from whoever has seen enough.
func TestExpectContinueOnAGuardedPath(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	n := startNode(t, unwatchedBodies(maxAttempts(5))+siteBlock(formStep+basicStep, proxyTo(service.URL)))
	for _, tt := range []struct {
		name, password string
		basic, locked  bool
		status         int
	}{
		{"form, wrong", "wrong", false, false, 401},
		{"form, right", "right", false, false, 200},
		{"form, locked", "right", false, true, 403},
		{"basic, wrong", "wrong", true, false, 401},
		{"basic, right", "right", true, false, 200},
		{"basic, locked", "right", true, true, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			user := strings.ReplaceAll(tt.name, ", ", "-")
			if tt.locked {
				n.order(t, order{Do: "lock", User: user})
			}
			head, body := expectHead(n, user, tt.password, tt.basic)
			conn := rawSend(t, n, head)
			resp, in := readAnswer(t, conn)
			// The name is in the body of a form. HTTP Basic needs no body: our
			// refusal never asks for it, the service may.
			asked := resp.StatusCode == http.StatusContinue
			if asked && tt.basic && tt.locked || !asked && !tt.basic {
				t.Fatalf("the first answer is %d", resp.StatusCode)
			}
			if asked {
				if _, err := io.WriteString(conn, body); err != nil {
					t.Fatal(err)
				}
				resp = readHead(t, in)
			}
			if resp.StatusCode != tt.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.status)
			}
			expectOneCheck(t, n, service, user, tt.status)
		})
	}
}

// Whether or not Caddy waits for the body before it sends an answer, the
// attempt does not: it is settled while the client still holds the body back,
// and the answer comes when the body has come.
func TestExpectContinueSettlesWithoutTheBody(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	for _, site := range []struct{ name, global string }{
		{"caddy watches bodies", options(maxAttempts(5))},
		{"caddy does not", unwatchedBodies(maxAttempts(5))},
	} {
		n := startNode(t, site.global+siteBlock(basicStep, proxyTo(service.URL)))
		for _, tt := range []struct {
			password string
			status   int
		}{
			{"wrong", 401},
			{"right", 200},
		} {
			t.Run(site.name+", "+tt.password, func(t *testing.T) {
				t.Parallel()
				user := fmt.Sprint("holds", n.URL[strings.LastIndex(n.URL, ":")+1:], tt.password)
				head, body := expectHead(n, user, tt.password, true)
				conn := rawSend(t, n, head)
				eventually(t, "the check", func() bool { return service.seen(user) == 1 })
				expectOneCheck(t, n, service, user, tt.status)
				if got := answerTo(t, conn, body); got.StatusCode != tt.status {
					t.Errorf("status %d, want %d", got.StatusCode, tt.status)
				}
				expectOneCheck(t, n, service, user, tt.status)
			})
		}
	}
}

// answerTo sends a body whose 100 may have come or not, and returns what
// follows it.
func answerTo(t *testing.T, conn net.Conn, body string) answerHead {
	t.Helper()
	// Who was answered early may find the connection closed.
	_, _ = io.WriteString(conn, body)
	resp, in := readAnswer(t, conn)
	if resp.StatusCode == http.StatusContinue {
		resp = readHead(t, in)
	}
	return resp
}

// expectOneCheck compares what is left of one attempt with its status.
func expectOneCheck(t *testing.T, n *node, service *scripted, user string, status int) {
	t.Helper()
	failures, checks := uint32(0), 1
	switch status {
	case http.StatusUnauthorized:
		failures = 1
	case http.StatusForbidden:
		checks = 0
	}
	n.expectUser(t, user, failures, checks == 0)
	if got := service.seen(user); got != checks {
		t.Errorf("%d checks reached the service, want %d", got, checks)
	}
}
