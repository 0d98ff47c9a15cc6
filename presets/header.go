// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	presetName   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	argumentName = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	evidences    = []string{Run, Recorded, Source, Documentation}
)

// parse reads a file.
func parse(text string) (*Preset, error) {
	p := &Preset{text: text}
	first, rest, _ := strings.Cut(text, "\n")
	p.Service = strings.TrimSpace(strings.TrimPrefix(first, "# "))
	if !strings.HasPrefix(first, "# ") || p.Service == "" {
		return nil, errors.New("line 1: want `# Name of the service`")
	}
	line := 2
	for ; strings.HasPrefix(rest, "#"); line++ {
		var comment string
		comment, rest, _ = strings.Cut(rest, "\n")
		if comment = strings.TrimSpace(comment[1:]); comment == "" {
			continue
		}
		key, value, _ := strings.Cut(comment, " ")
		if err := p.set(key, strings.TrimSpace(value)); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
	if err := p.complete(); err != nil {
		return nil, err
	}
	var err error
	if p.words, err = scan(text); err != nil {
		return nil, err
	}
	return p, p.checkBody()
}

// set takes a line of the header.
func (p *Preset) set(key, value string) error {
	if value == "" {
		return fmt.Errorf("%s has no value", key)
	}
	again := false
	switch key {
	case "names":
		again = p.Names != nil
		p.Names = strings.Fields(value)
	case "tested":
		again = p.Tested != ""
		p.Tested = value
	case "evidence":
		again = p.Evidence != ""
		p.Evidence = value
	case "limits":
		p.Limits = append(p.Limits, value)
	case "argument":
		a, err := parseArgument(value)
		if err != nil {
			return err
		}
		again = p.Argument(a.Name) != nil
		p.Arguments = append(p.Arguments, a)
	default:
		return fmt.Errorf("unknown key %q; allowed: names, tested, evidence, limits, argument", key)
	}
	if again {
		return fmt.Errorf("%s is already specified: %s", key, value)
	}
	return nil
}

// complete looks for what is missing in the header.
func (p *Preset) complete() error {
	for _, name := range p.Names {
		if !presetName.MatchString(name) {
			return fmt.Errorf("name %q: want small letters, digits and hyphens between them", name)
		}
	}
	switch {
	case len(p.Names) == 0:
		return errors.New("no names")
	case p.Tested == "":
		return errors.New("no tested: say which version the evidence is about")
	case !slices.Contains(evidences, p.Evidence):
		return fmt.Errorf("evidence %q: want %s", p.Evidence, strings.Join(evidences, ", "))
	case len(p.Limits) == 0:
		return errors.New("no limits: say what is not covered, or `none known`")
	}
	return nil
}

// checkBody compares the arguments of the header with those of the directive.
func (p *Preset) checkBody() error {
	if len(p.words) == 0 || p.words[0].text != "lockout" {
		return errors.New("behind the header: want the directive lockout")
	}
	used := make(map[string]bool)
	for i := range p.words {
		w := &p.words[i]
		for _, m := range reference.FindAllStringSubmatch(w.text, -1) {
			switch {
			case p.Argument(m[1]) != nil:
				used[m[1]] = true
			case w.quote == 0:
				return fmt.Errorf("line %d: %s is no argument of the header", w.line, m[0])
			}
		}
	}
	for _, a := range p.Arguments {
		if !used[a.Name] {
			return fmt.Errorf("argument %s is not used", a.Name)
		}
		a.prefix = a.Name == "base_path" || a.kind() == "path" && regexp.MustCompile("<"+a.Name+">/[\\w(]").MatchString(p.text)
		a.segment = strings.Contains(p.text, "/<"+a.Name+">")
		for _, value := range a.Default {
			if err := a.Check(value); err != nil {
				return fmt.Errorf("the default of argument %s: %w", a.Name, err)
			}
		}
	}
	_, err := p.Expand(nil)
	return err
}
