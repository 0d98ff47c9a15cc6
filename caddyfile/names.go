// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-lockout/caddy-lockout/module"
)

// parseNames reads which user names are one.
func parseNames(d *caddyfile.Dispenser) (*module.Names, error) {
	n := new(module.Names)
	return n, readBlock(d, "names", []option{
		{name: "keep_case", read: given(&n.KeepCase)},
		{name: "ignore_accents", read: given(&n.IgnoreAccents)},
		{name: "strip_domain", read: func(d *caddyfile.Dispenser) (err error) {
			n.StripDomain, err = list(d, "<domain...>", checkDomain)
			return err
		}},
		{name: "strip_plus_tags", read: given(&n.StripPlusTags)},
		{name: "underscore_is_blank", read: given(&n.UnderscoreIsBlank)},
		{name: "strip_trailing_dots", read: given(&n.StripTrailingDots)},
		{name: "keep_forms", read: given(&n.KeepForms)},
		{name: "upper_first", read: given(&n.UpperFirst)},
		{name: "alias", many: true, read: func(d *caddyfile.Dispenser) error { return parseAlias(d, n) }},
		{name: "alias_file", read: text(&n.AliasFile)},
	})
}

func checkDomain(d *caddyfile.Dispenser) error {
	if v := d.Val(); strings.TrimSpace(v) == "" || strings.ContainsAny(v, `\@`) {
		return d.Errf("strip_domain %q: want a domain such as CORP or example.com, or *", v)
	}
	return nil
}

func parseAlias(d *caddyfile.Dispenser, n *module.Names) error {
	here := place(d)
	args, err := arguments(d, "<alias>", "<name>")
	if err != nil {
		return err
	}
	if _, again := n.Aliases[args[0]]; again {
		return here.Errf("alias: %q is given twice", args[0])
	}
	if n.Aliases == nil {
		n.Aliases = make(map[string]string)
	}
	n.Aliases[args[0]] = args[1]
	return nil
}

// parseOrganization reads what is special to an organization.
func parseOrganization(d *caddyfile.Dispenser, app *module.App) error {
	here := place(d)
	if !d.NextArg() || strings.TrimSpace(d.Val()) == "" {
		return here.Errf("organization: want an id, and a block behind it")
	}
	id := d.Val()
	if _, again := app.Organizations[id]; again {
		return here.Errf("organization: %q is given twice", id)
	}
	o := new(module.Organization)
	if app.Organizations == nil {
		app.Organizations = make(map[string]*module.Organization)
	}
	app.Organizations[id] = o
	return readBlock(d, "organization", []option{
		{name: "names", read: func(d *caddyfile.Dispenser) (err error) {
			o.Names, err = parseNames(d)
			return err
		}},
	})
}
