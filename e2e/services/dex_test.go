// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestDex(t *testing.T) {
	t.Parallel()
	run(t, dex)
}

const (
	dexAuthorize = "/dex/auth/local?client_id=app&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback&response_type=code&scope=openid&state=of-the-app"
	dexLogin     = "/dex/auth/local/login?back=&state=STATE"
)

var dex = service{
	preset:   "dex",
	start:    func(t *testing.T, people []account) string { return startDex(t, people, false) },
	identity: func(a account) string { return a.Email },
	login: func(c *client, name, secret string) answer {
		return c.form(dexState(c), "login", name, "password", secret)
	},
	right: func(a answer) bool {
		return a.status == 303 || a.status == 200 && strings.Contains(a.body, `"access_token"`)
	},
	wrong:     func(a answer) bool { return a.status == 401 && strings.Contains(a.body, `id="login-error"`) },
	spellings: dexSpellings,
	doors:     dexDoors(),
	passes:    dexPasses,
	more:      dexMore,
}

// dexBinary is a Dex, built once.
var dexBinary = sync.OnceValues(func() (string, error) {
	out := filepath.Join(binaries, "dex")
	cmd := exec.Command("go", "build", "-trimpath", "-o", out, ".")
	cmd.Dir = "../dex"
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building Dex: %w\n%s", err, output)
	}
	return out, nil
})

