// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"strings"
)

// Show returns the preset as text that stands for `lockout <name>` in a
// Caddyfile: the values of arguments are filled in, and its answer to locked
// users, which is in force only on demand, is commented out.
func (p *Preset) Show(values map[string][]string) (string, error) {
	text, err := p.Expand(values)
	if err != nil {
		return "", err
	}
	from, to := p.answer()
	var out strings.Builder
	for i, line := range strings.SplitAfter(text, "\n") {
		if number := i + 1; number >= from && number <= to {
			line = "# " + line
		}
		out.WriteString(line)
	}
	return out.String(), nil
}

// answer returns the first and the last line of on_locked, or 0 and 0.
func (p *Preset) answer() (from, to int) {
	depth := 0
	for i := range p.words {
		w := &p.words[i]
		if depth == 1 && w.index == 0 && w.text == "on_locked" {
			from = w.line
		}
		switch {
		case w.quote == 0 && w.text == "{":
			depth++
		case w.quote == 0 && w.text == "}":
			depth--
		}
		if from > 0 && depth == 1 {
			to = w.line
			if next := i + 1; next == len(p.words) || p.words[next].line > to {
				return from, to
			}
		}
	}
	return from, to
}
