// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// received is what an upstream got: the request line, what its headers say of
// the body, and the body.
type received struct {
	method, target, contentType, encoding, digest, body string
	length                                              int64
}

// recorder is an upstream that keeps what it gets and answers 401, or 200 when
// the body or the target holds "right".
type recorder struct {
	*httptest.Server
	mu  sync.Mutex
	got []received
}

func startRecorder(t testing.TB) *recorder {
	t.Helper()
	s := new(recorder)
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP keeps requests that are not for a page.
func (s *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	s.got = append(s.got, received{
		method: r.Method, target: r.RequestURI, contentType: r.Header.Get("Content-Type"),
		encoding: r.Header.Get("Content-Encoding"), digest: r.Header.Get("Content-Digest"), body: string(body), length: r.ContentLength,
	})
	s.mu.Unlock()
	if !strings.Contains(string(body)+r.RequestURI+r.Header.Get("X-Auth-Key"), "right") {
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// take returns what came since the last call.
func (s *recorder) take() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got = nil
	return got
}

// sourceStep is a step with these lines.
func sourceStep(lines ...string) string {
	return "\n\t\tstep password {\n\t\t\t" + strings.Join(lines, "\n\t\t\t") + "\n\t\t\tsuccess status 200\n\t\t\tfailure status 401\n\t\t}"
}

// send sends a request with header fields in pairs.
func send(t testing.TB, c *http.Client, method, target, body string, header ...string) result {
	t.Helper()
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return read(c.Do(r))
}

// Each place of a user name leads to the same counter: after the limit nothing
// more reaches the service, and requests without credentials still do.
func TestPlacesOfCredentials(t *testing.T) {
	t.Parallel()
	const limit = 2
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.WriteString(z, "username=victim&password=wrong")
	_ = z.Close()
	var parts bytes.Buffer
	m := multipart.NewWriter(&parts)
	_ = m.WriteField("username", "victim")
	_ = m.WriteField("password", "wrong")
	_ = m.Close()
	fields := []string{"user field username | field email", "secret field password"}
	for _, tt := range []struct {
		name         string
		step         []string
		method       string
		target, body string
		header       []string
		page         string // a GET that is no attempt
	}{
		{"gzip", append([]string{"match path /login", "accept form", "decode gzip"}, fields...), "POST", "/login", packed.String(),
			[]string{"Content-Type", formType, "Content-Encoding", "gzip"}, "/login"},
		{"P060 multipart", append([]string{"match path /login", "accept multipart"}, fields...), "POST", "/login", parts.String(),
			[]string{"Content-Type", m.FormDataContentType()}, "/login"},
		{"gzip, told apart by a field", append([]string{"match path /login", "match has username", "accept form", "decode gzip"}, fields...), "POST", "/login", packed.String(),
			[]string{"Content-Type", formType, "Content-Encoding", "gzip"}, "/login"},
		{"multipart, told apart by a field", append([]string{"match path /login", "match has username", "accept multipart"}, fields...), "POST", "/login", parts.String(),
			[]string{"Content-Type", m.FormDataContentType()}, "/login"},
		{"alternative", append([]string{"match path /login"}, fields...), "POST", "/login", "email=victim&password=wrong", []string{"Content-Type", formType}, "/login"},
		{"query", []string{"match path /login", "user query username", "secret query password"}, "GET", "/login?username=victim&password=wrong", "", nil, "/login?flow=1"},
		{"query by POST", []string{"match path /login", "user query username | field username", "secret query password | field password"},
			"POST", "/login?username=victim&password=wrong", "", nil, "/login"},
		{"path", []string{"match path /v1/auth/userpass/login/*", "match method POST PUT", "accept json", "user path 5", "secret field password"},
			"PUT", "/v1/auth/userpass/login/victim", `{"password":"wrong"}`, []string{"Content-Type", jsonType}, "/v1/auth/userpass/login/victim"},
		{"headers", []string{"match path /auth/v1.0", "user header X-Auth-User", "secret header X-Auth-Key"}, "GET", "/auth/v1.0", "",
			[]string{"X-Auth-User", "victim", "X-Auth-Key", "wrong"}, "/auth/v1.0"},
		{"cookie", []string{"match path /unlock", "accept form", "user cookie login", "secret field password"}, "POST", "/unlock", "password=wrong",
			[]string{"Content-Type", formType, "Cookie", "a=1; login=victim"}, "/unlock"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			service := startRecorder(t)
			n := startNode(t, options(maxAttempts(limit))+siteBlock(sourceStep(tt.step...), proxyTo(service.URL)))
			c := client(t)
			for i, want := range []int{401, 401, 403, 403} {
				if got := send(t, c, tt.method, n.URL+tt.target, tt.body, tt.header...); got.status != want {
					t.Errorf("guess %d: status %d, want %d", i+1, got.status, want)
				}
			}
			n.expectUser(t, "victim", limit, true)
			if got := len(service.take()); got != limit {
				t.Errorf("%d guesses reached the service, want %d", got, limit)
			}
			_ = send(t, c, "GET", n.URL+tt.page, "")
			if got := service.take(); len(got) != 1 {
				t.Errorf("a page that is no attempt: %v", got)
			}
			n.expectUser(t, "victim", limit, true)
		})
	}
}

// What reaches the service is what was read, and its headers describe it.
func TestCanonicalForward(t *testing.T) {
	t.Parallel()
	const crooked = "z=1&%75sername=%56ictim&&password=right&z=%7A"
	pack := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, s)
		_ = z.Close()
		return b.String()
	}
	fields := func(more ...string) string {
		return sourceStep(append([]string{"match path /login", "user field username", "secret field password"}, more...)...)
	}
	for _, tt := range []struct {
		name, step, contentType, encoding, body, want string
	}{
		{"form", fields(), formType, "", crooked, "z=1&username=Victim&password=right&z=z"},
		{"form, off", fields("canonical_forward off"), formType, "", crooked, crooked},
		{"form, canonical name", fields("forward_normalized"), formType, "", crooked, "z=1&username=victim&password=right&z=z"},
		{"JSON", fields(), jsonType, "", ` {"z":1.0,"user\u006eame":"Vict\u0069m","password":"right"} `, `{"z":1.0,"username":"Victim","password":"right"}`},
		{"JSON, canonical name", fields("forward_normalized"), jsonType, "", `{"username":"Victim","password":"right"}`, `{"username":"victim","password":"right"}`},
		{"gzip", fields("decode gzip"), formType, "gzip", pack(crooked), "z=1&username=Victim&password=right&z=z"},
		{"gzip, off", fields("decode gzip", "canonical_forward off"), formType, "gzip", pack(crooked), crooked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			service := startRecorder(t)
			n := startNode(t, options(maxAttempts(2))+siteBlock(tt.step, proxyTo(service.URL)))
			c := client(t)
			for _, chunked := range []bool{false, true} {
				r, err := http.NewRequest("POST", n.URL+"/login?flow=1", strings.NewReader(tt.body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", tt.contentType)
				if tt.encoding != "" {
					r.Header.Set("Content-Encoding", tt.encoding)
				}
				if chunked {
					r.ContentLength = -1
				}
				if got := read(c.Do(r)); got.status != http.StatusOK {
					t.Fatalf("status %d", got.status)
				}
				want := received{method: "POST", target: "/login?flow=1", contentType: tt.contentType, body: tt.want, length: int64(len(tt.want))}
				if got := service.take(); len(got) != 1 || got[0] != want {
					t.Errorf("chunked %t: got  %+v\nwant %+v", chunked, got, want)
				}
			}
		})
	}
}

