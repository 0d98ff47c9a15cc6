// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// adminToken is that of an IAM_OWNER of organization "home".
const adminToken = "admin-token-of-the-tests"

// server is the REST API of one instance.
type server struct {
	env
	users   *fakeUsers
	handler http.Handler

	mu      sync.Mutex
	changes []policyapi.Change
	denials []policyapi.Denial
	failed  []error
}

type serverOptions struct {
	tokens        map[string]policyapi.Caller // beside adminToken
	organizations []string
	service       policyapi.ServiceOptions
	handler       policyapi.HandlerOptions
	// authenticators come beside the tokens.
	authenticators []policyapi.Authenticator
}

func newServer(t testing.TB, e env, o serverOptions) *server {
	t.Helper()
	s := &server{env: e, users: newFakeUsers()}
	tokens := new(policyapi.Tokens)
	if err := tokens.Add(adminToken, policyapi.Caller{Name: "admin", Organization: "home", Roles: []string{"IAM_OWNER"}}); err != nil {
		t.Fatal(err)
	}
	for token, caller := range o.tokens {
		if err := tokens.Add(token, caller); err != nil {
			t.Fatal(err)
		}
	}
	access, err := policyapi.NewAccess(append(policyapi.AnyOf{tokens}, o.authenticators...), o.organizations)
	if err != nil {
		t.Fatal(err)
	}
	access.Denied = func(_ context.Context, d policyapi.Denial) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.denials = append(s.denials, d)
	}
	o.service.Changed = func(_ context.Context, c policyapi.Change) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changes = append(s.changes, c)
	}
	o.service.Failed = func(_ context.Context, _, _ string, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.failed = append(s.failed, err)
	}
	if o.service.Timeout == 0 {
		o.service.Timeout = patience
	}
	service := policyapi.NewService(e.cache(t, policyapi.Options{}), s.users, o.service)
	if s.handler, err = policyapi.NewHandler(service, access, o.handler); err != nil {
		t.Fatal(err)
	}
	return s
}

func embeddedServer(t testing.TB) *server {
	t.Helper()
	return newServer(t, embeddedEnv(t), serverOptions{})
}

// overServers runs a test over both stores.
func overServers(t *testing.T, test func(t *testing.T, s *server)) {
	t.Helper()
	overStores(t, func(t *testing.T, e env) { test(t, newServer(t, e, serverOptions{})) })
}

// reply is an answer. JSON is nil when the body is empty.
type reply struct {
	Status int
	Header http.Header
	Body   string
	JSON   map[string]any
}

// send makes a call; headers are pairs, the later of the same name wins, and
// one that is empty is left out.
func (s *server) send(t testing.TB, method, target, body string, headers ...string) reply {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+adminToken)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	return s.do(t, r)
}

func (s *server) do(t testing.TB, r *http.Request) reply {
	t.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	a := reply{Status: w.Code, Header: w.Header(), Body: w.Body.String()}
	if a.Body != "" {
		if err := json.Unmarshal([]byte(a.Body), &a.JSON); err != nil {
			t.Fatalf("%s %s: answer %q: %v", r.Method, r.URL, a.Body, err)
		}
	}
	return a
}

// expect compares status and, where they are given, code and message.
func (a reply) expect(t testing.TB, status, code int, message string) {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status %d, want %d: %s", a.Status, status, a.Body)
	}
	if code == 0 {
		return
	}
	if a.JSON["code"] != float64(code) {
		t.Errorf("code %v, want %d: %s", a.JSON["code"], code, a.Body)
	}
	if got, _ := a.JSON["message"].(string); !strings.HasPrefix(loosely(got), loosely(message)) {
		t.Errorf("message %q, want %q", got, message)
	}
	id := idOf(message)
	details, _ := a.JSON["details"].([]any)
	if id == "" {
		if len(details) != 0 {
			t.Errorf("details %v, want none", details)
		}
		return
	}
	want := map[string]any{
		"@type": "type.googleapis.com/zitadel.v1.ErrorDetail", "id": id,
		"message": strings.TrimSuffix(message, " ("+id+")"),
	}
	if len(details) != 1 || !maps.Equal(details[0].(map[string]any), want) {
		t.Errorf("details %v, want %v", details, want)
	}
}

