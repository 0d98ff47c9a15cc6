// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-lockout/caddy-lockout/internal/gen/managementv1"
)

// impatient is a writer that hears how long a request may take to come.
type impatient struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (w *impatient) SetReadDeadline(d time.Time) error {
	w.deadline = d
	return nil
}

// What everybody may call is not waited for without end.
func TestOpenCallsHaveADeadline(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	for _, path := range []string{
		"/grpc.health.v1.Health/Check", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
		managementv1.ManagementService_Healthz_FullMethodName, "/zitadel.admin.v1.AdminService/Healthz",
	} {
		r := httptest.NewRequest("POST", path, strings.NewReader(frame(0, nil)))
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
		r.Header.Set("Content-Type", "application/grpc")
		w := &impatient{ResponseRecorder: httptest.NewRecorder()}
		s.handler.ServeHTTP(w, r)
		if w.deadline.IsZero() {
			t.Errorf("%s: no deadline", path)
		}
	}
}

// Every answer has an id, also that to a path or a method that does not exist.
func TestEveryAnswerHasAnID(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	seen := map[string]bool{}
	for _, tt := range []struct{ method, path, contentType string }{
		{"GET", "/healthz", ""}, {"GET", "/openapi.json", ""}, {"GET", "/nothing", ""}, {"PATCH", "/v2/users", ""}, {"GET", "//healthz", ""},
		{"GET", "/management/v1/policies/lockout", ""}, {"POST", "/a.Service/Method", "application/grpc-web"},
		{"POST", managementv1.ManagementService_GetLockoutPolicy_FullMethodName, "application/grpc-web"},
	} {
		r := httptest.NewRequest(tt.method, tt.path, nil)
		r.Header.Set("Content-Type", tt.contentType)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		ids := w.Header().Values("X-Request-Id")
		if len(ids) != 1 || ids[0] == "" || seen[ids[0]] {
			t.Errorf("%s %s: ids %q", tt.method, tt.path, ids)
			continue
		}
		seen[ids[0]] = true
	}
}
