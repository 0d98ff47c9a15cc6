// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-lockout/caddy-lockout/presets"
)

// FuzzAdapt looks for panics, for output that varies, and for output that the
// modules would refuse.
func FuzzAdapt(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txt")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		input, _, _ := strings.Cut(string(raw), dashes)
		f.Add(input)
	}
	f.Add(global("redis {\naddress a:1\n}"))
	f.Add(step("failure status 401 & | \"&\""))
	f.Add(spring("argument base_path /a `/b` \"/c\"\nargument failure_url `/x#&|`\non_locked preset"))
	f.Fuzz(func(t *testing.T, input string) {
		if strings.Contains(input, "import") {
			return // it reads files
		}
		adapter := caddyconfig.GetAdapter("caddyfile")
		first, _, err := adapter.Adapt([]byte(input), nil)
		second, _, errAgain := adapter.Adapt([]byte(input), nil)
		if !bytes.Equal(first, second) {
			t.Errorf("adapted to\n%s\nand to\n%s", first, second)
		}
		if ours(err) != ours(errAgain) {
			t.Errorf("errors differ: %v and %v", err, errAgain)
		}
		if err == nil {
			decodeStrictly(t, string(first))
		}
	})
}

// ours keeps the errors of this package; some of Caddy's list maps.
func ours(err error) string {
	if err == nil || !strings.Contains(err.Error(), "'lockout'") {
		return ""
	}
	return err.Error()
}

// FuzzBlocks puts the input into the two blocks, so that it is always ours to
// parse.
func FuzzBlocks(f *testing.F) {
	for _, seed := range []string{
		"redis {\naddress a:1\n}\ninstance x", "default_policy {\nmax_otp_attempts 0\n}", "mode enforce", "counter_ttl 1d",
		fullStep, fullStep + "queue 1 1s\nmax_body 1B\non_locked 423\norg `a b`",
		"step password {\nuser basic\nsuccess json a=b & header X *y* | set_cookie_regexp ^x\n}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, lines string) {
		if strings.Contains(lines, "import") {
			return // it reads files
		}
		for _, input := range []string{global(lines), site(lines)} {
			config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), nil)
			if err == nil {
				decodeStrictly(t, string(config))
			}
		}
	})
}

// FuzzArguments gives values to arguments. Those that pass the check never change
// how a preset is read.
func FuzzArguments(f *testing.F) {
	f.Add("/a", "/login?error", "user")
	f.Add("", "https://a/b#c&d|e", "user[name]")
	f.Add("/<x>", "/\\", "`")
	preset, err := presets.Find("spring-security")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path, url, field string) {
		values := map[string][]string{"base_path": {path}, "failure_url": {url}, "user_field": {field}}
		text, err := preset.Expand(values)
		if err != nil {
			return // a value is refused
		}
		tokens, err := caddyfile.Tokenize([]byte(text), "")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, token := range tokens {
			got = append(got, token.Text)
		}
		for _, want := range []string{path + "/login", "^" + regexp.QuoteMeta(url), field} {
			if !slices.Contains(got, want) {
				t.Errorf("no word %q in %q", want, got)
			}
		}
		if plain, _ := preset.Expand(nil); len(got) != len(words(t, plain)) {
			t.Errorf("%q became %d words", values, len(got))
		}
	})
}
