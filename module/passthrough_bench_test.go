// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// nothing is the handler behind.
type nothing struct{}

func (nothing) ServeHTTP(http.ResponseWriter, *http.Request) error { return nil }

// discard is a response writer that is not looked at.
type discard struct{}

func (discard) Header() http.Header         { return nil }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

func passthroughHandler(tb testing.TB) *Handler {
	tb.Helper()
	success := []*Outcome{{Verdict: "success", When: [][]*Condition{{{Status: []string{"200"}}}}}}
	field := func(name string) Source { return Source{From: fromField, Name: name} }
	h := &Handler{Steps: []*Step{
		{Kind: "password", Match: Match{Path: []string{"/login", "/api/session"}}, User: field("username"), Secret: field("password"), Outcomes: success},
		{Kind: "password", Match: Match{Path: []string{"/oauth/*"}}, User: field("login"), Secret: field("secret"), Outcomes: success},
		{Kind: "password", User: Source{From: fromBasic}, Outcomes: success},
	}}
	h.setDefaults()
	var err error
	if h.sites, err = newRecogniser(h); err != nil {
		tb.Fatal(err)
	}
	return h
}

var unmatched = []struct {
	name, method, target, header string
	allocs                       float64 // at most, where a rule has to look twice
}{
	{"root", http.MethodGet, "/", "", 0},
	{"page", http.MethodGet, "/articles/2026/how-to-read", "", 0},
	{"asset", http.MethodGet, "/static/js/app.3f9a1c.js", "", 0},
	{"query", http.MethodGet, "/search?q=login&username=alice&page=2", "", 0},
	{"upload", http.MethodPut, "/files/report.pdf", "", 0},
	{"post", http.MethodPost, "/comments", "", 0},
	{"as long as a guarded path", http.MethodPost, "/logon", "", 0},
	{"beginning of a guarded path", http.MethodGet, "/api/sess", "", 0},
	{"below a guarded path", http.MethodPost, "/login/help/me", "", 0},
	{"login page", http.MethodGet, "/login", "", 3},
	{"bearer", http.MethodGet, "/api/items", "Bearer abc.def.ghi", 0},
	{"long", http.MethodGet, "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/0123456789/0123456789/0123456789", "", 0},
}

func unmatchedRequest(method, target, header string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	if header != "" {
		r.Header.Set("Authorization", header)
	}
	return r
}

// A request that no rule matches costs no allocation.
func TestPassthroughDoesNotAllocate(t *testing.T) {
	h := passthroughHandler(t)
	var w discard
	for _, tt := range unmatched {
		t.Run(tt.name, func(t *testing.T) {
			r := unmatchedRequest(tt.method, tt.target, tt.header)
			allocs := testing.AllocsPerRun(100, func() {
				if err := h.ServeHTTP(w, r, nothing{}); err != nil {
					t.Fatal(err)
				}
			})
			if allocs > tt.allocs {
				t.Errorf("%v allocations, want %v", allocs, tt.allocs)
			}
		})
	}
}

func BenchmarkPassthrough(b *testing.B) {
	h := passthroughHandler(b)
	var w http.ResponseWriter = discard{}
	var next caddyhttp.Handler = nothing{}
	b.Run("next alone", func(b *testing.B) {
		b.ReportAllocs()
		r := unmatchedRequest(http.MethodGet, "/", "")
		for b.Loop() {
			_ = next.ServeHTTP(w, r)
		}
	})
	for _, tt := range unmatched {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			r := unmatchedRequest(tt.method, tt.target, tt.header)
			for b.Loop() {
				_ = h.ServeHTTP(w, r, next)
			}
		})
	}
}
