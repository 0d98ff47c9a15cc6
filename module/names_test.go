// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadAliases(t *testing.T) {
	t.Parallel()
	write := func(content string) string {
		file := filepath.Join(t.TempDir(), "aliases")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	got := map[string]string{"c": "d"}
	if err := readAliases(write("# people\n\na@example.test a\r\n  Big Boss\tb\nc d\n"), got); err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"a@example.test": "a", "Big Boss": "b", "c": "d"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for name, tt := range map[string]struct{ path, want string }{
		"none":       {filepath.Join(t.TempDir(), "none"), "no such file"},
		"a folder":   {t.TempDir(), "no ordinary file"},
		"one word":   {write("a b\nc\n"), "line 2 is not an alias and a name"},
		"three":      {write("a b c\n"), "line 1 is not an alias and a name"},
		"two tabs":   {write("a\tb\tc\n"), "line 1 is not an alias and a name"},
		"other name": {write("a b\n\na c\n"), "line 3: its alias is there with another name already"},
	} {
		if err := readAliases(tt.path, map[string]string{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
}

func TestCompileNamesOfApp(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		app  *App
		want string
	}{
		"alias of an alias":   {&App{Names: &Names{Aliases: map[string]string{"a": "b", "b": "c"}}}, `checking names: compiling names: the alias "a" leads to "b", which is an alias itself`},
		"no organization":     {&App{Organizations: map[string]*Organization{"": {}}}, "checking organizations"},
		"of an organization":  {&App{Organizations: map[string]*Organization{"acme": {Names: &Names{StripDomain: []string{"a@b"}}}}}, `checking names of organization "acme": compiling names: "a@b" is no domain`},
		"file is not there":   {&App{Names: &Names{AliasFile: "/nonexistent/aliases"}}, "checking names: reading alias_file"},
		"file is not defined": {&App{Names: &Names{AliasFile: "{env.LOCKOUT_TEST_MISSING}"}}, "checking names: reading alias_file"},
	} {
		if _, err := tt.app.compileNames(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
}