func startDex(t *testing.T, people []account, skipApproval bool) string {
	t.Helper()
	binary, err := dexBinary()
	if err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + freePort(t)
	in, err := json.Marshal(map[string]any{
		"Address": address, "Issuer": "http://" + address + "/dex", "Accounts": people, "SkipApproval": skipApproval,
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary)
	cmd.Stdin = strings.NewReader(string(in))
	p := start(t, cmd)
	p.wait(t, func() bool { return answers("http://" + address + "/dex/keys") })
	return "http://" + address
}

// dexState begins a login and returns the target of its form.
func dexState(c *client) string {
	return c.get(dexAuthorize).header.Get("Location")
}

// dexSpellings are names that Dex takes for one: it makes all letters small, and
// a capital i with a dot becomes one without.
func dexSpellings(a account) []string {
	return []string{strings.ToUpper(a.Email), strings.ToUpper(a.Email[:1]) + a.Email[1:], strings.Replace(a.Email, "i", "\u0130", 1)}
}

func dexEmail(a account) string { return a.Email }

func dexDoors() []door {
	doors := encodings(dexLogin, "login", "password", dexEmail, func(c *client) []string {
		target, err := url.Parse(dexState(c))
		if err != nil {
			c.t.Fatal(err)
		}
		c.respell = func(t string) string { return strings.Replace(t, "STATE", target.Query().Get("state"), 1) }
		return nil
	})
	grant := func(more ...string) func(*client) []string {
		return func(*client) []string { return append([]string{"grant_type", "password", "scope", "openid"}, more...) }
	}
	for _, d := range encodings("/dex/token", "username", "password", dexEmail, grant("client_id", "app", "client_secret", "of the app")) {
		d.name = "password grant, " + d.name
		doors = append(doors, d)
	}
	basic := func(fields func(a account, secret string) (query, body []string)) func(*client, account, string) answer {
		return func(c *client, a account, secret string) answer {
			query, body := fields(a, secret)
			r := c.request("POST", "/dex/token?"+encodeForm(query), encodeForm(body), "Content-Type", formType)
			r.SetBasicAuth("app", "of+the+app")
			return c.do(r)
		}
	}
	return append(doors,
		door{name: "password grant, client by HTTP Basic", try: basic(func(a account, secret string) (query, body []string) {
			return nil, []string{"grant_type", "password", "scope", "openid", "username", a.Email, "password", secret}
		})},
		door{name: "password grant, all but the grant in the query", try: basic(func(a account, secret string) (query, body []string) {
			return []string{"username", a.Email, "password", secret, "scope", "openid"}, []string{"grant_type", "password"}
		})},
		door{name: "password grant, another grant in the query", try: basic(func(a account, secret string) (query, body []string) {
			return []string{"grant_type", "refresh_token"}, []string{"grant_type", "password", "scope", "openid", "username", a.Email, "password", secret}
		})},
		door{name: "password grant, two grants", try: basic(func(a account, secret string) (query, body []string) {
			return nil, []string{"grant_type", "password", "grant_type", "refresh_token", "scope", "openid", "username", a.Email, "password", secret}
		})},
		door{name: "password grant, escaped grant", try: func(c *client, a account, secret string) answer {
			return c.post("/dex/token", formType, "gr%61nt_type=p%61ssword&"+encodeForm([]string{"client_id", "app", "client_secret", "of the app",
				"scope", "openid", "username", a.Email, "password", secret}))
		}},
	)
}

var dexPasses = []pass{
	{"what a browser asks before a login from another site", func(c *client, _ account) answer {
		return c.do(c.request(http.MethodOptions, "/dex/token", "", "Origin", "https://app.example.test", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type"))
	}},
	{"discovery", func(c *client, _ account) answer { return c.get("/dex/.well-known/openid-configuration") }},
	{"keys", func(c *client, _ account) answer { return c.get("/dex/keys") }},
	{"the form", func(c *client, _ account) answer { return c.get(dexState(c)) }},
	{"authorization by POST", func(c *client, _ account) answer {
		return c.form("/dex/auth", "client_id", "app", "redirect_uri", "http://127.0.0.1/callback", "response_type", "code", "scope", "openid")
	}},
	{"a code", func(c *client, _ account) answer {
		return c.form("/dex/token", "grant_type", "authorization_code", "code", "unknown", "client_id", "app", "client_secret", "of the app")
	}},
	{"a refresh token", func(c *client, _ account) answer {
		return c.form("/dex/token", "grant_type", "refresh_token", "refresh_token", "unknown", "client_id", "app", "client_secret", "of the app")
	}},
	{"a device", func(c *client, _ account) answer {
		return c.form("/dex/device/code", "client_id", "app", "scope", "openid")
	}},
	{"introspection", func(c *client, _ account) answer { return c.form("/dex/token/introspect", "token", "unknown") }},
	{"user info", func(c *client, _ account) answer { return c.get("/dex/userinfo", "Authorization", "Bearer unknown") }},
	{"a file", func(c *client, _ account) answer { return c.get("/dex/static/main.css") }},
}

// dexMore tests what only Dex has.
func dexMore(s *suite, t *testing.T) {
	t.Run("one state for all guesses", s.dexOneState)
	t.Run("nothing checked", s.dexNothingChecked)
	t.Run("other forms", s.dexOtherForms)
	t.Run("a code at once", s.dexAtOnce)
	t.Run("another connector", s.dexConnector)
}

// A form whose passwords are not counted is no way to guess.
func (s *suite) dexConnector(t *testing.T) {
	c, secret := newClient(t, s.caddy.site), wrongSecret()
	got := c.form("/dex/auth/ldap/login?back=&state=x", "login", "ivan", "password", secret)
	if reached := s.arrivals.with(secret); got.status != 403 || reached != 0 {
		t.Errorf("status %d, and %d guesses reached Dex", got.status, reached)
	}
}

// Dex takes any number of guesses with one state, of any user.
func (s *suite) dexOneState(t *testing.T) {
	a, other := who("ivan"), who("heidi")
	c := newClient(t, s.caddy.site)
	form, reached := dexState(c), 0
	for range 2 * limit {
		secret := wrongSecret()
		c.form(form, "login", a.Email, "password", secret)
		reached += s.arrivals.with(secret)
		if got := c.form(form, "login", other.Email, "password", other.Secret); !s.right(got) {
			t.Fatalf("the right password of %s: status %d", other.Name, got.status)
		}
	}
	if reached != limit {
		t.Errorf("%d guesses reached Dex, want %d", reached, limit)
	}
	if got := c.form(form, "login", a.Email, "password", a.Secret); s.right(got) {
		t.Error("the right password of a locked user was taken")
	}
}

// What Dex refuses before it looks at the password is no guess.
func (s *suite) dexNothingChecked(t *testing.T) {
	a := who("judy")
	c := newClient(t, s.caddy.site)
	for range 2 * limit {
		c.form("/dex/auth/local/login?back=&state=unknown", "login", a.Email, "password", a.Secret)
		c.form("/dex/token", "grant_type", "password", "scope", "openid", "client_id", "unknown", "username", a.Email, "password", a.Secret)
		c.form("/dex/token", "grant_type", "password", "scope", "email", "client_id", "app", "client_secret", "of the app", "username", a.Email, "password", a.Secret)
	}
	s.expectRight(t, a)
	for range limit {
		if reached, _ := s.guess(t, a.Email); reached != 1 {
			t.Error("what was not checked has been counted")
		}
	}
}

// The form of another connector, and of a Dex elsewhere, is refused rather than
// not counted.
func (s *suite) dexOtherForms(t *testing.T) {
	c, a := newClient(t, s.caddy.site), who("judy")
	for _, target := range []string{"/dex/auth/ldap/login?state=x", "/auth/local/login?state=x", "/other/auth/local/login?state=x"} {
		secret := wrongSecret()
		if got := c.form(target, "login", a.Email, "password", secret); got.status != http.StatusForbidden || s.arrivals.with(secret) != 0 {
			t.Errorf("%s: status %d, reached Dex %d times", target, got.status, s.arrivals.with(secret))
		}
	}
}

// Without a page that asks whether the app may know, a right password is
// answered with the code.
func (s *suite) dexAtOnce(t *testing.T) {
	direct := *s
	direct.url = startDex(t, people, true)
	direct.arrivals = startArrivals(t, direct.url)
	direct.caddy = startCaddy(t, s.service, direct.arrivals.URL)
	direct.lock(t)
	direct.forgiveness(t)
}
