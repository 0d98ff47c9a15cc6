// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	_ "github.com/caddyserver/caddy/v2/modules/filestorage"
	_ "github.com/caddyserver/caddy/v2/modules/logging"

	"github.com/caddy-lockout/caddy-lockout/module"
)

var update = flag.Bool("update", false, "write the JSON of the files in testdata anew")

// dashes separate the Caddyfile from the JSON.
const dashes = "\n----------\n"

// TestGolden adapts each file in testdata and compares with the JSON in it.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata, %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, _ := strings.Cut(string(raw), dashes)
			got := adapt(t, input)
			decodeStrictly(t, got)
			if *update {
				if err := os.WriteFile(file, []byte(input+dashes+got+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want = strings.TrimSpace(want); got != want {
				t.Errorf("%s\n%s", file, firstDifference(got, want))
			}
		})
	}
}

// adapt returns the indented JSON of a Caddyfile that must have no mistakes and
// no warnings.
func adapt(t *testing.T, input string) string {
	t.Helper()
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		if !strings.Contains(w.Message, "not formatted") {
			t.Errorf("warning: %s", w)
		}
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, config, "", "\t"); err != nil {
		t.Fatal(err)
	}
	return indented.String()
}

// decodeStrictly reads what is ours in a configuration as Caddy does: unknown
// fields are mistakes. It returns the number of handlers.
func decodeStrictly(t *testing.T, config string) (handlers int) {
	t.Helper()
	var whole any
	if err := json.Unmarshal([]byte(config), &whole); err != nil {
		t.Fatal(err)
	}
	apps, _ := whole.(map[string]any)["apps"].(map[string]any)
	if app, ok := apps[name]; ok {
		strictly(t, app, new(module.App))
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if v["handler"] == name {
				handlers++
				delete(v, "handler")
				strictly(t, v, new(module.Handler))
				return
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(apps["http"])
	return handlers
}

func strictly(t *testing.T, v, into any) {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Errorf("decoding %s: %v", raw, err)
	}
}

// TestSharedOrganization expects a warning from the second directive on.
func TestSharedOrganization(t *testing.T) {
	t.Parallel()
	h := httpcaddyfile.Helper{Dispenser: caddyfile.NewTestDispenser("lockout"), State: map[string]any{}}
	h.Next()
	if w := sharedOrganization(h, 3); w != "" {
		t.Errorf("the first: %s", w)
	}
	for _, line := range []int{20, 30} {
		want := fmt.Sprintf("lockout at lines 3 and %d of Testfile have no org", line)
		if w := sharedOrganization(h, line); !strings.HasPrefix(w, want) {
			t.Errorf("got %q, want %q", w, want)
		}
	}
}

// firstDifference shows where two texts part.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	i := 0
	for i < len(g) && i < len(w) && g[i] == w[i] {
		i++
	}
	from, shown := max(0, i-5), func(lines []string) string {
		return strings.Join(lines[min(len(lines), i):min(len(lines), i+5)], "\n")
	}
	return strings.Join(g[from:i], "\n") + "\ngot:\n" + shown(g) + "\nwant:\n" + shown(w)
}
