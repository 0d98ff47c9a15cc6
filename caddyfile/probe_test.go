// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every block that `caddy lockout probe` prints in its tests adapts as it is.
func TestBlocksOfProbe(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../internal/probe/testdata/*.Caddyfile")
	if err != nil || len(files) == 0 {
		t.Fatalf("no blocks, %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".Caddyfile"), func(t *testing.T) {
			t.Parallel()
			block, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			config := adapt(t, "login.example.com {\n"+string(block)+"reverse_proxy 127.0.0.1:9000\n}\n")
			if handlers := decodeStrictly(t, config); handlers != 1 {
				t.Errorf("%d handlers", handlers)
			}
		})
	}
}
