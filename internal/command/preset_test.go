// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-lockout/caddy-lockout/presets"
)

// run returns what `caddy lockout` prints.
func run(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	cmd := &cobra.Command{Use: "lockout", SilenceUsage: true, SilenceErrors: true}
	caddycmd.Commands()["lockout"].CobraFunc(cmd)
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetArgs(arguments)
	err := cmd.Execute()
	return out.String(), err
}

func TestPresetList(t *testing.T) {
	t.Parallel()
	table, err := run(t, "preset", "list")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(table), "\n")
	all := presets.All()
	if len(lines) != len(all)+1 {
		t.Fatalf("%d lines for %d presets", len(lines), len(all))
	}
	for i, p := range all {
		for _, want := range append(p.Names, p.Evidence, p.Tested, p.Service) {
			if !strings.Contains(lines[i+1], want) {
				t.Errorf("no %q in %q", want, lines[i+1])
			}
		}
	}
}

func TestPresetListJSON(t *testing.T) {
	t.Parallel()
	out, err := run(t, "preset", "list", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var got []listed
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out, "null") {
		t.Error("a list is null")
	}
	for i, p := range presets.All() {
		g := got[i]
		if g.Name != p.Name() || !slices.Equal(g.FurtherNames, p.Names[1:]) || g.Evidence != p.Evidence || g.Experimental != p.Experimental() ||
			g.Tested != p.Tested || !slices.Equal(g.Limits, p.Limits) || len(g.Arguments) != len(p.Arguments) {
			t.Errorf("%s: %+v", p.Name(), g)
		}
		for j, a := range p.Arguments {
			if b := g.Arguments[j]; b.Name != a.Name || !slices.Equal(b.Default, a.Default) || b.Meaning != a.Meaning {
				t.Errorf("%s: %+v", p.Name(), b)
			}
		}
	}
}

// TestPresetShow compares with what a test of package caddyfile shows to be the
// same as `lockout <name>`.
func TestPresetShow(t *testing.T) {
	t.Parallel()
	p, err := presets.Find("spring-security")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name      string
		arguments []string
		values    map[string][]string
	}{
		{"defaults", nil, nil},
		{"arguments", []string{"--argument", "login_path=/a", "--argument=failure_url=/b?c=d,e", "-a", "login_path=/f"},
			map[string][]string{"login_path": {"/a", "/f"}, "failure_url": {"/b?c=d,e"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := run(t, append([]string{"preset", "show", "spring"}, tt.arguments...)...)
			if err != nil {
				t.Fatal(err)
			}
			if want, err := p.Show(tt.values); err != nil || got != want {
				t.Errorf("got\n%s\nwant\n%s, %v", got, want, err)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ line, want string }{
		{"presets", `unknown command "presets"`},
		{"preset lst", `unknown command "lst"`},
		{"preset list all", `unknown command "all"`},
		{"preset show", "accepts 1 arg(s), received 0"},
		{"preset show spring radicale", "accepts 1 arg(s), received 2"},
		{"preset show srping", `unknown preset "srping" (did you mean spring?); there are: `},
		{"preset show spring -a base_path", `argument "base_path": want <name>=<value>`},
		{"preset show spring -a path=/a", `filling in preset spring-security: unknown argument "path"`},
		{"preset show spring -a base_path=a", `argument base_path: "a": want a path that begins with /`},
	} {
		t.Run(tt.line, func(t *testing.T) {
			t.Parallel()
			if _, err := run(t, strings.Fields(tt.line)...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "preset"} {
		if out, err := run(t, strings.Fields(line)...); err != nil || !strings.Contains(out, "Available Commands:") {
			t.Errorf("lockout %s: %v\n%s", line, err, out)
		}
	}
}
