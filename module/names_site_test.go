// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// startWiki is a service that takes the password right of anybody, and lets a
// request end the login of whom the field as names. Its names differ in case.
func startWiki(t *testing.T) (address string, checks *atomic.Int64) {
	checks = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user := r.FormValue("username")
		if as := r.FormValue("as"); as != "" {
			user = as
		} else if r.FormValue("password") != "right" {
			if r.FormValue("password") != "" {
				checks.Add(1)
			}
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "wikiUserName", Value: url.PathEscape(user)})
	}))
	t.Cleanup(server.Close)
	return server.URL, checks
}

const wikiRules = `
		names {
			keep_case
			keep_forms
			upper_first
			underscore_is_blank
		}
		step password {
			match path /*
			match has username password
			accept form multipart
			user field username
			secret field password
			success status 200 & set_cookie wikiUserName
			identity set_cookie wikiUserName
			same_name
			failure status 401
		}
		pass {
			match path /*
			no_secret
		}`

func TestSiteNames(t *testing.T) {
	t.Parallel()
	const limit = 3
	address, checks := startWiki(t)
	n := startNode(t, options(maxAttempts(limit))+siteBlock(wikiRules, proxyTo(address)))
	c := client(t)
	send := func(want int, fields ...string) {
		t.Helper()
		values := url.Values{}
		for i := 0; i < len(fields); i += 2 {
			values.Set(fields[i], fields[i+1])
		}
		if got := read(c.PostForm(n.URL+"/anywhere", values)); got.status != want {
			t.Fatalf("%v: status %d, want %d", fields, got.status, want)
		}
	}
	t.Run("spellings of one", func(t *testing.T) {
		for _, name := range []string{"alice b", "Alice_b", " _Alice  b_"} {
			send(401, "username", name, "password", "wrong")
		}
		send(403, "username", "Alice b", "password", "right")
	})
	t.Run("twins", func(t *testing.T) {
		send(401, "username", "carol", "password", "wrong")
		for _, twin := range []string{"CAROL", "\uff23arol", "Caro\u0301l"} {
			send(200, "username", twin, "password", "right")
		}
		send(401, "username", "Carol", "password", "wrong")
		send(401, "username", "carol", "password", "wrong")
		send(403, "username", "carol", "password", "right")
	})
	t.Run("somebody else's login", func(t *testing.T) {
		for range limit {
			send(401, "username", "dave", "password", "wrong")
			if checks.Load() < 9 {
				send(200, "username", "dave", "password", "wrong", "as", "mallory")
			}
		}
		send(403, "username", "dave", "password", "right")
	})
	t.Run("own login", func(t *testing.T) {
		for range 2 * limit {
			send(401, "username", "erin", "password", "wrong")
			send(200, "username", "erin", "password", "right")
		}
	})
	t.Run("no secret", func(t *testing.T) {
		before := checks.Load()
		send(401, "text", "of a page")
		send(401, "username", "frank")
		send(403, "password", "wrong")
		for _, query := range []string{"?password=wrong", "?username=frank&password=wrong", "?%70assword=wrong"} {
			if got := read(c.PostForm(n.URL+"/anywhere"+query, url.Values{"text": {"x"}})); got.status != 403 {
				t.Errorf("%s: status %d", query, got.status)
			}
			if got := read(c.Post(n.URL+"/anywhere"+query, "", nil)); got.status/100 != 4 || got.status == 401 {
				t.Errorf("%s without body: status %d", query, got.status)
			}
		}
		for _, kind := range []string{"text/plain", "multipart/form-data", "image/png"} {
			if got := read(c.Post(n.URL+"/anywhere", kind, strings.NewReader("username=frank&password=wrong"))); got.status != 415 {
				t.Errorf("%s: status %d", kind, got.status)
			}
		}
		if checks.Load() != before {
			t.Error("a password was checked")
		}
	})
}

func TestSiteNamesOfOneOrganization(t *testing.T) {
	t.Parallel()
	n := startNode(t, options()+siteBlock(formStep, "respond 200"))
	two := func(first, second string) string {
		return options() + siteBlock(first+formStep, "respond 200") + strings.Replace(siteBlock(second+formStep, "respond 200"), "SITE", "http://"+freeAddress(t), 1)
	}
	for _, tc := range []struct {
		name, first, second, wrong string
	}{
		{"one of them", "\nnames {\nkeep_case\n}", "", "has other names or none"},
		{"the other one", "", "\nnames {\nkeep_case\n}", "has other names or none"},
		{"none", "", "", ""},
		{"the same", "\nnames {\nkeep_case\n}", "\nnames {\nkeep_case\n}", ""},
		{"others", "\nnames {\nkeep_case\n}", "\nnames {\nignore_accents\n}", "has other names"},
		{"others of another organization", "\nnames {\nkeep_case\n}", "\norg acme\nnames {\nignore_accents\n}", ""},
		{"broken", "\nnames {\nupper_first\n}", "", "upper_first: without keep_case"},
	} {
		r := n.try(t, order{Do: "validate", Caddyfile: n.config(two(tc.first, tc.second))})
		if tc.wrong == "" && r.Error != "" || !strings.Contains(r.Error, tc.wrong) {
			t.Errorf("%s: %q, want %q", tc.name, r.Error, tc.wrong)
		}
	}
}
