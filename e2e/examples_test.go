// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// example is a file of examples/ and how to see that it works: the limit, and a
// request with a secret. The right secret is "wonderland".
type example struct {
	limit  int
	serve  http.HandlerFunc
	login  func(site, secret string) *http.Request
	right  int
	wrong  int
	locked int
	says   string // in the answer to a locked user
}

var examples = map[string]example{
	"preset":           {10, answerWordPress, wordPressForm, 302, 200, 423, ""},
	"form":             {10, answerCookie, form, 200, 401, 403, ""},
	"redirect":         {10, answerRedirect, form, 302, 302, 403, ""},
	"json_api":         {10, answerToken, jsonBody, 200, 400, 403, ""},
	"http_basic":       {10, answerBasic, basic, 404, 401, 403, ""},
	"caddy_basic_auth": {10, nil, basic, 200, 401, 403, ""},
	"redis":            {5, answerCookie, form, 200, 401, 403, ""},
	"tenants":          {10, answerCookie, form, 200, 401, 403, ""},
	"error_page":       {10, answerCookie, form, 200, 401, 423, "call the help desk"},
	"policy_api":       {10, answerCookie, form, 200, 401, 403, ""},
	"pocketbase":       {10, answerToken, pocketBaseBody, 200, 400, 403, ""},
	"second_factor":    {10, answerCode, codeForm, 302, 401, 403, ""},
	"same_request":     {10, answerBoth, bothBody, 200, 401, 403, ""},
}

// shownElsewhere are the files that other tests run.
var shownElsewhere = []string{"demo", "better_auth"}

// Every example does what it says: the limit locks, the right password of a
// locked user is refused, and nobody else is.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../examples/*.Caddyfile")
	if err != nil || len(files) == 0 {
		t.Fatalf("finding the examples: %v, %v", files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".Caddyfile")
		if slices.Contains(shownElsewhere, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			x, ok := examples[name]
			if !ok {
				t.Fatal("no entry in examples says how to see that it works")
			}
			sites := runExample(t, file, x)
			for i := range x.limit {
				expectAnswer(t, x.login(sites[0], fmt.Sprint("guess", i)), x.wrong, "")
			}
			expectAnswer(t, x.login(sites[0], "one more"), x.locked, x.says)
			expectAnswer(t, x.login(sites[0], "wonderland"), x.locked, x.says)
			if len(sites) > 1 { // of another tenant
				expectAnswer(t, x.login(sites[1], "wonderland"), x.right, "")
			}
		})
	}
}

// runExample starts an example on loopback and returns its sites.
func runExample(t *testing.T, file string, x example) (sites []string) {
	t.Helper()
	config, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range []string{"SITE", "SITE2", "API"} {
		address := "http://127.0.0.1:" + strconv.Itoa(freePort(t))
		t.Setenv(variable, address)
		if strings.HasPrefix(variable, "SITE") && regexp.MustCompile(`\{\$`+variable+`:`).Match(config) {
			sites = append(sites, address)
		}
	}
	if x.serve != nil {
		service := httptest.NewServer(x.serve)
		t.Cleanup(service.Close)
		t.Setenv("UPSTREAM", strings.TrimPrefix(service.URL, "http://"))
	}
	t.Setenv("REDIS", redistest.Start(t, "--requirepass", "for-this-test").Addr)
	t.Setenv("REDIS_PASSWORD", "for-this-test")
	t.Setenv("LOCKOUT_ADMIN_TOKEN", "admin-token-of-the-test")
	t.Setenv("LOCKOUT_SUPPORT_TOKEN", "support-token-of-the-test")
	startCaddy(t, string(config))
	return sites
}

func expectAnswer(t *testing.T, r *http.Request, want int, says string) {
	t.Helper()
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(r.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != want || !strings.Contains(string(body), says) {
		t.Fatalf("%s: status %d and %q, want %d and %q", r.URL, resp.StatusCode, body, want, says)
	}
}

func form(site, secret string) *http.Request {
	return post(site+"/login", "application/x-www-form-urlencoded", url.Values{"username": {"alice"}, "password": {secret}}.Encode())
}

func wordPressForm(site, secret string) *http.Request {
	return post(site+"/blog/wp-login.php", "application/x-www-form-urlencoded", url.Values{"log": {"alice"}, "pwd": {secret}}.Encode())
}

func jsonBody(site, secret string) *http.Request {
	return post(site+"/api/login", "application/json", fmt.Sprintf(`{"email": "alice@example.test", "password": %q}`, secret))
}

func basic(site, secret string) *http.Request {
	r, _ := http.NewRequest(http.MethodGet, site+"/some/file", http.NoBody)
	r.SetBasicAuth("alice", secret)
	return r
}

func post(target, contentType, body string) *http.Request {
	r, _ := http.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return r
}

func answerCookie(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("password") != "wonderland" {
		http.Error(w, "wrong", http.StatusUnauthorized)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: "1"})
}

func answerRedirect(w http.ResponseWriter, r *http.Request) {
	target := "/login?failed=1"
	if r.PostFormValue("password") == "wonderland" {
		target = "/home"
	}
	http.Redirect(w, r, target, http.StatusFound)
}

func answerWordPress(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("pwd") != "wonderland" {
		_, _ = io.WriteString(w, `<div id="login_error">The password is incorrect.</div>`)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "wordpress_logged_in_0123456789abcdef0123456789abcdef", Value: "alice|1"})
	http.Redirect(w, r, "/blog/wp-admin/", http.StatusFound)
}

func answerToken(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if !strings.Contains(string(body), "wonderland") {
		http.Error(w, `{"message": "Failed to authenticate."}`, http.StatusBadRequest)
		return
	}
	_, _ = io.WriteString(w, `{"token": "t"}`)
}

func answerBasic(w http.ResponseWriter, r *http.Request) {
	if _, secret, ok := r.BasicAuth(); !ok || secret != "wonderland" {
		w.Header().Set("WWW-Authenticate", "Basic")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	http.NotFound(w, r)
}
