// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzREST sends any request: nothing panics, every answer is JSON or empty,
// an error has a code and a message, and nobody without the token changes
// anything.
func FuzzREST(f *testing.F) {
	for _, seed := range [][5]string{
		{"GET", "/management/v1/policies/lockout", "", "home", adminToken},
		{"PUT", "/management/v1/policies/lockout?a=b", `{"maxPasswordAttempts":"2.1e1","x":[{}]}`, "", adminToken},
		{"POST", "/management/v1/users/_search", `{"query":{"offset":"1","limit":2},"queries":[{"stateQuery":{"state":4}},{"userNameQuery":{"userName":"a","method":3}}]}`, "", adminToken},
		{"POST", "/management/v1/users/a%2Fb/_lock", `{"id":"x"}`, "other", adminToken},
		{"POST", "/management/v1/users/a/_unlock", ``, "", adminToken},
		{"GET", "/management/v1/users/%25", "", "", adminToken},
		{"PUT", "/admin/v1/policies/password/lockout", `[`, "", "wrong"},
		{"DELETE", "//management/./v1", "\xff", "\x00", ""},
		{"HEAD", "/healthz", "", "", ""},
		{"GET", "/v2/settings/lockout?ctx.orgId=home&ctx.instance=true", "", "", adminToken},
		{"POST", "/v2beta/users/a%2Fb/unlock", `{"userId":"x"}`, "", adminToken},
		{"POST", "/v2/users", `{"queries":[{"organizationIdQuery":{"organizationId":"home"}},{"stateQuery":{"state":"USER_STATE_LOCKED"}}]}`, "", adminToken},
		{"OPTIONS", "*", "", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4])
	}
	s := embeddedServer(f)
	f.Fuzz(func(t *testing.T, method, target, body, organization, token string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || method == "" {
			return
		}
		r := &http.Request{
			Method: method, URL: u, Host: "api.example", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: "192.0.2.1:1",
			Header: http.Header{"Authorization": {"Bearer " + token}, "X-Zitadel-Orgid": {organization}},
			Body:   http.NoBody, ContentLength: int64(len(body)),
		}
		if body != "" {
			r.Body = httptest.NewRequest("POST", "/", strings.NewReader(body)).Body
		}
		before := len(s.changes)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r.WithContext(t.Context()))
		if len(s.failed) > 0 {
			t.Fatalf("failed: %v", s.failed)
		}
		if token != adminToken && len(s.changes) != before {
			t.Fatalf("a change without the token: %v", s.changes[before:])
		}
		if w.Body.Len() == 0 {
			if w.Code != http.StatusMovedPermanently {
				t.Fatalf("status %d without a body", w.Code)
			}
			if l := w.Header().Get("Location"); !strings.HasPrefix(l, "/") || strings.HasPrefix(l, "//") {
				t.Fatalf("redirect to %q", l)
			}
			return
		}
		var answer struct {
			Code    int
			Message string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("status %d, %q: %v", w.Code, w.Body, err)
		}
		if (w.Code == 200) != (answer.Code == 0) || w.Code >= 500 || (w.Code != 200 && answer.Message == "") {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
	})
}