// A body with a digest is refused, unless it goes on as it is.
func TestSignedBodies(t *testing.T) {
	t.Parallel()
	service := startRecorder(t)
	n := startNode(t, options()+siteBlock(
		sourceStep("match path /login", "user field username", "secret field password")+
			sourceStep("match path /signed", "user field username", "secret field password", "canonical_forward off"),
		"handle_errors {\n\t\trespond \"{http.lockout.reason}\"\n\t}\n\t"+proxyTo(service.URL)))
	c := client(t)
	const body, digest = "username=alice&password=right", "sha-256=:AAAA:"
	if got := send(t, c, "POST", n.URL+"/login", body, "Content-Type", formType, "Content-Digest", digest); got.status != 400 || got.body != "signed_body" {
		t.Errorf("encoded anew: status %d, %q", got.status, got.body)
	}
	if got := send(t, c, "POST", n.URL+"/signed", body, "Content-Type", formType, "Content-Digest", digest); got.status != 200 {
		t.Errorf("as it is: status %d", got.status)
	}
	if got := service.take(); len(got) != 1 || got[0].body != body || got[0].digest != digest {
		t.Errorf("the service got %+v", got)
	}
}

func TestUserPattern(t *testing.T) {
	t.Parallel()
	service := startRecorder(t)
	n := startNode(t, options()+siteBlock(
		sourceStep("match path /login", "user field username", "secret field password", "user_pattern [a-z0-9._@-]{1,20}|root"),
		"metrics /metrics\n\thandle_errors {\n\t\trespond \"{http.lockout.reason}\"\n\t}\n\t"+proxyTo(service.URL)))
	c := client(t)
	for name, want := range map[string]int{
		"alice": 200, "+Alice+": 200, "alice@example.test": 200, "jos%C3%A9": 400, "al+ice": 400, "%3Cb%3Ealice": 400, "%EF%BD%81lice": 400,
		"%E2%84%AAim": 400, "alice%E2%80%8B": 400, "aaaaaaaaaaaaaaaaaaaaa": 400, "alice%2540x": 400,
	} {
		got := send(t, c, "POST", n.URL+"/login", "username="+name+"&password=right", "Content-Type", formType)
		if got.status != want || want == 400 && got.body != "user_pattern" {
			t.Errorf("%s: status %d, %q, want %d", name, got.status, got.body, want)
		}
	}
	metrics := read(c.Get(n.URL + "/metrics")).body
	for _, line := range []string{
		`caddy_lockout_refusals_total{reason="user_pattern"} 8`, `caddy_lockout_refusals_total{reason="ambiguous_credentials"} 0`,
		`caddy_lockout_refusals_total{reason="locked"} 0`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("missing: %s", line)
		}
	}
	if fmt.Sprint(len(service.take())) != "3" {
		t.Error("not just the names that match reached the service")
	}
}