// loosely undoes what protojson varies from build to build.
func loosely(s string) string { return strings.ReplaceAll(s, "\u00a0", " ") }

var messageID = regexp.MustCompile(` \(([A-Za-z]+-[A-Za-z0-9]+)\)$`)

func idOf(message string) string {
	if m := messageID.FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return ""
}

func TestRouting(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	const policy = "/management/v1/policies/lockout"
	for _, tt := range []struct {
		name, method, target string
		status, code         int
		message              string
	}{
		{"get", "GET", policy, 200, 0, ""},
		{"query", "GET", policy + "?foo=bar&foo[]=%zz", 200, 0, ""},
		{"trailing slash", "GET", policy + "/", 404, 5, "Not Found"},
		{"longer", "GET", policy + "s", 404, 5, "Not Found"},
		{"root", "GET", "/", 404, 5, "Not Found"},
		{"no such service", "GET", "/auth/v1/users/me", 404, 5, "Not Found"},
		{"other spelling", "GET", "/Management/v1/policies/lockout", 404, 5, "Not Found"},
		{"patch", "PATCH", policy, 405, 12, "Method Not Allowed"},
		{"head", "HEAD", policy, 405, 12, "Method Not Allowed"},
		{"options", "OPTIONS", policy, 405, 12, "Method Not Allowed"},
		{"unknown method", "BREW", policy, 405, 12, "Method Not Allowed"},
		{"post on the default", "POST", "/admin/v1/policies/lockout", 405, 12, "Method Not Allowed"},
		{"delete on the default", "DELETE", "/admin/v1/policies/lockout", 405, 12, "Method Not Allowed"},
		{"put where the default is read", "PUT", "/admin/v1/policies/lockout", 405, 12, "Method Not Allowed"},
		{"get where the default is written", "GET", "/admin/v1/policies/password/lockout", 405, 12, "Method Not Allowed"},
		{"post on health", "POST", "/healthz", 405, 12, "Method Not Allowed"},
		{"get on search", "PUT", "/management/v1/users/_search", 405, 12, "Method Not Allowed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s.send(t, tt.method, tt.target, "").expect(t, tt.status, tt.code, tt.message)
		})
	}
	for target, want := range map[string]string{
		"//management/v1/policies/lockout":           policy,
		"/management//v1/policies/lockout?a=b":       policy + "?a=b",
		"/management/v1/./policies/../policies/x":    "/management/v1/policies/x",
		"/management//v1/":                           "/management/v1/",
		"//evil.example/":                            "/evil.example/",
		"/..//evil.example":                          "/evil.example",
		`//\evil.example`:                            "/%5Cevil.example",
		"//management/v1/users/a%2F%2Fb%252e/_lock":  "/management/v1/users/a%2F%2Fb%252e/_lock",
		"/management/v1/users//%2e%2e/policies/%2e/": "/management/v1/users/%2e%2e/policies/%2e/",
	} {
		a := s.send(t, "GET", target, "")
		if got := a.Header.Get("Location"); a.Status != 301 || got != want || a.Body != "" {
			t.Errorf("%s: status %d to %q, want 301 to %q", target, a.Status, got, want)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	for target, want := range map[string]string{"/healthz": `{"status":"SERVING"}`, "/management/v1/healthz": "{}", "/admin/v1/healthz": "{}"} {
		for _, authorization := range []string{"", "Bearer wrong", "nonsense"} {
			a := s.send(t, "GET", target, "", "Authorization", authorization, "x-zitadel-orgid", "none\x00")
			if a.expect(t, 200, 0, ""); a.Body != want {
				t.Errorf("%s: %q, want %q", target, a.Body, want)
			}
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	a := s.send(t, "GET", "/management/v1/policies/lockout", "", "TE", "trailers", "Accept", "text/html", "Grpc-Timeout", "x", "Grpc-Metadata-a-bin", "!")
	a.expect(t, 200, 0, "")
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache", "X-Robots-Tag": "none", "Transfer-Encoding": "", "Set-Cookie": "",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if len(a.Header.Get("X-Request-Id")) < 16 {
		t.Errorf("X-Request-Id: %q", a.Header.Get("X-Request-Id"))
	}
	for name := range a.Header {
		if strings.HasPrefix(name, "Grpc") {
			t.Errorf("header %s", name)
		}
	}
	a = s.send(t, "GET", "/management/v1/policies/lockout", "", "Authorization", "")
	if got := a.Header.Get("WWW-Authenticate"); got != "auth header missing" {
		t.Errorf("WWW-Authenticate: %q", got)
	}
}

// Every route of gateway.yaml is closed to those without a token and to those
// without a role, and exists.
func TestEveryRouteIsGuarded(t *testing.T) {
	t.Parallel()
	s := newServer(t, embeddedEnv(t), serverOptions{tokens: map[string]policyapi.Caller{
		"powerless": {Name: "powerless", Organization: "home", Roles: []string{"ORG_NOTHING"}},
	}})
	raw, err := os.ReadFile("../proto/gateway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	routes := regexp.MustCompile(`(?m)^ +(get|post|put|delete): (\S+)$`).FindAllStringSubmatch(string(raw), -1)
	if want := strings.Count(string(raw), "selector:"); len(routes) != want {
		t.Fatalf("%d routes, want %d", len(routes), want)
	}
	for _, route := range routes {
		method, target := strings.ToUpper(route[1]), pathID.ReplaceAllString(route[2], "someone")
		if strings.HasSuffix(target, "/healthz") {
			continue
		}
		s.send(t, method, target, "{", "Authorization", "").expect(t, 401, 16, "auth header missing")
		refused := "No matching permissions found (AUTH-5mWD2)"
		switch {
		case target == "/v2/users" || target == "/v2beta/users":
			continue // every known caller may list whom he may read
		case strings.HasPrefix(target, "/v2/users") || strings.HasPrefix(target, "/v2beta/users"):
			refused = "No matching permissions found (AUTH-AWfge)"
		}
		s.send(t, method, target, "{", "Authorization", "Bearer powerless").expect(t, 403, 7, refused)
	}
}

var pathID = regexp.MustCompile(`\{\w+\}`)

func TestParallelAddsThroughTheAPI(t *testing.T) {
	overServers(t, func(t *testing.T, s *server) {
		var wg sync.WaitGroup
		statuses := make([]int, 10)
		for i := range statuses {
			wg.Go(func() {
				statuses[i] = s.send(t, "POST", "/management/v1/policies/lockout", fmt.Sprintf(`{"maxPasswordAttempts":%d}`, i+1)).Status
			})
		}
		wg.Wait()
		slices.Sort(statuses)
		if want := []int{200, 409, 409, 409, 409, 409, 409, 409, 409, 409}; !slices.Equal(statuses, want) {
			t.Fatalf("statuses %v, want %v", statuses, want)
		}
		if n := s.sequence(t); n != 1 {
			t.Fatalf("sequence %d after one change", n)
		}
		if len(s.changes) != 1 {
			t.Fatalf("changes reported: %v", s.changes)
		}
	})
}

// What is changed is reported once, with who did it, and in force at once.
func TestChangesAreReported(t *testing.T) {
	overServers(t, func(t *testing.T, s *server) {
		a := s.send(t, "POST", "/management/v1/policies/lockout", `{"maxPasswordAttempts":3}`, "x-zitadel-orgid", "acme")
		a.expect(t, 200, 0, "")
		s.send(t, "PUT", "/management/v1/policies/lockout", `{"maxOtpAttempts":4}`, "x-zitadel-orgid", "acme").expect(t, 200, 0, "")
		s.send(t, "PUT", "/management/v1/policies/lockout", `{"maxOtpAttempts":4}`, "x-zitadel-orgid", "acme").expect(t, 400, 9, "Errors.Org.LockoutPolicy.NotChanged (ORG-0JFSr)")
		s.send(t, "DELETE", "/management/v1/policies/lockout", "", "x-zitadel-orgid", "acme").expect(t, 200, 0, "")
		s.send(t, "PUT", "/admin/v1/policies/password/lockout", `{"maxPasswordAttempts":7}`).expect(t, 200, 0, "")
		s.send(t, "POST", "/management/v1/users/eve/_lock", "").expect(t, 200, 0, "")
		s.send(t, "POST", "/management/v1/users/eve/_lock", "").expect(t, 400, 9, "User is not active or initial (COMMAND-3NN8v)")
		s.send(t, "POST", "/management/v1/users/eve/_unlock", "").expect(t, 200, 0, "")
		var got []string
		for _, c := range s.changes {
			limits := ""
			if c.Limits != nil {
				limits = fmt.Sprint(*c.Limits)
			}
			got = append(got, strings.Join([]string{c.Caller, string(c.Scope), string(c.Action), c.Organization, c.User, limits}, " "))
		}
		if want := []string{
			"admin organization add acme  {3 0}",
			"admin organization update acme  {0 4}",
			"admin organization reset acme  ",
			"admin default update   {7 0}",
			"admin user lock home eve ",
			"admin user unlock home eve ",
		}; !slices.Equal(got, want) {
			t.Errorf("changes\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if s.changes[0].ID != a.Header.Get("X-Request-Id") {
			t.Errorf("change %q, answer %q", s.changes[0].ID, a.Header.Get("X-Request-Id"))
		}
		if len(s.failed) > 0 {
			t.Errorf("failures: %v", s.failed)
		}
	})
}

// While the store is away every call that needs it says so, and tells nothing
// else about it.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	l := new(line)
	s := newServer(t, embeddedEnv(t).node(t, l), serverOptions{service: policyapi.ServiceOptions{Timeout: 2 * time.Second}})
	l.set(true)
	for _, route := range []string{
		"GET /management/v1/policies/lockout", "GET /admin/v1/policies/lockout", "POST /management/v1/policies/lockout",
		"PUT /management/v1/policies/lockout", "DELETE /management/v1/policies/lockout", "PUT /admin/v1/policies/password/lockout",
	} {
		method, target, _ := strings.Cut(route, " ")
		s.send(t, method, target, "{}").expect(t, 503, 14, "the store does not answer")
	}
	if len(s.failed) != 6 || !errors.Is(s.failed[0], errCut) {
		t.Errorf("reported: %v", s.failed)
	}
	s.send(t, "GET", "/healthz", "").expect(t, 200, 0, "")
	l.set(false)
	eventually(t, "the store to answer", func() bool { return s.send(t, "GET", "/admin/v1/policies/lockout", "").Status == 200 })
}

// An answer over a real connection has no body for HEAD, and a body that is
// too long is not read.
func TestOverHTTP(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	for _, tt := range []struct {
		method string
		body   io.Reader
		status int
	}{
		{"HEAD", nil, 405},
		{"POST", io.LimitReader(endless{}, 10<<20), 400},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, server.URL+"/management/v1/policies/lockout", tt.body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+adminToken)
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != tt.status || (tt.method == "HEAD") != (len(body) == 0) {
			t.Errorf("%s: status %d, body %q, %v", tt.method, resp.StatusCode, body, err)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func embeddedEnv(t testing.TB) env {
	t.Helper()
	return newEnv(t, redistest.Embedded(t).(*redis.Client))
}
