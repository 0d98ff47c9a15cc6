// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/caddy-lockout/caddy-lockout/internal/gen/settingsv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/settingsv2beta"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv2beta"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// What v2beta is made from by its bytes must be the same bytes.
func TestBetaIsV2OnTheWire(t *testing.T) {
	t.Parallel()
	seen := map[protoreflect.FullName]bool{}
	var compare func(beta, now protoreflect.MessageDescriptor)
	compare = func(beta, now protoreflect.MessageDescriptor) {
		if seen[beta.FullName()] {
			return
		}
		seen[beta.FullName()] = true
		for i := range beta.Fields().Len() {
			b := beta.Fields().Get(i)
			n := now.Fields().ByNumber(b.Number())
			if n == nil || b.Name() != n.Name() || b.Kind() != n.Kind() || b.Cardinality() != n.Cardinality() {
				t.Errorf("%s: not a field of %s", b.FullName(), now.FullName())
				continue
			}
			if b.Message() != nil {
				compare(b.Message(), n.Message())
			}
			if b.Enum() != nil {
				for j := range b.Enum().Values().Len() {
					if v := b.Enum().Values().Get(j); n.Enum().Values().ByName(v.Name()).Number() != v.Number() {
						t.Errorf("%s has another number in v2", v.FullName())
					}
				}
			}
		}
	}
	for _, pair := range [][2]protoreflect.FileDescriptor{
		{settingsv2beta.File_caddylockout_settings_v2beta_proto, settingsv2.File_caddylockout_settings_v2_proto},
		{userv2beta.File_caddylockout_user_v2beta_proto, userv2.File_caddylockout_user_v2_proto},
	} {
		for i := range pair[0].Messages().Len() {
			m := pair[0].Messages().Get(i)
			compare(m, pair[1].Messages().ByName(m.Name()))
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d messages compared", len(seen))
	}
}

// Settings can be asked of another organization by who has a right there.
func TestSettingsOfOrganizations(t *testing.T) {
	t.Parallel()
	s := newServer(t, embeddedEnv(t), serverOptions{
		organizations: []string{"home", "acme", "globex"},
		tokens: map[string]policyapi.Caller{
			"owner":  {Name: "owner", Organization: "acme", Roles: []string{"ORG_OWNER"}},
			"users":  {Name: "users", Organization: "acme", Roles: []string{"IAM_USER_MANAGER"}},
			"viewer": {Name: "viewer", Organization: "acme", Roles: []string{"IAM_OWNER_VIEWER"}},
		},
	})
	must(t)(s.store.Add(t.Context(), "acme", limits(1, 0), newOp()))
	must(t)(s.store.Add(t.Context(), "globex", limits(2, 0), newOp()))
	for _, version := range []string{"v2", "v2beta"} {
		for _, tt := range []struct {
			token, query, header string
			status               int
			want                 string // the limit, or the message
		}{
			{"owner", "", "", 200, "1"},
			{"owner", "?ctx.orgId=acme", "", 200, "1"},
			{"owner", "?ctx.orgId=", "", 200, "1"},
			{"owner", "?ctx.instance=true", "", 200, "10"},
			{"owner", "?ctx.orgId=globex", "", 404, "membership not found (AUTHZ-cdgFk)"},
			{"owner", "?ctx.orgId=nowhere", "", 404, "membership not found (AUTHZ-cdgFk)"},
			{"owner", "", "globex", 404, "membership not found (AUTHZ-cdgFk)"},
			{"owner", "?ctx.orgId=acme", "nowhere", 403, "Organisation doesn't exist (AUTH-Bs7Ds)"},
			{"users", "?ctx.orgId=acme", "", 403, "No matching permissions found (AUTH-5mWD2)"},
			{"viewer", "?ctx.orgId=globex", "", 200, "2"},
			{"viewer", "?ctx.org_id=globex", "acme", 200, "2"},
			{"viewer", "", "globex", 200, "2"},
			{"viewer", "?ctx.orgId=nowhere", "", 200, "10"},
			{"viewer", "?ctx.orgId=%00", "", 200, "10"},
			{"viewer", "?ctx.instance=maybe", "", 400, "parsing field"},
		} {
			a := s.send(t, "GET", "/"+version+"/settings/lockout"+tt.query, "", "Authorization", "Bearer "+tt.token, "x-zitadel-orgid", tt.header)
			name := fmt.Sprintf("%s %s%s %q", tt.token, version, tt.query, tt.header)
			if tt.status != 200 {
				if message, _ := a.JSON["message"].(string); a.Status != tt.status || !strings.Contains(message, tt.want) {
					t.Errorf("%s: %d %s", name, a.Status, a.Body)
				}
				continue
			}
			settings, _ := a.JSON["settings"].(map[string]any)
			if a.Status != 200 || settings["maxPasswordAttempts"] != tt.want {
				t.Errorf("%s: %d %s, want %s", name, a.Status, a.Body, tt.want)
			}
		}
	}
}

// A list of v2 spans the organizations that the caller may read, and says
// whose each user is.
func TestListEverywhere(t *testing.T) {
	t.Parallel()
	s := newServer(t, embeddedEnv(t), serverOptions{tokens: map[string]policyapi.Caller{
		"owner":  {Name: "owner", Organization: "acme", Roles: []string{"ORG_OWNER"}},
		"policy": {Name: "policy", Organization: "acme", Roles: []string{"IAM_NOTHING", "ORG_SETTINGS_MANAGER"}},
		"viewer": {Name: "viewer", Organization: "acme", Roles: []string{"IAM_OWNER_VIEWER"}},
	}})
	s.users.lock("acme", "alice", "zoe")
	s.users.lock("globex", "alice", "bob")
	s.users.known[policyapi.User{Organization: "globex", Name: "carol"}] = true
	const locked, acme, globex = `{"stateQuery":{"state":"USER_STATE_LOCKED"}}`, `{"organizationIdQuery":{"organizationId":"acme"}}`, `{"organizationIdQuery":{"organizationId":"globex"}}`
	name := func(n string) string { return `{"loginNameQuery":{"loginName":"` + n + `"}}` }
	for _, version := range []string{"v2", "v2beta"} {
		for _, tt := range []struct {
			name, token, query, queries string
			want                        []string
			refused                     string
		}{
			{"all", "viewer", `"asc":true`, locked, []string{"acme/alice", "acme/zoe", "globex/alice", "globex/bob"}, ""},
			{"page", "viewer", `"asc":true,"offset":1,"limit":2`, locked, []string{"acme/zoe", "globex/alice"}, ""},
			{"state as number", "viewer", `"asc":true`, `{"stateQuery":{"state":4}}`, []string{"acme/alice", "acme/zoe", "globex/alice", "globex/bob"}, ""},
			{"one organization", "viewer", `"asc":true`, locked + "," + globex, []string{"globex/alice", "globex/bob"}, ""},
			{"two organizations", "viewer", "", locked + "," + globex + "," + acme, nil, ""},
			{"the same twice", "viewer", `"asc":true`, globex + "," + locked + "," + globex, []string{"globex/alice", "globex/bob"}, ""},
			{"no such organization", "viewer", "", locked + `,{"organizationIdQuery":{"organizationId":""}}`, nil, ""},
			{"a name", "viewer", "", locked + "," + name("alice"), []string{"globex/alice", "acme/alice"}, ""},
			{"a name in an organization", "viewer", "", globex + "," + name("carol"), []string{"globex/carol"}, ""},
			{"a name anywhere", "viewer", "", name("carol"), nil, "organizationIdQuery"},
			{"nothing", "viewer", "", "", nil, "stateQuery"},
			{"another state", "viewer", "", `{"stateQuery":{"state":"USER_STATE_INITIAL"}}`, nil, ""},
			{"a state of v1", "viewer", "", `{"stateQuery":{"state":6}}`, nil, "value must be one of the defined enum values"},
			{"what is not known", "viewer", "", locked + `,{"phoneQuery":{"number":"1"}}`, nil, "phoneQuery"},
			{"empty query", "viewer", "", "{}", nil, "invalid SearchQuery.Query: value is required"},
			{"offset", "viewer", `"offset":10001`, locked, nil, "query.offset"},
			{"own organization", "owner", `"asc":true`, locked, []string{"acme/alice", "acme/zoe"}, ""},
			{"a name in the own organization", "owner", "", name("zoe"), []string{"acme/zoe"}, ""},
			{"a foreign organization", "owner", "", locked + "," + globex, nil, ""},
			{"no right", "policy", "", locked, nil, ""},
		} {
			a := s.send(t, "POST", "/"+version+"/users", `{"query":{`+tt.query+`},"queries":[`+tt.queries+`]}`, "Authorization", "Bearer "+tt.token)
			if tt.refused != "" {
				if message, _ := a.JSON["message"].(string); a.Status != 400 || !strings.Contains(message, tt.refused) {
					t.Errorf("%s %s: %d %s", version, tt.name, a.Status, a.Body)
				}
				continue
			}
			var got []string
			rows, _ := a.JSON["result"].([]any)
			for _, row := range rows {
				user := row.(map[string]any)
				got = append(got, fmt.Sprint(user["details"].(map[string]any)["resourceOwner"], "/", user["userId"]))
			}
			if a.Status != 200 || !slices.Equal(got, tt.want) {
				t.Errorf("%s %s: %d %q, want %q: %s", version, tt.name, a.Status, got, tt.want, a.Body)
			}
		}
		sorted := s.send(t, "POST", "/"+version+"/users", `{"query":{"asc":true},"sortingColumn":"USER_FIELD_NAME_USER_NAME","queries":[`+locked+`]}`)
		var names []string
		for _, row := range sorted.JSON["result"].([]any) {
			names = append(names, row.(map[string]any)["userId"].(string))
		}
		if want := []string{"alice", "alice", "bob", "zoe"}; !slices.Equal(names, want) {
			t.Errorf("sorted %q, want %q", names, want)
		}
	}
}

// Users of v2 are found under their escaped names, in the organization of the
// header.
func TestUsersOfV2(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	for _, version := range []string{"v2", "v2beta"} {
		users := "/" + version + "/users/"
		s.send(t, "POST", users+"a%2Fb%25/lock", `{"userId":"other"}`, "x-zitadel-orgid", "acme").expect(t, 200, 0, "")
		a := s.send(t, "GET", users+"a%2Fb%25", "", "x-zitadel-orgid", "acme")
		user, _ := a.JSON["user"].(map[string]any)
		if a.Status != 200 || user["userId"] != "a/b%" || user["username"] != "a/b%" || user["state"] != "USER_STATE_LOCKED" || a.JSON["details"] == nil {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		s.send(t, "GET", users+"a%2Fb%25", "").expect(t, 404, 5, "User could not be found (QUERY-Dfbg2)")
		s.send(t, "POST", users+"a%2Fb%25/unlock", "").expect(t, 400, 9, "User is not locked (COMMAND-olb9vb0oca)")
		s.send(t, "POST", users+"A%2Fb%25/unlock", "").expect(t, 400, 3, "invalid UnlockUserRequest.UserId: value must be the canonical user name")
		s.send(t, "POST", users+strings.Repeat("a", 201)+"/lock", "").expect(t, 400, 3, "invalid LockUserRequest.UserId: value length must be between 1 and 200 runes, inclusive")
		s.send(t, "POST", users+"a%2Fb%25/unlock", "{}", "x-zitadel-orgid", "acme").expect(t, 200, 0, "")
	}
}

// Paths and queries may hold bytes that are no text. That is the caller's
// mistake under the old name of a service too.
func TestBytesThatAreNoText(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	for _, call := range []string{
		"GET /management/v1/users/%ff", "GET /v2/users/%ff", "GET /v2beta/users/%ff", "POST /v2/users/%ff/lock",
		"POST /v2beta/users/%ff/lock", "POST /v2beta/users/%ff/unlock", "GET /v2beta/settings/lockout?ctx.orgId=%ff",
	} {
		method, target, _ := strings.Cut(call, " ")
		s.send(t, method, target, "").expect(t, 400, 3, "invalid ")
	}
}
