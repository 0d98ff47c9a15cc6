// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-lockout/caddy-lockout/module"
)

// TestAPIGolden decodes what TestGolden has compared as Caddy does: unknown
// fields are mistakes.
func TestAPIGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/api*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata, %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		input, _, _ := strings.Cut(string(raw), dashes)
		var config any
		if err := json.Unmarshal([]byte(adapt(t, input)), &config); err != nil {
			t.Fatal(err)
		}
		found := 0
		var walk func(any)
		walk = func(v any) {
			switch v := v.(type) {
			case []any:
				for _, e := range v {
					walk(e)
				}
			case map[string]any:
				if v["handler"] == apiName {
					found++
					delete(v, "handler")
					strictly(t, v, new(module.API))
				}
				for _, e := range v {
					walk(e)
				}
			}
		}
		if walk(config); found != 1 {
			t.Errorf("%s: %d handlers", file, found)
		}
	}
}

// api puts lines into the block of the directive. Their first line is line 3.
func api(lines string) string { return "example.com {\n\tlockout_api {\n" + lines + "\n\t}\n}\n" }

func TestAPIErrors(t *testing.T) {
	t.Parallel()
	const secret = "s3cret"
	for _, tt := range []struct {
		name, input, want, line string
	}{
		{"no block", "example.com {\n\tlockout_api\n}\n", "lockout_api: a block must open at the end of this line; allowed in it: token, organizations, cors, insecure_no_auth, oidc", "2"},
		{"empty", api(""), "lockout_api: no token: nobody could use the API; write insecure_no_auth to let everybody do everything", "2"},
		{"argument", "example.com {\n\tlockout_api * x {\n\t}\n}\n", `lockout_api: unexpected "x" before the block`, "2"},
		{"unknown", api("tokens a"), `lockout_api: unknown subdirective "tokens"; allowed: token, organizations, cors, insecure_no_auth, oidc`, "3"},
		{"oidc", api("oidc https://issuer.example.com {\naudience lockout\n}"), "oidc is not supported yet; so far: token", "3"},
		{"both", api("token " + secret + " {\nroles IAM_OWNER\n}\ninsecure_no_auth"), "lockout_api: a token protects nothing beside insecure_no_auth", "2"},
		{"insecure with argument", api("insecure_no_auth yes"), "insecure_no_auth: wrong number of arguments: got 1, want none", "3"},
		{"insecure twice", api("insecure_no_auth\ninsecure_no_auth"), `"insecure_no_auth" is already specified at line 3`, "4"},
		{"token: none", api("token {\nroles IAM_OWNER\n}"), "token: wrong number of arguments: got 0, want <secret>", "3"},
		{"token: empty", api("token \"\" {\nroles IAM_OWNER\n}"), "token: <secret> is empty", "3"},
		{"token: two", api("token " + secret + " " + secret + " {\nroles IAM_OWNER\n}"), "token: wrong number of arguments: got 2, want <secret>", "3"},
		{"token: no block", api("token " + secret), "token: a block must open at the end of this line; allowed in it: roles, org, name", "3"},
		{"token: no roles", api("token " + secret + " {\norg a\n}"), "token: roles are missing: without one it may do nothing", "3"},
		{"token: unknown", api("token " + secret + " {\nrole IAM_OWNER\n}"), `token: unknown subdirective "role"; allowed: roles, org, name`, "4"},
		{"roles: none", api("token " + secret + " {\nroles\n}"), "roles: wrong number of arguments: got 0, want <role...>", "4"},
		{"roles: lower case", api("token " + secret + " {\nroles iam_owner\n}"), `roles: "iam_owner" is no role; want one such as IAM_OWNER or ORG_OWNER`, "4"},
		{"roles: same", api("token " + secret + " {\nroles IAM_OWNER IAM_OWNER\n}"), `roles: "IAM_OWNER" is given twice`, "4"},
		{"roles: twice", api("token " + secret + " {\nroles IAM_OWNER\nroles ORG_OWNER\n}"), `"roles" is already specified at line 4`, "5"},
		{"org: two", api("token " + secret + " {\nroles IAM_OWNER\norg a b\n}"), "org: wrong number of arguments: got 2, want <text>", "5"},
		{"name: empty", api("token " + secret + " {\nroles IAM_OWNER\nname \"\"\n}"), "name: <text> is empty", "5"},
		{"organizations: none", api("organizations"), "organizations: wrong number of arguments: got 0, want <name...>", "3"},
		{"organizations: empty", api(`organizations a ""`), "organizations: <name> is empty", "3"},
		{"organizations: same", api("organizations a a"), `organizations: "a" is given twice`, "3"},
		{"cors: none", api("cors"), "cors: wrong number of arguments: got 0, want <origin...>", "3"},
		{"cors: host", api("cors admin.example.com"), `cors: "admin.example.com" is no origin; want one such as https://admin.example.com, or * for all`, "3"},
		{"cors: same", api("cors * *"), `cors: "*" is given twice`, "3"},
		{"cors: twice", api("cors *\ncors *"), `"cors" is already specified at line 3`, "4"},
		{"not closed", "example.com {\n\tlockout_api {\n\t\tinsecure_no_auth\n", "", "3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(tt.input), map[string]any{"filename": "Caddyfile"})
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "Caddyfile:"+tt.line) {
				t.Errorf("error %v\nwant %q at line %s", err, tt.want, tt.line)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error holds the secret: %v", err)
			}
		})
	}
}
