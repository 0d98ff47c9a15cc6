// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var argumentLine = regexp.MustCompile(`^#? *argument +(\S+) +(""|.*)$`)

// presetDirective is the directive that stands for a preset, with further
// options in its block.
func presetDirective(t *testing.T, preset string, options []string) string {
	t.Helper()
	raw, err := os.ReadFile("../presets/" + preset + ".Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	start := strings.Index(text, "\nlockout {")
	values := map[string]string{}
	for line := range strings.Lines(text[:start]) {
		if m := argumentLine.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			values[m[1]], _, _ = strings.Cut(m[2], " ")
		}
	}
	var rest []string
	for _, line := range options {
		if m := argumentLine.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			values[m[1]] = m[2]
			continue
		}
		rest = append(rest, line)
	}
	block := strings.TrimSpace(text[start:])
	block = regexp.MustCompile(`\S*<[a-z_]+>\S*`).ReplaceAllStringFunc(block, func(word string) string {
		name := regexp.MustCompile(`<([a-z_]+)>`).FindStringSubmatch(word)[1]
		var words []string
		for value := range strings.FieldsSeq(values[name] + " ") {
			words = append(words, strings.ReplaceAll(word, "<"+name+">", strings.Trim(value, `"`)))
		}
		return strings.Join(words, " ")
	})
	return strings.TrimSuffix(block, "}") + strings.Join(rest, "\n") + "\n}"
}
