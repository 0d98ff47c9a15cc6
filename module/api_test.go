// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

const apiToken = "s3cret-token-of-the-api-tests"

// apiSite is a site with the policy API. Its token comes from a file.
func apiSite(t testing.TB, address, options string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(apiToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("http://%s {\n\tlockout_api {\n\t\ttoken {file.%s} {\n\t\t\troles IAM_OWNER\n\t\t\tname operator\n\t\t}\n%s\n\t}\n}\n", address, file, options)
}

// apiNode is a node with a guarded site and the policy API.
type apiNode struct {
	*node
	api    string
	client *http.Client
}

func startAPINode(t testing.TB, upstream, redis string, limit int) *apiNode {
	t.Helper()
	address := freeAddress(t)
	n := startNode(t, siteConfig(upstream, redis, limit)+apiSite(t, address, ""))
	return &apiNode{node: n, api: "http://" + address, client: client(t)}
}

// call sends a call with the token of the tests and returns the answer, whose
// status must be as wanted.
func (n *apiNode) call(t testing.TB, want int, method, path, body string) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, n.api+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+apiToken)
	return n.answer(t, want, r)
}

// answer sends a request and returns the answer.
func (n *apiNode) answer(t testing.TB, want int, r *http.Request) map[string]any {
	t.Helper()
	resp, err := n.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != want {
		t.Fatalf("%s %s: status %d, want %d: %s", r.Method, r.URL.Path, resp.StatusCode, want, raw)
	}
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%s %s: %q: %v", r.Method, r.URL.Path, raw, err)
	}
	return answer
}

// locked returns the ids of a page of locked users and how many there are.
func (n *apiNode) locked(t testing.TB, query, queries string) (ids []string, total string) {
	t.Helper()
	a := n.call(t, 200, "POST", "/management/v1/users/_search",
		`{"query":{"asc":true`+query+`},"queries":[{"stateQuery":{"state":"USER_STATE_LOCKED"}}`+queries+`]}`)
	rows, _ := a["result"].([]any)
	for _, row := range rows {
		ids = append(ids, row.(map[string]any)["id"].(string))
	}
	total, _ = a["details"].(map[string]any)["totalResult"].(string)
	return ids, total
}

// overRedisAndEmbedded runs a test over the embedded store and a redis-server.
func overRedisAndEmbedded(t *testing.T, test func(t *testing.T, redis string)) {
	t.Helper()
	t.Parallel()
	t.Run("embedded", func(t *testing.T) { t.Parallel(); test(t, "") })
	t.Run("redis-server", func(t *testing.T) { t.Parallel(); test(t, redistest.Start(t).Addr) })
}

// An operator sees who is locked, unlocks, locks and changes the limit, and
// logins obey at once.
func TestAPIGovernsLogins(t *testing.T) {
	overRedisAndEmbedded(t, func(t *testing.T, redis string) {
		s := startLoginService(t, nil)
		n := startAPINode(t, s.URL, redis, 10)
		c := client(t)

		// A lower limit is in force when the call returns.
		n.call(t, 200, "POST", "/management/v1/policies/lockout", `{"maxPasswordAttempts":2}`)
		for range 2 {
			mustLogin(t, c, n.URL, "Alice", "wrong", 401)
		}
		mustLogin(t, c, n.URL, "alice", "right", 403)
		if ids, total := n.locked(t, "", ""); !slices.Equal(ids, []string{"alice"}) || total != "1" {
			t.Fatalf("locked: %v of %s", ids, total)
		}
		user := n.call(t, 200, "GET", "/management/v1/users/alice", "")["user"].(map[string]any)
		if user["state"] != "USER_STATE_LOCKED" {
			t.Errorf("user %v", user)
		}
		date, _ := user["details"].(map[string]any)["changeDate"].(string)
		if at, err := time.Parse(time.RFC3339Nano, date); err != nil || time.Since(at).Abs() > nodeDeadline {
			t.Errorf("locked at %q", date)
		}

		// An unlock forgives all failures.
		n.call(t, 400, "POST", "/management/v1/users/alice/_lock", "")
		n.call(t, 200, "POST", "/management/v1/users/alice/_unlock", "")
		n.call(t, 400, "POST", "/management/v1/users/alice/_unlock", "{}")
		mustLogin(t, c, n.URL, "alice", "wrong", 401)
		if user := n.call(t, 200, "GET", "/management/v1/users/alice", "")["user"].(map[string]any); user["state"] != "USER_STATE_ACTIVE" {
			t.Errorf("user %v", user)
		}
		mustLogin(t, c, n.URL, "alice", "right", 200)

		// A name may be locked before it ever logs in.
		n.call(t, 404, "GET", "/management/v1/users/zoe%2Fadmin", "")
		locked := n.call(t, 200, "POST", "/management/v1/users/zoe%2Fadmin/_lock", "{}")["details"].(map[string]any)
		shown := n.call(t, 200, "GET", "/management/v1/users/zoe%2Fadmin", "")["user"].(map[string]any)["details"].(map[string]any)
		if locked["changeDate"] != shown["changeDate"] || locked["sequence"] != shown["sequence"] || locked["resourceOwner"] != "default" {
			t.Errorf("locked %v, shown %v", locked, shown)
		}
		mustLogin(t, c, n.URL, "zoe/admin", "right", 403)
		n.call(t, 400, "POST", "/management/v1/users/ALICE/_lock", "{}")
		mustLogin(t, c, n.URL, "alice", "right", 200)

		// Without a policy of its own the default applies: 10. P165: failures
		// from before count on.
		mustLogin(t, c, n.URL, "carol", "wrong", 401)
		n.call(t, 200, "DELETE", "/management/v1/policies/lockout", "")
		for range 9 {
			mustLogin(t, c, n.URL, "carol", "wrong", 401)
		}
		mustLogin(t, c, n.URL, "carol", "right", 403)
		for range 9 {
			mustLogin(t, c, n.URL, "bob", "wrong", 401)
		}
		mustLogin(t, c, n.URL, "bob", "right", 200)
		n.call(t, 200, "PUT", "/admin/v1/policies/password/lockout", `{"maxPasswordAttempts":1}`)
		mustLogin(t, c, n.URL, "bob", "wrong", 401)
		mustLogin(t, c, n.URL, "bob", "right", 403)

		checkAudit(t, n, []string{
			"organization add", "user unlock", "user lock", "organization reset", "default update",
		})
	})
}

