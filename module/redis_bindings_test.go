// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
)

// Keys of sessions need no right of the ACL user that attempts do not need, so
// the check at the start speaks for both.
func TestBindingsNeedNoFurtherRights(t *testing.T) {
	t.Parallel()
	keys, err := keyspace.New("", "")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, command := range counter.Rights(keys) {
		named = append(named, command[0])
	}
	files, err := filepath.Glob("../binding/lua/*.lua")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts, %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		calls := regexp.MustCompile(`redis\.p?call\('([A-Z]+)'`).FindAllStringSubmatch(string(text), -1)
		if len(calls) == 0 {
			t.Errorf("no commands in %s", file)
		}
		for _, call := range calls {
			if !slices.Contains(named, call[1]) {
				t.Errorf("%s runs %s, which counter.Rights does not name", file, call[1])
			}
		}
	}
}
