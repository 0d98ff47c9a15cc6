// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"math"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-lockout/caddy-lockout/module"
)

// parseUse reads what stands between the directive and its block: the name of a
// preset or nothing, and before it nothing or the matcher `*`, which means the
// same.
func parseUse(d *caddyfile.Dispenser) (*presetUse, error) {
	if !d.NextArg() || d.Val() == "*" && !d.NextArg() {
		return nil, nil
	}
	if v := d.Val(); strings.HasPrefix(v, "/") || strings.HasPrefix(v, "@") {
		return nil, d.Errf("%s takes no matcher, got %q: it must see every request of the site, because Caddy's matchers miss "+
			"spellings of a path such as /login/ and /login%%2f and would let them through uncounted; "+
			"name the paths with match inside the step", name, v)
	}
	use, err := findPreset(d)
	if err == nil && d.NextArg() {
		err = d.Errf("%s: unexpected %q behind the preset", name, d.Val())
	}
	return use, err
}

// parseHandler reads the block of a site's directive, and the preset that the
// directive names, which needs no block.
func parseHandler(d *caddyfile.Dispenser, use *presetUse) (*module.Handler, error) {
	h := new(module.Handler)
	directive := place(d)
	if hasBlock := d.Next(); hasBlock || use == nil {
		if hasBlock {
			d.Prev()
		}
		if err := parseBlock(d, h, use); err != nil {
			return nil, err
		}
	}
	if use != nil {
		if err := use.addTo(h); err != nil {
			return nil, err
		}
	}
	if len(h.Steps) == 0 {
		return nil, directive.Errf("%s: no step: without one nothing is counted", name)
	}
	return h, finish(d, name)
}

// parseBlock reads the block behind the current token into h.
func parseBlock(d *caddyfile.Dispenser, h *module.Handler, use *presetUse) error {
	return readBlock(d, name, []option{
		{name: "step", many: true, read: func(d *caddyfile.Dispenser) error {
			step, err := parseStep(d)
			h.Steps = append(h.Steps, step)
			return err
		}},
		{name: "guard", many: true, read: func(d *caddyfile.Dispenser) error { return parseGuard(d, h) }},
		{name: "pass", many: true, read: func(d *caddyfile.Dispenser) error {
			rule, err := parseRule(d)
			h.Pass = append(h.Pass, rule)
			return err
		}},
		{name: "deny", many: true, read: func(d *caddyfile.Dispenser) error {
			rule, err := parseRule(d)
			h.Deny = append(h.Deny, rule)
			return err
		}},
		{name: "org", read: text(&h.Organization)},
		{name: "names", read: func(d *caddyfile.Dispenser) (err error) {
			h.Names, err = parseNames(d)
			return err
		}},
		{name: "on_locked", read: func(d *caddyfile.Dispenser) (err error) {
			h.OnLocked, err = use.parseOnLocked(d)
			return err
		}},
		{name: "deny_delay", read: duration(&h.DenyDelay)},
		{name: "queue", read: func(d *caddyfile.Dispenser) (err error) {
			h.Queue, err = parseQueue(d)
			return err
		}},
		{name: "max_body", read: size(&h.MaxBody)},
		{name: "argument", many: true, read: use.parseArgument},
	})
}

// parseGuard reads paths, or a regular expression behind the word path_regexp.
// Mistakes in one are reported here, where they stand.
func parseGuard(d *caddyfile.Dispenser, h *module.Handler) error {
	option := place(d)
	line := d.RemainingArgsAsTokens()
	if len(line) == 0 || line[0].Text != "path_regexp" {
		inner := caddyfile.NewDispenser(append([]caddyfile.Token{option.Token()}, line...))
		inner.Next()
		paths, err := list(inner, "<path...>", checkPath)
		h.Guard = append(h.Guard, paths...)
		return err
	}
	if len(line) != 2 {
		return wrongCount(option, len(line)-1, "<regexp>")
	}
	if err := (&module.Match{PathRegexp: []string{line[1].Text}}).Validate(); err != nil {
		return option.Errf("guard: %v", err)
	}
	h.GuardRegexp = append(h.GuardRegexp, line[1].Text)
	return nil
}

func parseQueue(d *caddyfile.Dispenser) (*module.Queue, error) {
	args, err := arguments(d, "<size>", "<duration>")
	if err != nil {
		return nil, err
	}
	n, err := parseNumber(d, "queue", args[0], 1, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	wait, err := parseDuration(d, "queue", args[1])
	return &module.Queue{Size: int(n), Wait: wait}, err
}
