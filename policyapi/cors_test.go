// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// TestCORS is chapter 5 of the contract, for origins that the configuration
// names.
func TestCORS(t *testing.T) {
	t.Parallel()
	const origin = "https://admin.example.com"
	named := newServer(t, embeddedEnv(t), serverOptions{handler: policyapi.HandlerOptions{Origins: []string{origin, "http://localhost:3000"}}})
	every := newServer(t, embeddedEnv(t), serverOptions{handler: policyapi.HandlerOptions{Origins: []string{"*"}}})
	const webHeaders = "authorization,content-type,x-grpc-web,x-user-agent,x-zitadel-orgid"
	for _, tt := range []struct {
		name                            string
		s                               *server
		path, origin, method, headers   string
		allowOrigin, allowHeaders, vary string
	}{
		{"gRPC-web", named, getPath, origin, "POST", webHeaders, origin, webHeaders, "Origin"},
		{"gRPC-web, every origin", every, getPath, "https://elsewhere.example", "POST", webHeaders, "https://elsewhere.example", webHeaders, "Origin"},
		{"REST", named, "/management/v1/policies/lockout", "http://localhost:3000", "DELETE", "Authorization, X-Requested-With", "http://localhost:3000", "Authorization, X-Requested-With", "Origin"},
		{"Connect", named, "/zitadel.settings.v2.SettingsService/GetLockoutSettings", origin, "POST", "connect-protocol-version,connect-timeout-ms", origin, "connect-protocol-version,connect-timeout-ms", "Origin"},
		{"unknown path", named, "/nothing", origin, "GET", "", origin, "", "Origin"},
		{"another header", named, getPath, origin, "POST", webHeaders + ",x-other", "", "", "Origin"},
		{"another method", named, getPath, origin, "BREW", "", "", "", "Origin"},
		{"another origin", named, getPath, "https://evil.example", "POST", webHeaders, "", "", "Origin"},
		{"another scheme", named, getPath, "http://admin.example.com", "POST", webHeaders, "", "", "Origin"},
		{"another port", named, getPath, origin + ":8443", "POST", webHeaders, "", "", "Origin"},
		{"a longer host", named, getPath, origin + ".evil.example", "POST", webHeaders, "", "", "Origin"},
		{"null", named, getPath, "null", "POST", webHeaders, "", "", "Origin"},
		{"no origin", named, getPath, "", "POST", webHeaders, "", "", "Origin"},
	} {
		a := tt.s.send(t, "OPTIONS", tt.path, "", "Authorization", "", "Origin", tt.origin, "Access-Control-Request-Method", tt.method, "Access-Control-Request-Headers", tt.headers)
		credentials, age := "", ""
		if tt.allowOrigin != "" {
			credentials, age = "true", "600"
		}
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin": tt.allowOrigin, "Access-Control-Allow-Headers": tt.allowHeaders, "Vary": tt.vary,
			"Access-Control-Allow-Credentials": credentials, "Access-Control-Max-Age": age,
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s %q, want %q", tt.name, name, got, want)
			}
		}
		if a.Status != 204 || a.Body != "" || (a.Header.Get("Access-Control-Allow-Methods") != "") != (tt.allowOrigin != "") {
			t.Errorf("%s: %d %q %v", tt.name, a.Status, a.Body, a.Header)
		}
	}

	// Answers can be read by pages of the origins, refusals too.
	for _, token := range []string{adminToken, "wrong"} {
		a := named.send(t, "GET", "/management/v1/policies/lockout", "", "Origin", origin, "Authorization", "Bearer "+token)
		if a.Header.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), "Grpc-Status-Details-Bin") {
			t.Errorf("%v", a.Header)
		}
	}
	site, h1, _ := named.listen(t)
	a := post(t, h1, site+getPath, "application/grpc-web", frame(0, nil), adminToken, "Origin", origin)
	for _, name := range []string{"Grpc-Status", "Grpc-Message", "Content-Type", "X-Request-Id"} {
		if !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), name) {
			t.Errorf("%s is not exposed: %v", name, a.Header)
		}
	}
	if a := named.send(t, "GET", "/healthz", "", "Origin", "https://evil.example"); a.Header.Get("Access-Control-Allow-Origin") != "" || a.Header.Get("Vary") != "Origin" {
		t.Errorf("%v", a.Header)
	}

	// Without origins a browser hears nothing, as from a server without CORS.
	silent := embeddedServer(t)
	a2 := silent.send(t, "OPTIONS", "/management/v1/policies/lockout", "", "Origin", origin, "Access-Control-Request-Method", "GET")
	a2.expect(t, 405, 12, "Method Not Allowed")
	for name := range a2.Header {
		if strings.HasPrefix(name, "Access-Control-") || name == "Vary" {
			t.Errorf("header %s", name)
		}
	}
}

func TestOriginsRefused(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{
		"", "admin.example.com", "https://", "https://admin.example.com/", "https://admin.example.com/path", "https://a@admin.example.com",
		"HTTPS://admin.example.com", "https://Admin.example.com", "https://admin.example.com:443", "http://localhost:80", "null", "https://*.example.com", "https://a.example\n",
	} {
		if err := policyapi.CheckOrigin(origin); err == nil {
			t.Errorf("%q is taken", origin)
		}
	}
	for _, origin := range []string{"*", "https://admin.example.com", "http://localhost:3000", "http://[::1]:8080", "chrome-extension://abcdef"} {
		if err := policyapi.CheckOrigin(origin); err != nil {
			t.Error(err)
		}
	}
}
