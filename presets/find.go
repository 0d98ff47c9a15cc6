// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"fmt"
	"slices"
	"strings"
)

// Find returns the preset of this name. The error says which names come near, and
// which there are.
func Find(name string) (*Preset, error) {
	var near, main []string
	for _, p := range All() {
		if slices.Contains(p.Names, name) {
			return p, nil
		}
		main = append(main, p.Name())
		for _, n := range p.Names {
			if resembles(strings.ToLower(name), n) {
				near = append(near, n)
			}
		}
	}
	hint := ""
	if len(near) > 0 {
		hint = fmt.Sprintf(" (did you mean %s?)", strings.Join(near, " or "))
	}
	return nil, fmt.Errorf("unknown preset %q%s; there are: %s", name, hint, strings.Join(main, ", "))
}

// resembles tells whether one name holds the other, or whether they are a slip
// or two of the fingers apart.
func resembles(a, b string) bool {
	if len(a) < 3 || len(b) < 3 {
		return a == b
	}
	return strings.Contains(a, b) || strings.Contains(b, a) || distance(a, b) <= 2
}

// distance is that of Levenshtein: letters to add, to remove and to change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
