// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// anyJSONSite has a service that reads JSON whatever the type of the body.
const anyJSONSite = `
		step password {
			match path /one
			accept any_json
			user field username
			secret field password
			success status 200
			failure status 401
		}
		step password {
			match path /two
			match has password
			accept any_json
			user field username
			secret field password
			success status 200
			failure status 401
		}
		step totp {
			match path /two
			match has code
			accept any_json
			user field username
			secret field code
			success status 200
			failure status 401
		}`

// TestAnyJSON expects every body to be read as JSON, and to go on as such.
func TestAnyJSON(t *testing.T) {
	t.Parallel()
	types := make(chan string, 1)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in map[string]string
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Errorf("the service cannot read the body: %v", err)
		}
		types <- r.Header.Get("Content-Type")
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(service.Close)
	n := startNode(t, siteBlock(anyJSONSite, proxyTo(service.URL)))
	for _, tt := range []struct {
		name, path string
		types      []string
		body       string
		status     int
	}{
		{"no type", "/one", nil, `{"username":"a","password":"x"}`, 401},
		{"JSON", "/one", []string{jsonType}, `{"username":"b","password":"x"}`, 401},
		{"form, as curl says", "/one", []string{formType}, `{"username":"c","password":"x"}`, 401},
		{"text", "/one", []string{"text/plain; charset=utf-16"}, ` {"username":"d","password":"x"}`, 401},
		{"two types", "/one", []string{jsonType, formType}, `{"username":"e","password":"x"}`, 400},
		{"a form", "/one", []string{formType}, `username=f&password=x`, 400},
		{"a form without type", "/one", nil, `username=f&password=x`, 400},
		{"two objects", "/one", nil, `{"username":"g","password":"x"}{"username":"h"}`, 400},
		{"by field, no type", "/two", nil, `{"username":"i","password":"x"}`, 401},
		{"by field, form", "/two", []string{formType}, `{"username":"j","code":"x"}`, 401},
		{"by field, both", "/two", nil, `{"username":"k","password":"x","code":"x"}`, 400},
		{"by field, neither", "/two", nil, `{"username":"l"}`, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequest(http.MethodPost, n.URL+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header["Content-Type"] = tt.types
			if got := read(client(t).Do(r)); got.status != tt.status {
				t.Errorf("got %d %s, want %d", got.status, got.body, tt.status)
			}
			if tt.status != http.StatusUnauthorized {
				return
			}
			if got := await(t, types, "the login"); got != jsonType {
				t.Errorf("the service got the type %q", got)
			}
		})
	}
}
