// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

func TestCheckHeaders(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		header  http.Header
		upgrade bool
		want    credentials.Reason
	}{
		{"none", http.Header{}, false, ""},
		{"close", http.Header{"Connection": {"Close"}}, false, ""},
		{"keep-alive and empty elements", http.Header{"Connection": {"keep-alive, ,"}}, false, ""},
		{"P114 names Authorization", http.Header{"Connection": {"Cookie, Authorization"}}, false, credentials.ReasonConnection},
		{"names Content-Type", http.Header{"Connection": {"close, Content-Type"}}, false, credentials.ReasonConnection},
		{"names it in a second line", http.Header{"Connection": {"close", "content-type"}}, false, credentials.ReasonConnection},
		{"names it behind a tab", http.Header{"Connection": {"close,\tcookie"}}, false, credentials.ReasonConnection},
		{"TE", http.Header{"Connection": {"TE"}, "Te": {"trailers"}}, false, credentials.ReasonConnection},
		{"upgrade", http.Header{"Connection": {"Upgrade"}, "Upgrade": {"h2c"}}, false, credentials.ReasonConnection},
		{"Upgrade alone", http.Header{"Upgrade": {"h2c"}}, false, credentials.ReasonConnection},
		{"upgrade allowed", http.Header{"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"websocket"}}, true, ""},
		{"upgrade allowed, other name", http.Header{"Connection": {"Upgrade, Cookie"}}, true, credentials.ReasonConnection},
		{"two Content-Types", http.Header{"Content-Type": {"a/b", "a/b"}}, false, credentials.ReasonDuplicateHeader},
		{"two Authorizations", http.Header{"Authorization": {"Basic a", "Basic b"}}, false, credentials.ReasonDuplicateHeader},
		{"two Cookies", http.Header{"Cookie": {"a=1", "a=2"}}, false, credentials.ReasonDuplicateHeader},
		{"two encodings", http.Header{"Content-Encoding": {"gzip", "gzip"}}, false, credentials.ReasonDuplicateHeader},
		{"two overrides", http.Header{"X-Http-Method-Override": {"PUT", "POST"}}, false, credentials.ReasonDuplicateHeader},
		{"P083 one override", http.Header{"X-Http-Method-Override": {"PUT"}}, false, ""},
		{"underscore", http.Header{"Content-Type": {"a/b"}, "Content_type": {"c/d"}}, false, credentials.ReasonDuplicateHeader},
		{"underscore alone", http.Header{"Content_type": {"c/d"}}, false, credentials.ReasonDuplicateHeader},
		{"raw lower case", http.Header{"content-type": {"c/d"}}, false, credentials.ReasonDuplicateHeader},
		{"others doubled", http.Header{"Accept": {"a", "b"}, "X_y": {"1", "2"}}, false, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := credentials.CheckHeaders(&http.Request{Header: tc.header}, tc.upgrade)
			if (got == nil) != (tc.want == "") || got != nil && got.Reason != tc.want {
				t.Errorf("got %v, want %q", got, tc.want)
			}
		})
	}
	t.Run("trailer", func(t *testing.T) {
		t.Parallel()
		for name, refused := range map[string]bool{"Authorization": true, "Content_type": true, "Grpc-Status": false} {
			r := &http.Request{Header: http.Header{}, Trailer: http.Header{name: nil}}
			if got := credentials.CheckHeaders(r, false); (got != nil) != refused {
				t.Errorf("trailer %s: %v", name, got)
			}
		}
	})
}

func TestCouldCarryCredentials(t *testing.T) {
	t.Parallel()
	keys := append(field("username"), field("password")...)
	for _, tc := range []struct {
		name, method, target, body string
		authorization, reads       bool
		want                       bool
	}{
		{"GET", http.MethodGet, "/login?next=/x", "", false, true, false},
		{"HEAD", http.MethodHead, "/login", "", false, true, false},
		{"OPTIONS", http.MethodOptions, "/login", "", false, true, false},
		{"P087 OPTIONS with body", http.MethodOptions, "/login", "username=a", false, false, true},
		{"GET with body", http.MethodGet, "/login", "x", false, false, true},
		{"POST without body", http.MethodPost, "/login", "", false, false, true},
		{"P082 PUT", http.MethodPut, "/login", "", false, false, true},
		{"lower-case get", "get", "/login", "", false, false, true},
		{"P081 query", http.MethodGet, "/login?username=a&password=b", "", false, false, true},
		{"query, other case", http.MethodGet, "/login?PASSWORD=b", "", false, false, true},
		{"query, semicolon", http.MethodGet, "/login?a=b;password=b", "", false, false, true},
		{"query, encoded question mark", http.MethodGet, "/login%3Fpassword=b", "", false, false, true},
		{"query, encoded question mark twice", http.MethodGet, "/login%253Fpassword=b", "", false, false, true},
		{"path parameter", http.MethodGet, "/login;password=b/x", "", false, false, true},
		{"Authorization that is read", http.MethodGet, "/login", "", true, true, true},
		{"Authorization that is not read", http.MethodGet, "/login", "", true, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), tc.method, tc.target, strings.NewReader(tc.body))
			if tc.authorization {
				r.Header.Set("Authorization", "Basic YTpi")
			}
			if got := credentials.CouldCarryCredentials(r, keys, tc.reads); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestCouldCarryCredentialsUnknownLength(t *testing.T) {
	t.Parallel()
	request := func(major int, body string) *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/login", nil)
		r.ProtoMajor, r.ContentLength, r.Body = major, -1, io.NopCloser(strings.NewReader(body))
		return r
	}
	if !credentials.CouldCarryCredentials(request(1, ""), nil, false) {
		t.Error("a chunked body passes")
	}
	if credentials.CouldCarryCredentials(request(3, ""), nil, false) {
		t.Error("an HTTP/3 GET without body is taken for an attempt")
	}
	r := request(3, "abc")
	if !credentials.CouldCarryCredentials(r, nil, false) {
		t.Error("an HTTP/3 GET with body passes")
	}
	if body, err := io.ReadAll(r.Body); string(body) != "abc" || err != nil {
		t.Errorf("the body is %q, %v afterwards", body, err)
	}
}
