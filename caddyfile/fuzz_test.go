// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
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
