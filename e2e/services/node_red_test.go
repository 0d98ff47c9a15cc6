// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestNodeRED(t *testing.T) {
	t.Parallel()
	run(t, nodeRED)
}

var nodeRED = service{
	preset: "node-red",
	start:  startNodeRED,
	login:  nodeREDLogin,
	right:  func(a answer) bool { return a.status == http.StatusOK && strings.Contains(a.body, `"access_token"`) },
	wrong: func(a answer) bool {
		return a.status == http.StatusForbidden && strings.Contains(a.body, `"invalid_grant"`)
	},
	doors:   nodeREDDoors(),
	targets: []string{"/token", "/oauth/token", "/auth/token?grant_type=refresh_token"},
	passes:  nodeREDPasses,
	more:    nodeREDMore,
}

func nodeREDLogin(c *client, name, secret string) answer {
	return c.form("/auth/token", "client_id", "node-red-editor", "grant_type", "password", "scope", "", "username", name, "password", secret)
}

func startNodeRED(t *testing.T, people []account) string {
	t.Helper()
	directory, port := npm(t, "node-red"), freePort(t)
	in, err := json.Marshal(people)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(directory, "settings.js"), fmt.Sprintf(nodeREDSettings, port, in))
	p := start(t, nodeCommand(directory, filepath.Join("node_modules", "node-red", "red.js"), "--userDir", t.TempDir(), "--settings", "settings.js"))
	p.wait(t, func() bool { return answers("http://127.0.0.1:" + port + "/auth/login") })
	return "http://127.0.0.1:" + port
}

func nodeCommand(directory string, args ...string) *exec.Cmd {
	cmd := exec.Command("node", args...)
	cmd.Dir = directory
	return cmd
}

const nodeREDSettings = `const bcrypt = require('bcryptjs')
module.exports = {
  uiHost: '127.0.0.1',
  uiPort: %s,
  credentialSecret: 'of the tests',
  telemetry: { enabled: false },
  editorTheme: { tours: false },
  externalModules: { palette: { allowInstall: false } },
  adminAuth: {
    type: 'credentials',
    users: %s.map((a) => ({ username: a.Name, password: bcrypt.hashSync(a.Secret, 8), permissions: '*' })),
  },
}
`

func nodeREDDoors() []door {
	grant := func(*client) []string {
		return []string{"client_id", "node-red-editor", "grant_type", "password", "scope", ""}
	}
	doors := encodings("/auth/token", "username", "password", func(a account) string { return a.Name }, grant)
	// Node-RED itself does not survive a list of passwords: see nodeREDList.
	doors = slices.DeleteFunc(doors, func(d door) bool {
		return d.name == "two secrets" || strings.Contains(d.name, "password[")
	})
	body := func(name, kind, format string) door {
		return door{name: name, try: func(c *client, a account, secret string) answer {
			return c.post("/auth/token", kind, fmt.Sprintf(format, a.Name, secret))
		}}
	}
	const jsonType = "application/json"
	return append(doors,
		body("grant as a list", formType, "client_id=node-red-editor&grant_type[]=password&username=%s&password=%s"),
		body("two grants", formType, "client_id=node-red-editor&grant_type=password&grant_type=password&username=%s&password=%s"),
		body("grant in capitals", formType, "client_id=node-red-editor&grant_type=PASSWORD&username=%s&password=%s"),
		body("grant with a blank", formType, "client_id=node-red-editor&grant_type=password+&username=%s&password=%s"),
		body("another grant", formType, "client_id=node-red-editor&grant_type=refresh_token&username=%s&password=%s"),
		body("no grant", formType, "client_id=node-red-editor&username=%s&password=%s"),
		body("grant as a list in JSON", jsonType, `{"client_id": "node-red-editor", "grant_type": ["password"], "username": %q, "password": %q}`),
		body("name as a list in JSON", jsonType, `{"client_id": "node-red-editor", "grant_type": "password", "username": [%q], "password": %q}`),
		body("prototype", jsonType, `{"client_id": "node-red-editor", "grant_type": "password", "__proto__": {"username": %q}, "password": %q}`),
		body("two names in JSON", jsonType, `{"client_id": "node-red-editor", "grant_type": "password", "username": "decoy", "username": %q, "password": %q}`),
	)
}

var nodeREDPasses = []pass{
	{"what the editor asks first", func(c *client, _ account) answer { return c.get("/auth/login") }},
	{"the editor", func(c *client, _ account) answer { return c.get("/") }},
	{"a refresh token", func(c *client, _ account) answer {
		return c.form("/auth/token", "client_id", "node-red-editor", "grant_type", "refresh_token", "refresh_token", "x")
	}},
	{"a client for itself", func(c *client, _ account) answer {
		r := c.request(http.MethodPost, "/auth/token", "grant_type=client_credentials", "Content-Type", formType)
		r.SetBasicAuth("app", "secret")
		return c.do(r)
	}},
	{"the API with a token", func(c *client, a account) answer {
		return c.get("/settings", "Authorization", "Bearer "+nodeREDToken(c, a))
	}},
	{"the API without", func(c *client, _ account) answer { return c.get("/flows") }},
	{"logout", func(c *client, a account) answer {
		token := nodeREDToken(c, a)
		return c.post("/auth/revoke", "application/json", `{"token": "`+token+`"}`, "Authorization", "Bearer "+token)
	}},
}

func nodeREDToken(c *client, a account) string {
	c.t.Helper()
	got := nodeREDLogin(c, a.Name, a.Secret)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(got.body), &token); err != nil || token.AccessToken == "" {
		c.t.Fatalf("the right password of %s: status %d: %s", a.Name, got.status, got.body)
	}
	return token.AccessToken
}

func nodeREDMore(s *suite, t *testing.T) {
	t.Run("the limiter of Node-RED", s.nodeREDLimiter)
	t.Run("a list of passwords", s.nodeREDList)
}

// Node-RED looks at five passwords of a name in ten minutes. What it does not
// look at gives no guesses, and takes none.
func (s *suite) nodeREDLimiter(t *testing.T) {
	a, direct := who("judy"), newClient(t, s.url)
	for range 5 {
		s.login(direct, a.Name, wrongSecret())
	}
	for range 2 * limit {
		if reached, got := s.guess(t, a.Name); reached != 1 || got.status != http.StatusInternalServerError {
			t.Fatalf("a guess that Node-RED does not look at reached it %d times: status %d: %s", reached, got.status, got.body)
		}
	}
	if s.caddy.locked(t, a.Name) {
		t.Error("what Node-RED did not look at has been counted")
	}
}

func (s *suite) nodeREDList(t *testing.T) {
	c, secret := newClient(t, s.caddy.site), wrongSecret()
	const target = "/auth/token"
	for _, got := range []answer{
		c.json(target, map[string]any{"client_id": "node-red-editor", "grant_type": "password", "username": "ivan", "password": []string{secret}}),
		c.form(target, "client_id", "node-red-editor", "grant_type", "password", "username", "ivan", "password", secret, "password", secret),
		c.form(target, "client_id", "node-red-editor", "grant_type", "password", "username", "ivan", "password[]", secret),
	} {
		if got.status != http.StatusBadRequest && got.status != http.StatusForbidden {
			t.Errorf("status %d", got.status)
		}
	}
	if n := s.arrivals.with(secret); n != 0 {
		t.Errorf("lists of passwords reached Node-RED %d times", n)
	}
}
