// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The settings make a difference to what an answer proves: with "redirect" and
// "save" whoever is logged in gets a redirect and a session cookie for anything
// that is posted to the login form.
func TestDjango(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name, path string
		settings   []string
	}{
		{"the admin", "/admin/login/", []string{"gunicorn"}},
		{"contrib.auth", "/accounts/login/", nil},
		{"sessions renewed", "/accounts/login/", []string{"redirect", "save"}},
		{"CSRF tokens in sessions", "/admin/login/", []string{"sessions", "save"}},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			run(t, django(one.path, one.settings...))
		})
	}
}

// Accounts of Django alone: norma may not use the admin, ian is not active.
var djangoPeople = accounts("norma", "ian")

func django(path string, settings ...string) service {
	csrf := func(c *client) []string {
		return []string{"csrfmiddlewaretoken", djangoToken(c, path)}
	}
	folder := ""
	return service{
		preset: "django",
		redis:  true,
		start: func(t *testing.T, people []account) (url string) {
			url, folder = startDjango(t, people, settings...)
			return url
		},
		login: func(c *client, name, secret string) answer { return djangoLogin(c, path, name, secret) },
		right: func(a answer) bool {
			return a.status == http.StatusFound && a.setsCookie("sessionid") && !strings.Contains(a.header.Get("Location"), "/login/")
		},
		wrong: func(a answer) bool {
			return a.status == http.StatusOK && strings.Contains(a.body, "error")
		},
		spellings: func(a account) []string {
			return []string{
				" " + a.Name, a.Name + "  ", "\u00a0" + a.Name + "\u2003", "\u3000" + a.Name,
				"ｅ" + a.Name[1:], "\U0001d41e" + a.Name[1:], "ⓔ" + a.Name[1:],
			}
		},
		doors:  djangoDoors(path, csrf),
		passes: djangoPasses,
		more: func(s *suite, t *testing.T) {
			t.Run("other pages", func(t *testing.T) { s.djangoPages(t, path) })
			t.Run("languages", func(t *testing.T) { s.djangoLanguages(t, path) })
			t.Run("the session of another", func(t *testing.T) { s.djangoSession(t, path, folder) })
			t.Run("logging in once more", func(t *testing.T) { s.djangoAgain(t, path) })
			t.Run("headers that move the path", func(t *testing.T) { s.djangoMoved(t, path, folder) })
			t.Run("CSRF", func(t *testing.T) { s.djangoCSRF(t, path) })
			t.Run("the old password", func(t *testing.T) { s.djangoChange(t, path) })
			t.Run("accounts that may not", func(t *testing.T) { s.djangoOthers(t, path) })
		},
	}
}

// startDjango also returns the folder of the project.
func startDjango(t *testing.T, people []account, settings ...string) (url, folder string) {
	t.Helper()
	in, err := json.Marshal(append(djangoPeople, people...))
	if err != nil {
		t.Fatal(err)
	}
	server, err := filepath.Abs("django/server.py")
	if err != nil {
		t.Fatal(err)
	}
	folder, port := t.TempDir(), freePort(t)
	url = "http://127.0.0.1:" + port
	startPython(t, url, []string{"django", "django_otp", "gunicorn"}, append([]string{server, folder, port, string(in)}, settings...)...)
	return url, folder
}

// djangoToken reads the CSRF token of a page.
func djangoToken(c *client, path string) string {
	return c.get(path).find(`name="csrfmiddlewaretoken" value="`, `"`)
}

// djangoLogin logs in by a form, as a browser does.
func djangoLogin(c *client, path, name, secret string, more ...string) answer {
	token := djangoToken(c, path)
	if token == "" { // who is logged in is sent elsewhere
		token = djangoToken(c, "/accounts/password_change/")
	}
	return c.form(path, append([]string{
		"csrfmiddlewaretoken", token,
		"username", name, "password", secret, "next", "/",
	}, more...)...)
}

func djangoDoors(path string, csrf func(c *client) []string) []door {
	doors := encodings(path, "username", "password", func(a account) string { return a.Name }, csrf)
	add := func(name string, try func(c *client, a account, secret string) answer) {
		doors = append(doors, door{name: name, try: try})
	}
	for _, other := range []string{"/admin/login/?next=/admin/", "/accounts/login/?next=/&username=bob", "/plain/", "/admin/", "/admin/auth/user/", "/accounts/password_change/"} {
		if other == "/plain/" {
			continue // a path of the project that the preset has not heard of
		}
		add(other, func(c *client, a account, secret string) answer { return djangoLogin(c, other, a.Name, secret) })
	}
	add("CSRF token in a header", func(c *client, a account, secret string) answer {
		return c.post(path, formType, encodeForm([]string{"username", a.Name, "password", secret}), "X-CSRFToken", csrf(c)[1])
	})
	add("method override", func(c *client, a account, secret string) answer {
		return c.post(path, formType, encodeForm(append(csrf(c), "username", a.Name, "password", secret)), "X-HTTP-Method-Override", "PUT")
	})
	add("HTTP Basic", func(c *client, a account, secret string) answer { return c.basic("GET", "/admin/", a.Name, secret) })
	add("a header for the user", func(c *client, a account, _ string) answer {
		return c.get("/admin/", "Remote-User", a.Name, "X-Remote-User", a.Name)
	})
	return doors
}

var djangoPasses = []pass{
	{"home", func(c *client, _ account) answer { return c.get("/") }},
	{"login page", func(c *client, _ account) answer { return c.get("/admin/login/?next=/admin/auth/user/") }},
	{"other login page", func(c *client, _ account) answer { return c.get("/accounts/login/?next=/a%3Fusername%3Db") }},
	{"admin without a session", func(c *client, _ account) answer { return c.get("/admin/") }},
	{"logout", func(c *client, _ account) answer { return c.form("/accounts/logout/") }},
	{"logout of the admin", func(c *client, _ account) answer { return c.get("/admin/logout/") }},
	{"lost password", func(c *client, a account) answer {
		return c.form("/accounts/password_reset/", "csrfmiddlewaretoken", djangoToken(c, "/accounts/password_reset/"), "email", a.Email)
	}},
	{"link of a lost password", func(c *client, _ account) answer { return c.get("/accounts/reset/MQ/x-y/") }},
	{"a form of the admin", func(c *client, a account) answer {
		djangoLogin(c, "/accounts/login/", a.Name, a.Secret)
		return c.form("/admin/auth/group/add/", "csrfmiddlewaretoken", djangoToken(c, "/admin/auth/group/add/"), "name", "group"+c.base[len(c.base)-5:], "_save", "Save")
	}},
	{"asset", func(c *client, _ account) answer { return c.get("/static/admin/css/login.css") }},
}

// secretsOf reads what the project wrote down of its accounts.
func secretsOf(t *testing.T, folder string) (secrets map[string]djangoSecrets) {
	t.Helper()
	in, err := os.ReadFile(filepath.Join(folder, "secrets.json"))
	if err == nil {
		err = json.Unmarshal(in, &secrets)
	}
	if err != nil {
		t.Fatal(err)
	}
	return secrets
}

// djangoSecrets are the devices of an account.
type djangoSecrets struct {
	TOTP   string // key, in hexadecimal digits
	Device string
	Static []string
}
