// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/filestorage"

	"github.com/caddy-lockout/caddy-lockout/module"
	"github.com/caddy-lockout/caddy-lockout/presets"
)

// TestPresets adapts and provisions every preset as it is, with its answer to
// locked users, and with every argument set.
func TestPresets(t *testing.T) {
	for _, p := range presets.All() {
		answer := "\non_locked preset"
		if !strings.Contains(expanded(t, p), "on_locked") {
			answer = ""
		}
		arguments := ""
		for i, a := range p.Arguments {
			arguments += fmt.Sprintf("argument %s `%s`\n", a.Name, others(a, i)[0])
		}
		for name, input := range map[string]string{
			"alone":     ":0 {\nlockout " + p.Name() + "\n}",
			"on_locked": ":0 {\nlockout " + p.Names[len(p.Names)-1] + " {" + answer + "\n}\n}",
			"arguments": ":0 {\nlockout " + p.Name() + " {\n" + arguments + answer + "\n}\n}",
		} {
			t.Run(p.Name()+"/"+name, func(t *testing.T) { provision(t, input) })
		}
	}
}

// TestShow pastes what is shown of a preset into a Caddyfile: it means the same
// as the preset's name.
func TestShow(t *testing.T) {
	t.Parallel()
	for _, p := range presets.All() {
		t.Run(p.Name(), func(t *testing.T) {
			t.Parallel()
			values, arguments := map[string][]string(nil), ""
			for range 2 {
				text, err := p.Show(values)
				if err != nil {
					t.Fatal(err)
				}
				got := adapt(t, "example.com {\n"+text+"\n}")
				want := adapt(t, "example.com {\nlockout "+p.Name()+" {\n"+arguments+"}\n}")
				if got != want {
					t.Error(firstDifference(got, want))
				}
				values = make(map[string][]string)
				for i, a := range p.Arguments {
					values[a.Name] = others(a, i)[:1]
					arguments += fmt.Sprintf("argument %s `%s`\n", a.Name, values[a.Name][0])
				}
			}
		})
	}
}

// expanded returns the text of a preset with its defaults.
func expanded(t *testing.T, p *presets.Preset) string {
	t.Helper()
	text, err := p.Expand(nil)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// others returns values for the argument at an index that are not its defaults.
func others(a *presets.Argument, index int) []string {
	var list []string
	for _, v := range []string{"/other%d.x", "other%d", "/b%d+c/d", "another%d", "1%dm", "2%dm"} {
		if v = fmt.Sprintf(v, index); a.Check(v) == nil {
			list = append(list, v)
		}
	}
	return list[:2]
}

// provision starts and stops what a Caddyfile configures, without serving.
func provision(t *testing.T, input string) {
	t.Helper()
	config := adapt(t, "{\nstorage file_system "+t.TempDir()+"\n}\n"+input)
	if handlers := decodeStrictly(t, config); handlers != 1 {
		t.Errorf("%d handlers", handlers)
	}
	parsed := new(caddy.Config)
	if err := json.Unmarshal([]byte(config), parsed); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Validate(parsed); err != nil {
		t.Error(err)
	}
}

// TestPresetSeveralValues gives every argument two values: that works, or the
// error names the line of the preset.
func TestPresetSeveralValues(t *testing.T) {
	t.Parallel()
	for _, p := range presets.All() {
		for i, a := range p.Arguments {
			values := others(a, i)
			input := fmt.Sprintf("example.com {\nlockout %s {\nargument %s `%s` `%s`\n}\n}", p.Name(), a.Name, values[0], values[1])
			_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), nil)
			switch said := strings.Contains(a.Meaning, "several"); {
			case err == nil:
			case said:
				t.Errorf("%s says that several are allowed: %v", a.Name, err)
			case !strings.Contains(err.Error(), ", at preset "+p.Name()+":"):
				t.Errorf("%s: the error does not name the line: %v", a.Name, err)
			}
		}
	}
}

// TestPresetFields fails when the directive gets an option that addTo does not
// know of.
func TestPresetFields(t *testing.T) {
	t.Parallel()
	const known = "Organization Guard GuardRegexp Pass Deny OnLocked DenyDelay Queue MaxBody Names Steps"
	for field := range reflect.TypeFor[module.Handler]().Fields() {
		if field.IsExported() && !slices.Contains(strings.Fields(known), field.Name) {
			t.Errorf("teach presetUse.addTo about %s, then add it here", field.Name)
		}
	}
}

// TestPresetWords fills in values behind Caddy's lexer: that must come to the
// same as filling them into the text.
func TestPresetWords(t *testing.T) {
	t.Parallel()
	for _, p := range presets.All() {
		raw, err := os.ReadFile("../presets/" + p.Name() + ".Caddyfile")
		if err != nil {
			t.Fatal(err)
		}
		values, pairs := make(map[string][]string), []string(nil)
		for _, a := range p.Arguments {
			var value string
			for _, v := range []string{"9h", "zz", "z #\"z", "/zz"} {
				if a.Check(v) == nil {
					value = v
				}
			}
			values[a.Name] = []string{value}
			pairs = append(pairs, "<"+a.Name+">", value)
		}
		text, err := p.Expand(values)
		if err != nil {
			t.Fatal(err)
		}
		want := words(t, string(raw))
		for i, word := range want {
			want[i] = strings.NewReplacer(pairs...).Replace(word)
		}
		if got := words(t, text); !slices.Equal(got, want) {
			t.Errorf("%s\ngot  %q\nwant %q", p.Name(), got, want)
		}
	}
}

// words are lines and texts of the tokens.
func words(t *testing.T, text string) (list []string) {
	t.Helper()
	tokens, err := caddyfile.Tokenize([]byte(text), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens {
		list = append(list, fmt.Sprintf("%d %s", token.Line, token.Text))
	}
	return list
}

// TestPresetWarning expects a warning where nothing of the service was seen.
func TestPresetWarning(t *testing.T) {
	t.Parallel()
	d := caddyfile.NewTestDispenser("lockout\n{\n}")
	d.Next()
	for _, tt := range []struct {
		evidence, want string
	}{
		{presets.Run, ""},
		{presets.Recorded, ""},
		{presets.Source, "lockout a at line 1 of Testfile: this preset is experimental: it was written from the source of Service 1.0 and never tried"},
		{presets.Documentation, "lockout a at line 1 of Testfile: this preset is experimental: it was written from the documentation of Service 1.0 and never tried"},
	} {
		use := &presetUse{directive: d, preset: &presets.Preset{Service: "Service", Names: []string{"a", "b"}, Tested: "1.0", Evidence: tt.evidence}}
		if got := use.warning(); !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: %q", tt.evidence, got)
		}
	}
	var none *presetUse
	if got := none.warning(); got != "" {
		t.Error(got)
	}
}
