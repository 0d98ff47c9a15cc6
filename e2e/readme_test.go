// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"regexp"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// TestReadmeAdapts adapts every Caddyfile that the README shows.
func TestReadmeAdapts(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?ms)^```caddyfile\n(.*?)^```$").FindAllSubmatch(readme, -1)
	if len(examples) == 0 {
		t.Fatal("the README shows no Caddyfile")
	}
	for _, example := range examples {
		adapter := caddyconfig.GetAdapter("caddyfile")
		_, warnings, err := adapter.Adapt(example[1], map[string]any{"filename": "README.md"})
		if err != nil {
			t.Errorf("adapting an example: %v\n%s", err, example[1])
		}
		for _, w := range warnings {
			t.Errorf("adapting an example: %s\n%s", w, example[1])
		}
	}
}
