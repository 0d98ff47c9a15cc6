// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// A front controller and the index of a directory are second addresses of a
// guarded path.
func TestTargetsThroughAScript(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, target string
		folded          bool
	}{
		{"/login", "/index.php/login", true},
		{"/login", "/app.php/login", true},
		{"/login", "/public/index.php/login", true},
		{"/login", "/index.php/LOGIN/", true},
		{"/login", "/INDEX.PHP/login", true},
		{"/login", "/index%2ephp/login", true},
		{"/login", "/index%252ephp%252flogin", true},
		{"/login", "/a.php/b.php/login", true},
		{"/login", "/index.php/login?x=1", true},
		{"/login", "/login/index.php", true},
		{"/login", "/login/INDEX.html", true},
		{"/login", "/login/default.aspx", true},
		{"/login/", "/login/index.php", true},
		{"/", "/index.php", true},
		{"/api/*", "/index.php/api/login", true},
		{"/login", "/index.php", false},
		{"/login", "/index.php/other", false},
		{"/login", "/index.php/loginx", false},
		{"/login", "/other/index.php", false},
		{"/login", "/assets/index.css?login", false},
		{"/login", "/.php/", false},
		{"/login", "/static/app.3f2a.js", false},
	} {
		t.Run(tt.pattern+" "+tt.target, func(t *testing.T) {
			t.Parallel()
			paths, err := credentials.NewPaths([]string{tt.pattern})
			if err != nil {
				t.Fatal(err)
			}
			if m := paths.Match(tt.target); m.Pattern >= 0 || m.Folded != tt.folded {
				t.Errorf("match %+v, want folded %t", m, tt.folded)
			}
		})
	}
}
