// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-lockout/caddy-lockout/module"
)

// parseMatch reads a match line or block into m, which may have been filled in
// part by an earlier one.
func parseMatch(d *caddyfile.Dispenser, m *module.Match) error {
	options := matchOptions(m)
	if !d.NextArg() {
		return readBlock(d, "match", options)
	}
	i := slices.IndexFunc(options, func(o option) bool { return o.name == d.Val() })
	if i < 0 {
		return d.Errf("match: unknown %q; allowed: %s", d.Val(), names(options))
	}
	return options[i].read(d)
}

func matchOptions(m *module.Match) []option {
	return []option{
		{name: "method", read: func(d *caddyfile.Dispenser) error {
			return parseMatchList(d, &m.Method, "<method...>", checkMethod)
		}},
		{name: "path", read: func(d *caddyfile.Dispenser) error {
			return parseMatchList(d, &m.Path, "<path...>", checkPath)
		}},
		{name: "path_regexp", many: true, read: func(d *caddyfile.Dispenser) error {
			args, err := arguments(d, "<regexp>")
			m.PathRegexp = append(m.PathRegexp, args...)
			return err
		}},
		{name: "except", read: func(d *caddyfile.Dispenser) error {
			return parseMatchList(d, &m.Except, "<path...>", checkPath)
		}},
		{name: "except_regexp", many: true, read: func(d *caddyfile.Dispenser) error {
			args, err := arguments(d, "<regexp>")
			m.ExceptRegexp = append(m.ExceptRegexp, args...)
			return err
		}},
		{name: "header", many: true, read: func(d *caddyfile.Dispenser) error {
			args, err := arguments(d, "<field>", "<value>")
			if err == nil {
				m.Header = append(m.Header, &module.NamedPattern{Name: args[0], Value: args[1]})
			}
			return err
		}},
		{name: "query", many: true, read: func(d *caddyfile.Dispenser) error { return parseValues(d, &m.Query) }},
		{name: "field", many: true, read: func(d *caddyfile.Dispenser) error { return parseValues(d, &m.Field) }},
		{name: "has", many: true, read: func(d *caddyfile.Dispenser) error {
			args, err := list(d, "<name...>", func(*caddyfile.Dispenser) error { return nil })
			m.Has = append(m.Has, args...)
			return err
		}},
	}
}

// parseValues reads a name and the values that may stand for it.
func parseValues(d *caddyfile.Dispenser, into *[]*module.FieldPattern) error {
	field := place(d)
	args := d.RemainingArgs()
	if len(args) < 2 {
		return wrongCount(field, len(args), "<name> <value...>")
	}
	*into = append(*into, &module.FieldPattern{Name: args[0], Values: args[1:]})
	return nil
}

// parseRule reads a pass or deny rule, whose name is the current token.
func parseRule(d *caddyfile.Dispenser) (*module.Match, error) {
	rule, m := place(d), new(module.Match)
	err := readBlock(d, rule.Val(), []option{
		{name: "match", many: true, read: func(d *caddyfile.Dispenser) error { return parseMatch(d, m) }},
		{name: "no_secret", read: given(&m.NoSecret)},
	})
	if err != nil {
		return nil, err
	}
	if m.NoSecret && rule.Val() != "pass" {
		return nil, rule.Errf("%s: no_secret is for pass rules", rule.Val())
	}
	if err := m.Validate(); err != nil {
		return nil, rule.Errf("%s: %v", rule.Val(), err)
	}
	if rule.Val() != "deny" && len(m.Except)+len(m.ExceptRegexp) > 0 {
		return nil, rule.Errf("%s: except is for deny alone: remove it", rule.Val())
	}
	return m, nil
}

func parseMatchList(d *caddyfile.Dispenser, into *[]string, wanted string, check func(*caddyfile.Dispenser) error) (err error) {
	if *into != nil {
		return d.Errf("match: %q is already specified: name all in one line", d.Val())
	}
	*into, err = list(d, wanted, check)
	return err
}

func checkMethod(d *caddyfile.Dispenser) error {
	if v := d.Val(); v == "" || strings.Trim(v, "-_ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return d.Errf("method %q: want a method in capitals such as POST", v)
	}
	return nil
}

func checkPath(d *caddyfile.Dispenser) error {
	v := d.Val()
	if !strings.HasPrefix(v, "/") || strings.Contains(strings.TrimSuffix(v, "*"), "*") {
		return d.Errf("path %q: want a path that begins with / and has a * at most at its end", v)
	}
	return nil
}
