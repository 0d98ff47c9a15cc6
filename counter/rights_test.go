// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

func TestRightsNameEveryCommandOfTheScripts(t *testing.T) {
	t.Parallel()
	var named []string
	for _, command := range counter.Rights(newKeys(t)) {
		named = append(named, command[0])
	}
	files, err := filepath.Glob("lua/*.lua")
	must(t, err)
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		for _, call := range regexp.MustCompile(`redis\.p?call\('([A-Z]+)'`).FindAllStringSubmatch(string(text), -1) {
			found++
			if !slices.Contains(named, call[1]) {
				t.Errorf("%s runs %s, which Rights does not name", file, call[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("found only %d commands in %d scripts", found, len(files))
	}
}
