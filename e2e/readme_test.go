// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-lockout/caddy-lockout/module"
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

// Every JSON that the README shows is a configuration: no field of it is
// unknown.
func TestReadmeJSON(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?ms)^```json\n(.*?)^```$").FindAllSubmatch(readme, -1)
	if len(examples) < 3 {
		t.Fatalf("the README shows %d JSON examples, want app, handler and API", len(examples))
	}
	for _, example := range examples {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(example[1], &fields); err != nil {
			t.Errorf("reading an example: %v\n%s", err, example[1])
			continue
		}
		text := []byte(fields["lockout"])
		var into any = new(module.App)
		if handler, ok := fields["handler"]; ok {
			into = new(module.Handler)
			if string(handler) == `"lockout_api"` {
				into = new(module.API)
			}
			delete(fields, "handler") // Caddy takes it out
			if text, err = json.Marshal(fields); err != nil {
				t.Fatal(err)
			}
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(into); err != nil {
			t.Errorf("reading an example: %v\n%s", err, example[1])
		}
	}
}
