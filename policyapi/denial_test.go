// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/caddy-lockout/caddy-lockout/internal/gen/objectv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/settingsv2"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// A call for an organization that is not the caller's is reported once, by
// whatever protocol, and however it names the organization.
func TestEveryRefusalIsReported(t *testing.T) {
	t.Parallel()
	s := newServer(t, embeddedEnv(t), serverOptions{tokens: map[string]policyapi.Caller{
		"acme": {Name: "acme's", Organization: "acme", Roles: []string{"ORG_OWNER"}},
	}})
	site, h1, h2 := s.listen(t)
	method := settingsv2.SettingsService_GetLockoutSettings_FullMethodName
	message, err := proto.Marshal(&settingsv2.GetLockoutSettingsRequest{
		Ctx: &objectv2.RequestContext{ResourceOwner: &objectv2.RequestContext_OrgId{OrgId: "globex"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		send func(*testing.T) http.Header
	}{
		{"REST", func(t *testing.T) http.Header {
			return s.send(t, "GET", "/v2/settings/lockout?ctx.orgId=globex", "", "Authorization", "Bearer acme").Header
		}},
		{"REST, header", func(t *testing.T) http.Header {
			return s.send(t, "GET", "/v2/settings/lockout", "", "Authorization", "Bearer acme", "x-zitadel-orgid", "globex").Header
		}},
		{"gRPC", func(t *testing.T) http.Header {
			return post(t, h2, site+method, "application/grpc", frame(0, message), "acme").Header
		}},
		{"gRPC-web", func(t *testing.T) http.Header {
			return post(t, h1, site+method, "application/grpc-web", frame(0, message), "acme").Header
		}},
		{"Connect", func(t *testing.T) http.Header {
			return post(t, h1, site+method, "application/json", `{"ctx":{"orgId":"globex"}}`, "acme").Header
		}},
		{"Connect, header", func(t *testing.T) http.Header {
			return post(t, h1, site+method, "application/json", `{}`, "acme", "x-zitadel-orgid", "globex").Header
		}},
	} {
		s.denials = nil
		id := tt.send(t).Get("X-Request-Id")
		if len(s.denials) != 1 {
			t.Errorf("%s: denials %v, want one", tt.name, s.denials)
			continue
		}
		d := s.denials[0]
		if d.Caller != "acme's" || d.Organization != "globex" || d.RPC != method || d.ID == "" || d.ID != id || d.Err == nil {
			t.Errorf("%s: denial %+v of call %q", tt.name, d, id)
		}
	}
	s.denials = nil
	s.send(t, "GET", "/v2/settings/lockout", "", "x-zitadel-orgid", strings.Repeat("a", 100_000)).
		expect(t, 403, 7, "Organisation doesn't exist (AUTH-Bs7Ds)")
	if len(s.denials) != 1 || s.denials[0].Organization != "" {
		t.Error("a name that no organization has is reported")
	}
}
