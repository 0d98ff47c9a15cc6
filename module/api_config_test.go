// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	for _, tt := range []struct {
		name string
		api  *module.API
		want string
	}{
		{"nothing", &module.API{}, "checking tokens: there is none"},
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
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
			defer cancel()
			err := tt.api.Provision(ctx)
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
		node:   startNode(t, "http://"+address+" {\n\tlockout_api {\n\t\tinsecure_no_auth\n\t\torganizations only\n\t}\n}\n"),
		api:    "http://" + address,
		client: client(t),
	}
	d := n.call(t, 200, "POST", "/management/v1/policies/lockout", "{}")["details"].(map[string]any)
	if d["resourceOwner"] != "only" {
		t.Errorf("details %v", d)
	}
}
