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
//		oidc <issuer> {
//			audience           <name...>
//			roles_claim        <claim>
//			roles              <role...>
//			organization_claim <claim>
//			org                <name>
//			clock_skew         <duration>
//			name               <text>
//		}
//		caddy_auth {
//			user <id> {
//				roles <role...>
//				org   <name>
//			}
//			roles <role...>
//			org   <name>
//		}
//		organizations <name...>
//		cors <origin...>
//		insecure_no_auth
//	}
//
// token, oidc and user may be repeated.
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
			issuer, err := parseIssuer(d)
			api.OIDC = append(api.OIDC, issuer)
			return err
		}},
		{name: "caddy_auth", read: func(d *caddyfile.Dispenser) (err error) {
			api.CaddyAuth, err = parseCaddyAuth(d)
			return err
		}},
	})
	if err != nil {
		return nil, err
	}
	access := len(api.Tokens) > 0 || len(api.OIDC) > 0 || api.CaddyAuth != nil
	switch {
	case !access && !api.InsecureNoAuth:
		return nil, directive.Errf("%s: no token, oidc or caddy_auth: nobody could use the API; write insecure_no_auth to let everybody do everything", apiName)
	case access && api.InsecureNoAuth:
		return nil, directive.Errf("%s: a token, oidc or caddy_auth protects nothing beside insecure_no_auth, remove one of the two", apiName)
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
		{name: "roles", read: roles(&t.Roles)},
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
