// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of services in README.md anew")

// TestReadme compares the table of services in the README with the headers.
// -update writes it anew.
func TestReadme(t *testing.T) {
	t.Parallel()
	const file, head = "../README.md", "| preset | service | evidence | limits |\n| --- | --- | --- | --- |\n"
	readme, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(readme), head)
	if !found {
		t.Fatalf("no table %s", head)
	}
	old := 0
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		old += len(line)
	}
	if rest[:old] == table() {
		return
	}
	if !*update {
		t.Fatal("the table of services is not that of the headers: go test ./presets -run TestReadme -update")
	}
	if err := os.WriteFile(file, []byte(before+head+table()+rest[old:]), 0o644); err != nil {
		t.Fatal(err)
	}
}

func table() string {
	var rows strings.Builder
	for _, p := range All() {
		var limits []string
		for _, limit := range p.Limits {
			short, _, _ := strings.Cut(limit, ": ") // the rest says what to do about it
			limits = append(limits, strings.TrimSuffix(short, ".")+".")
		}
		cells := []string{"`" + strings.Join(p.Names, "` `") + "`", p.Service, p.Evidence + ", " + p.Tested, strings.Join(limits, " ")}
		for i, cell := range cells {
			cells[i] = strings.ReplaceAll(cell, "|", `\|`)
		}
		rows.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return rows.String()
}
