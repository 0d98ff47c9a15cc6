// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// Caddy's own users get what the configuration gives them, from their own site
// only; without the option Caddy's authentication opens nothing.
func TestAPIOfCaddyUsers(t *testing.T) {
	t.Parallel()
	hash, err := bcrypt.GenerateFromPassword([]byte("wonderland"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	open, closed, bare := freeAddress(t), freeAddress(t), freeAddress(t)
	site := func(address, before, access string) string {
		return "http://" + address + " {\n" + before + "\nlockout_api {\n" + access + "\n}\n}\n"
	}
	users := "basic_auth {\nalice " + string(hash) + "\nbob " + string(hash) + "\n}"
	access := "caddy_auth {\nuser alice {\nroles IAM_OWNER\n}\nroles ORG_OWNER_VIEWER\norg acme\n}\ntoken " + apiToken + " {\nroles IAM_OWNER\n}\ncors https://app.example.com"
	n := &apiNode{client: client(t)}
	n.node = startNode(t, site(open, users, access)+site(closed, users, "token "+apiToken+" {\nroles IAM_OWNER\n}")+site(bare, "", access))
	basic := func(user string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":wonderland"))
	}
	const policy, standard = "/management/v1/policies/lockout", "/admin/v1/policies/lockout"

	n.api = "http://" + open
	n.callAs(t, 200, basic("alice"), "GET", standard)
	n.callAs(t, 200, basic("bob"), "GET", policy)
	if a := n.callAs(t, 403, basic("bob"), "GET", standard); !strings.Contains(a["message"].(string), "AUTH-5mWD2") {
		t.Errorf("answer %v", a)
	}
	n.callAs(t, 404, basic("bob"), "GET", policy, "x-zitadel-orgid", "default")
	d := n.callAs(t, 200, basic("alice"), "POST", policy)["details"].(map[string]any)
	if d["resourceOwner"] != "default" {
		t.Errorf("details %v", d)
	}
	// A browser sends the password of a visited page as well.
	for _, headers := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
		n.callAs(t, 401, basic("alice"), "DELETE", policy, headers...)
	}
	n.callAs(t, 200, basic("alice"), "DELETE", policy, "Origin", n.api, "Sec-Fetch-Site", "same-origin")
	// One that the operator has named may.
	n.callAs(t, 200, basic("alice"), "POST", policy, "Origin", "https://app.example.com", "Sec-Fetch-Site", "cross-site")

	n.api = "http://" + closed
	n.callAs(t, 401, basic("alice"), "GET", standard)

	// Without an authentication in front there is no user, whatever a client sends.
	n.api = "http://" + bare
	n.callAs(t, 401, basic("alice"), "GET", standard)
	n.callAs(t, 401, "", "GET", standard, "X-Forwarded-User", "alice", "http.auth.user.id", "alice")
	n.callAs(t, 200, "Bearer "+apiToken, "GET", standard)

	n.waitLog(t, `"caller":"user alice"`)
	if strings.Contains(n.stderr.String(), "wonderland") {
		t.Error("the log holds a password")
	}
}

// callAs is call with other credentials and headers.
func (n *apiNode) callAs(t testing.TB, want int, authorization, method, path string, headers ...string) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, n.api+path, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return n.answer(t, want, r)
}
