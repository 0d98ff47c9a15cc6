// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

func TestAuthentication(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	for _, tt := range []struct {
		name          string
		authorization []string
		status, code  int
		message       string
	}{
		{"right", []string{"Bearer " + adminToken}, 200, 0, ""},
		{"none", nil, 401, 16, "auth header missing"},
		{"empty", []string{""}, 401, 16, "auth header missing"},
		{"lower case", []string{"bearer " + adminToken}, 401, 16, "invalid auth header (AUTH-toLo1)"},
		{"Basic", []string{"Basic YTpi"}, 401, 16, "invalid auth header (AUTH-toLo1)"},
		{"token only", []string{adminToken}, 401, 16, "invalid auth header (AUTH-toLo1)"},
		{"scheme only", []string{"Bearer"}, 401, 16, "invalid auth header (AUTH-toLo1)"},
		{"scheme and blank", []string{"Bearer "}, 401, 16, "invalid auth header (AUTH-toLo1)"},
		{"two headers", []string{"Bearer " + adminToken, "Bearer " + adminToken}, 401, 16, "invalid auth header (AUTH-toLo1)"},
		{"wrong", []string{"Bearer x"}, 401, 16, "Errors.Token.Invalid (AUTH-7fs1e)"},
		{"prefix", []string{"Bearer " + adminToken[:5]}, 401, 16, "Errors.Token.Invalid (AUTH-7fs1e)"},
		{"longer", []string{"Bearer " + adminToken + "x"}, 401, 16, "Errors.Token.Invalid (AUTH-7fs1e)"},
		{"blank in front", []string{"Bearer  " + adminToken}, 401, 16, "Errors.Token.Invalid (AUTH-7fs1e)"},
		{"very long", []string{"Bearer " + strings.Repeat("x", 1<<20)}, 401, 16, "Errors.Token.Invalid (AUTH-7fs1e)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// A body that could not be parsed must not matter before.
			for _, body := range []string{"{}", "{"} {
				r := httptest.NewRequest("POST", "/management/v1/users/someone/_unlock", strings.NewReader(body))
				r.Header["Authorization"] = tt.authorization
				a := s.do(t, r)
				if tt.status == 200 {
					if a.Status != 400 || strings.Contains(a.Body, adminToken) {
						t.Errorf("status %d: %s", a.Status, a.Body)
					}
					continue
				}
				a.expect(t, tt.status, tt.code, tt.message)
			}
		})
	}
	if len(s.changes) > 0 {
		t.Errorf("changes: %v", s.changes)
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	const (
		readPolicy, writePolicy, deletePolicy = 1, 2, 4
		readDefault, writeDefault             = 8, 16
		readUser, writeUser                   = 32, 64
		policy                                = readPolicy | writePolicy | deletePolicy
		user                                  = readUser | writeUser
	)
	calls := []struct {
		right                int
		method, target, body string
	}{
		{readPolicy, "GET", "/management/v1/policies/lockout", ""},
		{readPolicy, "GET", "/management/v1/policies/default/lockout", ""},
		{writePolicy, "POST", "/management/v1/policies/lockout", "{}"},
		{writePolicy, "PUT", "/management/v1/policies/lockout", "{}"},
		{deletePolicy, "DELETE", "/management/v1/policies/lockout", ""},
		{readDefault, "GET", "/admin/v1/policies/lockout", ""},
		{writeDefault, "PUT", "/admin/v1/policies/password/lockout", "{}"},
		{readUser, "GET", "/management/v1/users/someone", ""},
		{readUser, "POST", "/management/v1/users/_search", "{}"},
		{writeUser, "POST", "/management/v1/users/someone/_lock", "{}"},
		{writeUser, "POST", "/management/v1/users/someone/_unlock", "{}"},
	}
	rights := map[string]int{
		"IAM_OWNER":              policy | readDefault | writeDefault | user,
		"IAM_OWNER_VIEWER":       readPolicy | readDefault | readUser,
		"IAM_ORG_MANAGER":        policy | user,
		"IAM_USER_MANAGER":       user,
		"IAM_LOGIN_CLIENT":       readPolicy | readDefault | user,
		"ORG_OWNER":              policy | user,
		"ORG_OWNER_VIEWER":       readPolicy | readUser,
		"ORG_SETTINGS_MANAGER":   policy,
		"ORG_USER_MANAGER":       readPolicy | user,
		"PROJECT_OWNER":          readPolicy,
		"SELF_MANAGEMENT_GLOBAL": readPolicy,
		"ORG_PROJECT_CREATOR":    0,
		"IAM_SOMETHING":          0,
	}
	o := serverOptions{tokens: map[string]policyapi.Caller{}, organizations: []string{"home", "mine", "other"}}
	for role := range rights {
		o.tokens[role] = policyapi.Caller{Name: role, Organization: "mine", Roles: []string{role}}
	}
	s := newServer(t, embeddedEnv(t), o)
	for role, right := range rights {
		for _, call := range calls {
			send := func(organization string) reply {
				return s.send(t, call.method, call.target, call.body, "Authorization", "Bearer "+role, "x-zitadel-orgid", organization)
			}
			for _, organization := range []string{"", "mine", "other"} {
				a := send(organization)
				switch {
				case organization == "other" && !strings.HasPrefix(role, "IAM_"):
					a.expect(t, 404, 5, "membership not found (AUTHZ-cdgFk)")
				case right&call.right == 0:
					a.expect(t, 403, 7, "No matching permissions found (AUTH-5mWD2)")
				case a.Status == 401 || a.Status == 403 || strings.Contains(a.Body, "membership"):
					t.Errorf("%s: %s %s in %q: %d %s", role, call.method, call.target, organization, a.Status, a.Body)
				}
				if t.Failed() {
					t.Fatalf("%s: %s %s in %q", role, call.method, call.target, organization)
				}
			}
			send("unknown").expect(t, 403, 7, "Organisation doesn't exist (AUTH-Bs7Ds)")
		}
	}
}

