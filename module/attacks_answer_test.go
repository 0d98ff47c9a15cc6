// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// telling is a login page that tells by its text alone what happened, and repeats
// what the client sent.
const telling = `
		step password {
			match path /login
			user field username
			secret field password
			failure body <em>wrong</em> | body_regexp "<em>no such\s+user</em>"
			pending body <em>code</em>
			success status 200
		}
		step password {
			match path /query
			match method GET HEAD
			user query username
			secret query password
			failure body <em>wrong</em>
			success status 2xx 304
		}`

// page shows the verdict behind what the client wants to see again.
func page(text string, shape func(w http.ResponseWriter, r *http.Request, page string)) script {
	return func(w http.ResponseWriter, r *http.Request, _ bool) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		shape(w, r, "<input value=\""+strings.NewReplacer("<", "&lt;", `"`, "&quot;").Replace(r.FormValue("next"))+"\"><p>"+text)
	}
}

func plain(w http.ResponseWriter, _ *http.Request, page string) { _, _ = io.WriteString(w, page) }

// A client that makes the answer longer, has it encoded or cut, or puts marks
// into it, does not turn a wrong password into another verdict.
func TestAnswersThatTheClientShapes(t *testing.T) {
	t.Parallel()
	const forgiven, counted = 0, 2
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(5))+siteBlock(telling, proxyTo(service.URL)))
	c := client(t)
	zipped := func(w http.ResponseWriter, _ *http.Request, page string) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, page)
		_ = z.Close()
	}
	foreign := func(w http.ResponseWriter, _ *http.Request, page string) {
		w.Header().Set("Content-Encoding", "x-rot")
		_, _ = io.WriteString(w, page)
	}
	partial := func(w http.ResponseWriter, _ *http.Request, page string) {
		w.WriteHeader(http.StatusPartialContent)
		_, _ = io.WriteString(w, page[:5])
	}
	unchanged := func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(http.StatusNotModified) }
	wrong, right, code := "<em>wrong</em>", "welcome", "<em>code</em>"
	for i, tt := range []struct {
		name, method, next string
		answer             script
		failures           uint32
	}{
		{"wrong", "POST", "", page(wrong, plain), counted},
		{"right", "POST", "", page(right, plain), forgiven},
		{"a code is due", "POST", "", page(code, plain), forgiven},
		{"no such user", "POST", "", page("<em>no such \n user</em>", plain), counted},
		{"wrong, padded", "POST", strings.Repeat("x", 60<<10), page(strings.Repeat(" ", 8<<10)+wrong, plain), counted},
		{"right, padded", "POST", strings.Repeat("x", 60<<10), page(strings.Repeat(" ", 8<<10)+right, plain), counted},
		{"wrong, marked as pending", "POST", code, page(wrong, plain), counted},
		{"wrong, zipped", "POST", "", page(wrong, zipped), counted},
		{"right, zipped", "POST", "", page(right, zipped), forgiven},
		{"wrong, in an encoding of its own", "POST", "", page(wrong, foreign), counted},
		{"right, in an encoding of its own", "POST", "", page(right, foreign), counted},
		{"wrong, in the query", "GET", "", page(wrong, plain), counted},
		{"right, in the query", "GET", "", page(right, plain), forgiven},
		{"wrong, head alone", "HEAD", "", page(wrong, plain), counted},
		{"wrong, a range", "GET", "", page(wrong, partial), counted},
		{"wrong, not modified", "GET", "", page(wrong, unchanged), counted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			user := fmt.Sprint("case", i)
			service.script(user, page(wrong, plain))
			if got := post(c, n.URL+"/login", user, "x"); got.status != http.StatusOK {
				t.Fatalf("status %d", got.status)
			}
			service.script(user, tt.answer)
			values := form(user, "x")
			values.Set("next", tt.next)
			target, body := n.URL+"/login", values.Encode()
			if tt.method != http.MethodPost {
				target, body = n.URL+"/query?"+body, ""
			}
			r, err := http.NewRequest(tt.method, target, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if tt.method == http.MethodPost {
				r.Header.Set("Content-Type", formType)
			}
			if got := read(c.Do(r)); got.status >= 400 || got.cut {
				t.Errorf("status %d, cut %t: %.80s", got.status, got.cut, got.body)
			}
			n.expectUser(t, user, tt.failures, false)
		})
	}
}

// What the head decides is not held back: the answer to a wrong password goes
// on while the service writes it, although other rules look into bodies.
func TestHeadDecidesBeforeTheBody(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(5))+siteBlock(`
		step password {
			match path /login
			user field username
			secret field password
			failure status 401
			success status 200 & body welcome
		}`, proxyTo(service.URL)))
	g := newGate(t)
	service.script("owner", func(w http.ResponseWriter, r *http.Request, right bool) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "wrong")
		_ = http.NewResponseController(w).Flush()
		g.before(func(http.ResponseWriter, *http.Request, bool) {})(w, r, right)
	})
	resp, err := client(t).PostForm(n.URL+"/login", url.Values{"username": {"owner"}, "password": {"x"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var first [5]byte
	if _, err := io.ReadFull(resp.Body, first[:]); err != nil || string(first[:]) != "wrong" {
		t.Errorf("got %q, %v", first, err)
	}
	g.open()
	n.expectUser(t, "owner", 1, false)
}
