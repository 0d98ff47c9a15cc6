// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// reference is where the value of an argument goes.
var reference = regexp.MustCompile(`<([a-z][a-z0-9_]*)>`)

// Expand returns the file with the values of arguments filled in; those that are
// not given have their defaults. Lines keep their numbers.
//
// An argument with several values multiplies the word that it stands in. In a
// regular expression values are quoted, and several are alternatives. A word of
// which nothing is left is dropped.
func (p *Preset) Expand(values map[string][]string) (string, error) {
	all, err := p.values(values)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	done := 0
	for i := range p.words {
		w := &p.words[i]
		if !w.refersTo(all) {
			continue
		}
		gap := p.text[done:w.start]
		var written []string
		for _, text := range w.fill(all) {
			word, err := w.write(text)
			if err != nil {
				return "", fmt.Errorf("line %d: %w", w.line, err)
			}
			written = append(written, word)
		}
		if len(written) == 0 {
			gap = strings.TrimRight(gap, " ")
		}
		out.WriteString(gap + strings.Join(written, " "))
		done = w.end
	}
	return out.String() + p.text[done:], nil
}

// values checks what is given and adds the defaults.
func (p *Preset) values(given map[string][]string) (map[string][]string, error) {
	for name, list := range given {
		a := p.Argument(name)
		if a == nil {
			return nil, fmt.Errorf("unknown argument %q", name)
		}
		for _, value := range list {
			if err := a.Check(value); err != nil {
				return nil, fmt.Errorf("argument %s: %w", name, err)
			}
		}
	}
	all := make(map[string][]string)
	for _, a := range p.Arguments {
		if all[a.Name] = given[a.Name]; len(all[a.Name]) == 0 {
			all[a.Name] = a.Default
		}
	}
	return all, nil
}

func (w *word) refersTo(values map[string][]string) bool {
	return slices.ContainsFunc(reference.FindAllStringSubmatch(w.text, -1), func(m []string) bool {
		return values[m[1]] != nil
	})
}

// fill returns what becomes of the word.
func (w *word) fill(values map[string][]string) []string {
	if w.regexp {
		return []string{reference.ReplaceAllStringFunc(w.text, func(s string) string {
			if list := values[s[1:len(s)-1]]; list != nil {
				return alternatives(list)
			}
			return s
		})}
	}
	filled := []string{""}
	done := 0
	for _, at := range reference.FindAllStringSubmatchIndex(w.text, -1) {
		list := values[w.text[at[2]:at[3]]]
		if list == nil {
			continue
		}
		before := w.text[done:at[0]]
		var longer []string
		for _, f := range filled {
			for _, value := range list {
				longer = append(longer, f+before+value)
			}
		}
		filled, done = longer, at[1]
	}
	for i := range filled {
		filled[i] += w.text[done:]
	}
	return slices.DeleteFunc(filled, func(s string) bool { return s == "" })
}

// alternatives is a regular expression for any of the values.
func alternatives(list []string) string {
	var quoted []string
	for _, value := range list {
		quoted = append(quoted, regexp.QuoteMeta(value))
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	return "(?:" + strings.Join(quoted, "|") + ")"
}

// write returns the text as a word of a Caddyfile. A word without quotes stays
// so unless the values brought something that means more outside of them.
func (w *word) write(text string) (string, error) {
	switch {
	case w.quote == 0 && !needsQuotes(text, reference.ReplaceAllString(w.text, "")):
		return text, nil
	case w.quote == '"' && !strings.ContainsAny(text, "\"\\"):
		return `"` + text + `"`, nil
	case !strings.Contains(text, "`"):
		return "`" + text + "`", nil
	default:
		return "", fmt.Errorf("both kinds of quotes in %s", text)
	}
}

func needsQuotes(text, before string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return strings.ContainsRune(" \t\"`<#&|{}", r) && !strings.ContainsRune(before, r)
	})
}
