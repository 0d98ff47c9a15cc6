// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-lockout/caddy-lockout/module"
)

// What is wrong with the access to the API fails provisioning, and no error
// holds a secret.
func TestAPIConfigRefused(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	owner := []string{"IAM_OWNER"}
	const secret = "s3cret"
	hour := caddy.Duration(time.Hour)
	for _, tt := range []struct {
		name string
		api  *module.API
		want string
	}{
		{"nothing", &module.API{}, "checking access: there is no token"},
		{"both", &module.API{InsecureNoAuth: true, Tokens: []*module.APIToken{{Token: secret, Roles: owner}}}, "insecure_no_auth"},
		{"empty", &module.API{Tokens: []*module.APIToken{{Roles: owner}}}, `checking "token 1": token is not usable: it is empty`},
		{"missing variable", &module.API{Tokens: []*module.APIToken{{Token: "{env.LOCKOUT_TEST_MISSING}", Roles: owner}}}, "its placeholder resolves to nothing"},
		{"missing file", &module.API{Tokens: []*module.APIToken{{Token: "{file./nonexistent/token}", Roles: owner}}}, "its placeholder resolves to nothing"},
		{"empty file", &module.API{Tokens: []*module.APIToken{{Token: "{file." + empty + "}", Roles: owner}}}, "its placeholder resolves to nothing"},
		{"braces", &module.API{Tokens: []*module.APIToken{{Token: "a{" + secret + "}", Roles: owner}}}, "its placeholder resolves to nothing"},
		{"blank", &module.API{Tokens: []*module.APIToken{{Token: secret + " x", Roles: owner}}}, "it holds blanks"},
		{"no roles", &module.API{Tokens: []*module.APIToken{{Token: secret}}}, "it has no roles"},
		{"same token", &module.API{Tokens: []*module.APIToken{{Token: secret, Roles: owner}, {Token: secret, Roles: owner}}}, `checking "token 2": token is not usable: it is the same as that of "token 1"`},
		{"same name", &module.API{Tokens: []*module.APIToken{{Token: secret, Name: "a", Roles: owner}, {Token: "x", Name: "a", Roles: owner}}}, `two have the name "a"`},
		{"org", &module.API{Tokens: []*module.APIToken{{Token: secret, Roles: owner, Organization: "a\n"}}}, "checking org: organization is not usable"},
		{"org not listed", &module.API{Organizations: []string{"a"}, Tokens: []*module.APIToken{{Token: secret, Roles: owner}}}, `its org "default" is not among organizations`},
		{"empty organization", &module.API{Organizations: []string{"default", ""}, Tokens: []*module.APIToken{{Token: secret, Roles: owner}}}, "organization is not usable"},
		{"no origin", &module.API{CORS: []string{"https://a.example/"}, Tokens: []*module.APIToken{{Token: secret, Roles: owner}}}, "checking cors: origin is not usable"},
		{"every origin without tokens", &module.API{CORS: []string{"*"}, InsecureNoAuth: true}, "name the origins"},
		{"every origin with caddy_auth", &module.API{CORS: []string{"*"}, CaddyAuth: &module.APICaddyAuth{Roles: owner}}, "name the origins"},
		{"oidc and insecure", &module.API{InsecureNoAuth: true, OIDC: []*module.APIIssuer{{Issuer: "https://i.example.com"}}}, "insecure_no_auth"},
		{"issuer over plain HTTP", issuedBy(module.APIIssuer{Issuer: "http://i.example.com", Audience: owner, Roles: owner}), "issuer is not usable: want https"},
		{"issuer without audience", issuedBy(module.APIIssuer{Issuer: "https://i.example.com", Roles: owner}), "without an audience"},
		{"issuer without roles", issuedBy(module.APIIssuer{Issuer: "https://i.example.com", Audience: owner}), "without roles"},
		{"issuer of no environment", issuedBy(module.APIIssuer{Issuer: "{env.LOCKOUT_TEST_MISSING}", Audience: owner, Roles: owner}), "its placeholder resolves to nothing"},
		{"issuer with two organizations", issuedBy(module.APIIssuer{Issuer: "https://i.example.com", Audience: owner, Roles: owner, Organization: "a", OrganizationClaim: "o"}), "contradict"},
		{"issuer with a long skew", issuedBy(module.APIIssuer{Issuer: "https://i.example.com", Audience: owner, Roles: owner, ClockSkew: &hour}), "longer than 5m"},
		{"issuer twice", issuedBy(module.APIIssuer{Issuer: "https://i.example.com", Audience: owner, Roles: owner}, module.APIIssuer{Issuer: "https://i.example.com", Audience: owner, Roles: owner}), "configured twice"},
		{"caddy_auth without anybody", &module.API{CaddyAuth: new(module.APICaddyAuth)}, "it has neither roles nor users"},
		{"caddy_auth with a user without roles", &module.API{CaddyAuth: &module.APICaddyAuth{Users: map[string]*module.APICaddyUser{"bob": {}}}}, `user "bob" has no id or no roles`},
		{"caddy_auth with an organization not listed", &module.API{Organizations: []string{"a"}, CaddyAuth: &module.APICaddyAuth{Roles: owner}}, "is not among organizations"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
			defer cancel()
			err := tt.api.Provision(ctx)
			if err := tt.api.Cleanup(); err != nil { // as Caddy does
				t.Error(err)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error holds the secret: %v", err)
			}
		})
	}
}

// insecure_no_auth asks nobody for a token.
func TestAPIWithoutTokens(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	n := &apiNode{
		node:   startNode(t, "http://"+address+" {\n\tlockout_api {\n\t\tinsecure_no_auth\n\t\torganizations only\n\t\tcors https://app.example.com\n\t}\n}\n"),
		api:    "http://" + address,
		client: client(t),
	}
	d := n.call(t, 200, "POST", "/management/v1/policies/lockout", "{}")["details"].(map[string]any)
	if d["resourceOwner"] != "only" {
		t.Errorf("details %v", d)
	}
	// A browser of somebody who reaches the API runs pages of others.
	n.callAs(t, 401, "", "DELETE", "/management/v1/policies/lockout", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
	n.callAs(t, 200, "", "DELETE", "/management/v1/policies/lockout", "Origin", "https://app.example.com", "Sec-Fetch-Site", "cross-site")
}

func issuedBy(issuers ...module.APIIssuer) *module.API {
	api := new(module.API)
	for i := range issuers {
		api.OIDC = append(api.OIDC, &issuers[i])
	}
	return api
}
