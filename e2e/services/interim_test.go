// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var onLocked = regexp.MustCompile(`(?s)\n\ton_locked respond \{.*?\n\t\}\n`)

// presetText is the text of a preset with the defaults of its arguments.
func presetText(t *testing.T, name, option string) string {
	t.Helper()
	text, err := os.ReadFile("../../presets/" + name + ".Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	var replace []string
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "# argument "); ok {
			fields := strings.Fields(rest)
			replace = append(replace, "<"+fields[0]+">", strings.Trim(fields[1], `"`))
		}
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	out := strings.NewReplacer(replace...).Replace(strings.Join(lines, "\n"))
	if option != "on_locked preset" {
		out = onLocked.ReplaceAllString(out, "\n")
	}
	return strings.TrimPrefix(strings.TrimSpace(out), "lockout ")
}
