// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"os"
	"path/filepath"
	"testing"
)

// npm copies a folder beside this one into one of the test, and installs there
// what its lock file names.
func npm(t *testing.T, folder string) string {
	t.Helper()
	directory := t.TempDir()
	files, err := os.ReadDir(filepath.Join("..", folder))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.IsDir() {
			continue // what a developer has installed
		}
		content, err := os.ReadFile(filepath.Join("..", folder, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(directory, f.Name()), string(content))
	}
	output(t, directory, "", nil, "npm", "ci")
	return directory
}