// checkAudit expects one line per change, which says who did it and from where
// and tells neither the token nor a user.
func checkAudit(t *testing.T, n *apiNode, want []string) {
	t.Helper()
	log := n.stderr.String()
	var got []string
	for line := range strings.Lines(log) {
		var entry struct{ Caller, Scope, Action, Request_id, Client_ip string }
		_, object, ok := strings.Cut(line, "{")
		if !strings.Contains(line, "changed by the policy API") || !ok {
			continue
		}
		if err := json.Unmarshal([]byte("{"+object), &entry); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if entry.Caller != "operator" || entry.Client_ip != "127.0.0.1" || entry.Request_id == "" {
			t.Errorf("log line %q", line)
		}
		for _, name := range []string{"alice", "zoe"} {
			if strings.Contains(line, name) {
				t.Errorf("log line tells the user: %q", line)
			}
		}
		got = append(got, entry.Scope+" "+entry.Action)
	}
	if !slices.Equal(got, want) {
		t.Errorf("audit lines %q, want %q", got, want)
	}
	if strings.Contains(log, apiToken) {
		t.Error("the log holds the token")
	}
}

// Locked users are listed page by page over the real index.
func TestAPIListsLockedUsers(t *testing.T) {
	overRedisAndEmbedded(t, func(t *testing.T, redis string) {
		n := startAPINode(t, "127.0.0.1:1", redis, 10)
		var all []string
		for i := range 25 {
			name := fmt.Sprintf("user %02d@example.com", i)
			n.call(t, 200, "POST", "/management/v1/users/"+url.PathEscape(name)+"/_lock", "{}")
			all = append(all, name)
		}
		var paged []string
		for offset := 0; ; offset += 10 {
			ids, total := n.locked(t, fmt.Sprintf(`,"limit":10,"offset":%d`, offset), "")
			if total != "25" {
				t.Fatalf("total %s", total)
			}
			if paged = append(paged, ids...); len(ids) < 10 {
				break
			}
		}
		if !slices.Equal(paged, all) {
			t.Errorf("listed %q", paged)
		}
		ids, total := n.locked(t, "", `,{"userNameQuery":{"userName":"user 1","method":"TEXT_QUERY_METHOD_STARTS_WITH"}}`)
		if !slices.Equal(ids, all[10:20]) || total != "10" {
			t.Errorf("listed %q of %s", ids, total)
		}
		if ids, total = n.locked(t, "", `,{"loginNameQuery":{"loginName":"user 03@example.com"}}`); !slices.Equal(ids, all[3:4]) || total != "1" {
			t.Errorf("listed %q of %s", ids, total)
		}
	})
}

// While Redis is away the API says so, and it recovers by itself.
func TestAPIWithoutStore(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	n := startAPINode(t, "127.0.0.1:1", server.Addr, 10)
	n.call(t, 200, "GET", "/admin/v1/policies/lockout", "")
	if err := server.Cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{"GET", "/management/v1/policies/lockout"}, {"POST", "/management/v1/policies/lockout"}, {"GET", "/management/v1/users/a"},
		{"POST", "/management/v1/users/a/_lock"}, {"POST", "/management/v1/users/a/_unlock"},
	} {
		if a := n.call(t, 503, c[0], c[1], ""); a["code"] != 14.0 || a["message"] != "the store does not answer" {
			t.Errorf("%s %s: %v", c[0], c[1], a)
		}
	}
	n.call(t, 200, "GET", "/healthz", "")
}

// Calls in flight and after it survive a reload, with another token.
func TestAPIAfterReload(t *testing.T) {
	t.Parallel()
	n := startAPINode(t, "127.0.0.1:1", "", 10)
	n.call(t, 200, "POST", "/management/v1/policies/lockout", `{"maxPasswordAttempts":3}`)
	n.load(t, siteConfig("127.0.0.1:1", "", 10)+strings.Replace(apiSite(t, strings.TrimPrefix(n.api, "http://"), "organizations default"), "IAM_OWNER", "ORG_OWNER_VIEWER", 1))
	if p := n.call(t, 200, "GET", "/management/v1/policies/lockout", "")["policy"].(map[string]any); p["maxPasswordAttempts"] != "3" {
		t.Errorf("policy %v", p)
	}
	n.call(t, 403, "DELETE", "/management/v1/policies/lockout", "")
}
