// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-lockout/caddy-lockout/module"
	"github.com/caddy-lockout/caddy-lockout/presets"
)

// presetUse is a preset that a directive names, and what is set of it.
type presetUse struct {
	preset    *presets.Preset
	directive *caddyfile.Dispenser // where it stands
	values    map[string][]string
	lines     map[string]int
	onLocked  bool // on_locked preset
}

func findPreset(d *caddyfile.Dispenser) (*presetUse, error) {
	preset, err := presets.Find(d.Val())
	if err != nil {
		return nil, d.Errf("%s: %v", name, err)
	}
	return &presetUse{
		preset: preset, directive: place(d),
		values: make(map[string][]string), lines: make(map[string]int),
	}, nil
}

// parseArgument reads the value of an argument; u is nil without a preset.
func (u *presetUse) parseArgument(d *caddyfile.Dispenser) error {
	option := place(d)
	if u == nil {
		return option.Errf("argument: there is no preset that could have it: write `%s <preset> { ... }`", name)
	}
	if !d.NextArg() {
		return wrongCount(option, 0, "<name> <value...>")
	}
	a := u.preset.Argument(d.Val())
	if a == nil {
		return d.Errf("argument: preset %s has no %q; %s", u.preset.Name(), d.Val(), meanings(u.preset))
	}
	if line, again := u.lines[a.Name]; again {
		return d.Errf("argument: %q is already specified at line %d", a.Name, line)
	}
	u.lines[a.Name] = d.Line()
	if !d.NextArg() {
		return d.Errf("argument %s: no value: %s", a.Name, a.Meaning)
	}
	for more := true; more; more = d.NextArg() {
		if err := a.Check(d.Val()); err != nil {
			return d.Errf("argument %s: %v", a.Name, err)
		}
		if slices.Contains(u.values[a.Name], d.Val()) {
			return d.Errf("argument %s: %q is given twice", a.Name, d.Val())
		}
		u.values[a.Name] = append(u.values[a.Name], d.Val())
	}
	return nil
}

// meanings lists the arguments of a preset for an error.
func meanings(p *presets.Preset) string {
	if len(p.Arguments) == 0 {
		return "it takes no arguments"
	}
	var list []string
	for _, a := range p.Arguments {
		list = append(list, fmt.Sprintf("%s (%s)", a.Name, strings.TrimSuffix(a.Meaning, ".")))
	}
	return "its arguments: " + strings.Join(list, ", ")
}

// expand parses the preset with the values of its arguments, by the grammar that
// the operator's own block is in.
func (u *presetUse) expand() (*module.Handler, error) {
	what := "preset " + u.preset.Name()
	fill := u.preset.Show // without its answer to locked users
	if u.onLocked {
		fill = u.preset.Expand
	}
	text, err := fill(u.values)
	if err != nil {
		return nil, u.directive.Errf("%s: %s: %v", name, what, err)
	}
	tokens, err := caddyfile.Tokenize([]byte(text), what)
	if err != nil {
		return nil, u.directive.Errf("%s: %s: %v", name, what, err)
	}
	d := caddyfile.NewDispenser(tokens)
	d.Next()
	h := new(module.Handler)
	if err := parseBlock(d, h, nil); err != nil {
		return nil, u.directive.Errf("%s: %s does not hold together with these arguments: %v", name, what, err)
	}
	return h, nil
}

// addTo puts the preset in front of what the operator wrote. Steps of the preset
// come first, so that an added step takes only what they leave. What is given
// once is the operator's, if he gives it.
func (u *presetUse) addTo(own *module.Handler) error {
	h, err := u.expand()
	if err != nil {
		return err
	}
	own.Steps = append(h.Steps, own.Steps...)
	own.Pass = append(h.Pass, own.Pass...)
	own.Deny = append(h.Deny, own.Deny...)
	own.Guard = union(h.Guard, own.Guard)
	own.GuardRegexp = union(h.GuardRegexp, own.GuardRegexp)
	switch {
	case own.OnLocked != nil || !u.onLocked:
	case h.OnLocked == nil:
		return u.directive.Errf("%s: preset %s has no answer for on_locked preset: write a status, redirect or respond", name, u.preset.Name())
	default:
		own.OnLocked = h.OnLocked
	}
	if own.Organization == "" {
		own.Organization = h.Organization
	}
	if own.Names == nil {
		own.Names = h.Names
	}
	if own.DenyDelay == 0 {
		own.DenyDelay = h.DenyDelay
	}
	if own.Queue == nil {
		own.Queue = h.Queue
	}
	if own.MaxBody == 0 {
		own.MaxBody = h.MaxBody
	}
	return nil
}

// union returns a with what b has beside it.
func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}

// parseOnLocked reads the answer to a locked user, which may be that of the
// preset.
func (u *presetUse) parseOnLocked(d *caddyfile.Dispenser) (*module.LockedAnswer, error) {
	option := place(d)
	if !nextIs(d, "preset") {
		return parseOnLocked(d)
	}
	if u == nil {
		return nil, option.Errf("on_locked: there is no preset whose answer it could be: write `%s <preset> { ... }`", name)
	}
	u.onLocked = true
	_, err := arguments(d, "preset")
	return nil, err
}

// nextIs looks at the next argument without taking it.
func nextIs(d *caddyfile.Dispenser, text string) bool {
	if !d.NextArg() {
		return false
	}
	defer d.Prev()
	return d.Val() == text
}

// warning tells that nobody has seen the preset at work.
func (u *presetUse) warning() string {
	if u == nil || !u.preset.Experimental() {
		return ""
	}
	return fmt.Sprintf("%s %s at line %d of %s: this preset is experimental: it was written from the %s of %s %s and never tried against it. "+
		"Try a right and a wrong password, and look at `caddy lockout preset show %s`",
		name, u.preset.Name(), u.directive.Line(), u.directive.File(), u.preset.Evidence, u.preset.Service, u.preset.Tested, u.preset.Name())
}
