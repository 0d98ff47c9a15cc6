// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-lockout/caddy-lockout/module"
)

// parseIssuer reads an issuer of tokens and its block.
func parseIssuer(d *caddyfile.Dispenser) (*module.APIIssuer, error) {
	line := place(d)
	args, err := arguments(d, "<issuer>")
	if err != nil {
		return nil, err
	}
	o := &module.APIIssuer{Issuer: args[0]}
	err = readBlock(d, "oidc", []option{
		{name: "audience", read: func(d *caddyfile.Dispenser) (err error) {
			o.Audience, err = list(d, "<name...>", notEmpty("audience"))
			return err
		}},
		{name: "roles_claim", read: text(&o.RolesClaim)},
		{name: "roles", read: roles(&o.Roles)},
		{name: "organization_claim", read: text(&o.OrganizationClaim)},
		{name: "org", read: text(&o.Organization)},
		{name: "clock_skew", read: func(d *caddyfile.Dispenser) error {
			o.ClockSkew = new(caddy.Duration)
			return duration(o.ClockSkew)(d)
		}},
		{name: "name", read: text(&o.Name)},
	})
	switch {
	case err != nil:
		return nil, err
	case len(o.Audience) == 0:
		return nil, line.Err("oidc: audience is missing: tokens made for any other service would be taken")
	case len(o.Roles) == 0 && o.RolesClaim == "":
		return nil, line.Err("oidc: roles or roles_claim is missing: without one nobody may do anything")
	case o.Organization != "" && o.OrganizationClaim != "":
		return nil, line.Err("oidc: org and organization_claim contradict each other, remove one of the two")
	}
	return o, nil
}

// parseCaddyAuth reads the block about the users of Caddy's own authentication.
func parseCaddyAuth(d *caddyfile.Dispenser) (*module.APICaddyAuth, error) {
	line := place(d)
	c := new(module.APICaddyAuth)
	err := readBlock(d, "caddy_auth", []option{
		{name: "user", many: true, read: func(d *caddyfile.Dispenser) error { return parseCaddyUser(d, c) }},
		{name: "roles", read: roles(&c.Roles)},
		{name: "org", read: text(&c.Organization)},
	})
	if err != nil {
		return nil, err
	}
	if len(c.Roles) == 0 && len(c.Users) == 0 {
		return nil, line.Err("caddy_auth: roles are missing, or a user: without one nobody may do anything")
	}
	return c, nil
}

func parseCaddyUser(d *caddyfile.Dispenser, c *module.APICaddyAuth) error {
	line := place(d)
	args, err := arguments(d, "<id>")
	if err != nil {
		return err
	}
	if c.Users[args[0]] != nil {
		return line.Errf("user: %q is given twice", args[0])
	}
	user := new(module.APICaddyUser)
	err = readBlock(d, "user", []option{
		{name: "roles", read: roles(&user.Roles)},
		{name: "org", read: text(&user.Organization)},
	})
	if err != nil {
		return err
	}
	if len(user.Roles) == 0 {
		return line.Err("user: roles are missing: without one the user may do nothing")
	}
	if c.Users == nil {
		c.Users = make(map[string]*module.APICaddyUser)
	}
	c.Users[args[0]] = user
	return nil
}

// roles reads the roles of a caller.
func roles(into *[]string) reader {
	return func(d *caddyfile.Dispenser) (err error) {
		*into, err = list(d, "<role...>", checkRole)
		return err
	}
}

func notEmpty(what string) func(*caddyfile.Dispenser) error {
	return func(d *caddyfile.Dispenser) error {
		if strings.TrimSpace(d.Val()) == "" {
			return d.Errf("%s: <name> is empty", what)
		}
		return nil
	}
}

// checkRole tests the form only: which roles have rights is for the API to say.
func checkRole(d *caddyfile.Dispenser) error {
	if d.Val() == "" || strings.Trim(d.Val(), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return d.Errf("roles: %q is no role; want one such as IAM_OWNER or ORG_OWNER", d.Val())
	}
	return nil
}