// Without a list every usable id is an organization.
func TestImplicitOrganizations(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	const target = "/management/v1/policies/lockout"
	for organization, ok := range map[string]bool{
		"any": true, "400728217440226342": true, strings.Repeat("x", 200): true, strings.Repeat("x", 201): false, "a\x00b": false, "\xff": false,
	} {
		a := s.send(t, "GET", target, "", "X-ZITADEL-OrgID", organization)
		if ok {
			a.expect(t, 200, 0, "")
		} else {
			a.expect(t, 403, 7, "Organisation doesn't exist (AUTH-Bs7Ds)")
		}
	}
	r := httptest.NewRequest("GET", target, nil)
	r.Header.Set("Authorization", "Bearer "+adminToken)
	r.Header["X-Zitadel-Orgid"] = []string{"a", "b"}
	s.do(t, r).expect(t, 403, 7, "Organisation doesn't exist (AUTH-Bs7Ds)")

	// The policy of the caller's organization, and nobody else's.
	s.send(t, "POST", target, `{"maxPasswordAttempts":9}`).expect(t, 200, 0, "")
	for organization, want := range map[string]string{"": "9", "home": "9", "any": "10"} {
		a := s.send(t, "GET", target, "", "x-zitadel-orgid", organization)
		if got := a.JSON["policy"].(map[string]any)["maxPasswordAttempts"]; got != want {
			t.Errorf("limit in %q: %v, want %s", organization, got, want)
		}
	}
}

func TestEverybody(t *testing.T) {
	t.Parallel()
	caller, err := policyapi.Everybody{Organization: "home"}.Authenticate(httptest.NewRequest("GET", "/", nil))
	if err != nil || caller.Name == "" || caller.Organization != "home" {
		t.Errorf("%v, %v", caller, err)
	}
}

func TestTokensRefused(t *testing.T) {
	t.Parallel()
	tokens := new(policyapi.Tokens)
	if err := tokens.Add("s3cret-token", policyapi.Caller{Name: "first"}); err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"empty": "", "blank": "s3cret token", "line end": "s3cret\n", "control": "s3cret\x01", "not ASCII": "s3crét", "the same": "s3cret-token",
	} {
		err := tokens.Add(token, policyapi.Caller{Name: "second"})
		if !errors.Is(err, policyapi.ErrToken) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "s3cr") {
			t.Errorf("%s: the error holds the token: %v", name, err)
		}
	}
	if _, err := policyapi.NewAccess(tokens, []string{"fine", ""}); !errors.Is(err, policyapi.ErrOrganization) {
		t.Errorf("empty organization: %v", err)
	}
}

type answering struct {
	caller policyapi.Caller
	err    error
}

func (a answering) Authenticate(*http.Request) (policyapi.Caller, error) { return a.caller, a.err }

func TestAnyOf(t *testing.T) {
	t.Parallel()
	reason := fmt.Errorf("%w: expired", policyapi.ErrCredentials)
	none, malformed, wrong := answering{err: policyapi.ErrNoCredentials}, answering{err: policyapi.ErrMalformedCredentials}, answering{err: policyapi.ErrCredentials}
	for _, tt := range []struct {
		name string
		all  policyapi.AnyOf
		want error
	}{
		{"nobody", nil, policyapi.ErrNoCredentials},
		{"none", policyapi.AnyOf{none, none}, policyapi.ErrNoCredentials},
		{"malformed", policyapi.AnyOf{malformed, none}, policyapi.ErrMalformedCredentials},
		{"wrong", policyapi.AnyOf{wrong, malformed}, policyapi.ErrCredentials},
		{"with a reason", policyapi.AnyOf{answering{err: reason}, wrong}, reason},
		{"could not tell", policyapi.AnyOf{answering{err: policyapi.ErrIssuer}, answering{err: reason}}, policyapi.ErrIssuer},
		{"known to the last", policyapi.AnyOf{wrong, answering{caller: policyapi.Caller{Name: "a"}}}, nil},
	} {
		caller, err := tt.all.Authenticate(httptest.NewRequest("GET", "/", nil))
		if !errors.Is(err, tt.want) || err == nil != (caller.Name == "a") {
			t.Errorf("%s: caller %v, error %v", tt.name, caller, err)
		}
		if tt.want == reason && err != reason { //nolint:errorlint // it must be this very one
			t.Errorf("%s: the reason is lost: %v", tt.name, err)
		}
	}
}
