// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-lockout/caddy-lockout/module"
)

// apiName is the name of the directive that serves the policy API:
//
//	lockout_api [<matcher>] {
//		token <secret> {
//			roles <role...>
//			org   <name>
//			name  <text>
//		}
//		organizations <name...>
//		cors <origin...>
//		insecure_no_auth
//	}
//
// token may be repeated.
const apiName = "lockout_api"

func init() {
	httpcaddyfile.RegisterHandlerDirective(apiName, parseAPIDirective)
	// It answers requests, so it stands where respond does: behind basic_auth
	// and forward_auth, which someone may put in front of it.
	httpcaddyfile.RegisterDirectiveOrder(apiName, httpcaddyfile.Before, "respond")
}

func parseAPIDirective(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	h.Next() // the name of the directive
	return parseAPI(h.Dispenser)
}

// parseAPI reads the block of the directive.
func parseAPI(d *caddyfile.Dispenser) (*module.API, error) {
	api := new(module.API)
	directive := place(d)
	err := readBlock(d, apiName, []option{
		{name: "token", many: true, read: func(d *caddyfile.Dispenser) error {
			token, err := parseAPIToken(d)
			api.Tokens = append(api.Tokens, token)
			return err
		}},
		{name: "organizations", read: func(d *caddyfile.Dispenser) (err error) {
			api.Organizations, err = list(d, "<name...>", notEmpty("organizations"))
			return err
		}},
		{name: "cors", read: func(d *caddyfile.Dispenser) (err error) {
			api.CORS, err = list(d, "<origin...>", checkOrigin)
			return err
		}},
		{name: "insecure_no_auth", read: func(d *caddyfile.Dispenser) error {
			api.InsecureNoAuth = true
			_, err := arguments(d)
			return err
		}},
		{name: "oidc", many: true, read: func(d *caddyfile.Dispenser) error {
			return d.Err("oidc is not supported yet; so far: token")
		}},
	})
	if err != nil {
		return nil, err
	}
	switch {
	case len(api.Tokens) == 0 && !api.InsecureNoAuth:
		return nil, directive.Errf("%s: no token: nobody could use the API; write insecure_no_auth to let everybody do everything", apiName)
	case len(api.Tokens) > 0 && api.InsecureNoAuth:
		return nil, directive.Errf("%s: a token protects nothing beside insecure_no_auth, remove one of the two", apiName)
	}
	return api, finish(d, apiName)
}

// parseAPIToken reads a token and its block. No error of it quotes the token.
func parseAPIToken(d *caddyfile.Dispenser) (*module.APIToken, error) {
	line := place(d)
	args, err := arguments(d, "<secret>")
	if err != nil {
		return nil, err
	}
	t := &module.APIToken{Token: args[0]}
	err = readBlock(d, "token", []option{
		{name: "roles", read: func(d *caddyfile.Dispenser) (err error) {
			t.Roles, err = list(d, "<role...>", checkRole)
			return err
		}},
		{name: "org", read: text(&t.Organization)},
		{name: "name", read: text(&t.Name)},
	})
	if err != nil {
		return nil, err
	}
	if len(t.Roles) == 0 {
		return nil, line.Err("token: roles are missing: without one it may do nothing")
	}
	return t, nil
}

// checkOrigin tells what is not even meant to be an origin; the API checks the
// rest.
func checkOrigin(d *caddyfile.Dispenser) error {
	if d.Val() != "*" && !strings.Contains(d.Val(), "://") {
		return d.Errf("cors: %q is no origin; want one such as https://admin.example.com, or * for all", d.Val())
	}
	return nil
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
