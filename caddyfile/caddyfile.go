// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package caddyfile turns the Caddyfile into the configuration of package
// module. It is the only place that knows the grammar:
//
//	{
//		lockout {
//			redis {
//				mode       standalone
//				address    <host>:<port>
//				username   <name>
//				password   <text>
//				key_prefix <text>
//				database   <number>
//				timeout    <duration>
//			}
//			instance <name>
//			default_policy {
//				max_password_attempts <number>
//				max_otp_attempts      <number>
//			}
//			on_store_error  closed|open|local
//			deny_cache      <duration>|off
//			attempt_timeout <duration>
//			reservation_ttl <duration>
//			counter_ttl     <duration>
//			names {
//				keep_case
//				ignore_accents
//				strip_domain <domain...>
//				strip_plus_tags
//				underscore_is_blank
//				strip_trailing_dots
//				alias      <alias> <name>
//				alias_file <path>
//			}
//			organization <id> {
//				names {
//					...
//				}
//			}
//			mode            enforce
//		}
//	}
//
//	<site> {
//		lockout [<preset>] {
//			argument <name> <value...>
//			step password {
//				match {
//					method <method...>
//					path   <path...>
//				}
//				match  path_regexp <regexp>
//				match  header <field> <value>
//				match  field <name> <value...>
//				match  has <name...>
//				accept form|json|multipart...|any_json
//				decode gzip
//				user   field|query|header|cookie <name> [| ...]
//				user   path <number> [| ...]
//				user   basic
//				secret field|query|header|cookie <name> [| ...]
//				user_pattern      <regexp>
//				canonical_forward on|off
//				forward_normalized
//				success|pending|failure|neutral <condition> [& <condition>...] [| ...]
//			}
//			guard      <path...>
//			pass {
//				match ...
//			}
//			deny {
//				match ...
//			}
//			org        <name>
//			on_locked  <status>
//			on_locked  preset
//			on_locked  redirect <url> [<status>]
//			on_locked  respond {
//				status <status>
//				header <name> <value>
//				body   <text>
//			}
//			deny_delay <duration>
//			queue      <size> <duration>
//			max_body   <size>
//		}
//	}
//
// What stands in a match block may also stand in lines, and the other way round.
// A condition is one of
//
//	status            <code|class...>
//	header            <field> <value>
//	header_regexp     <field> <regexp>
//	set_cookie        <name>
//	set_cookie_regexp <regexp>
//	json              <path>[=<value>]
//
// Conditions joined by & must all match; | separates alternatives and binds
// weaker. Both stand between blanks; in quotes they are text. organization,
// alias, argument, step, pass, deny, header, field, has, path_regexp and the four verdicts
// may be repeated, everything else is given once. The outcomes of a step are
// tried in written order.
//
// A preset is a file of package presets in the same grammar, which the block adds
// to; argument and on_locked preset need one, and the block may then be missing.
//
// The site directive takes no matcher: Caddy's path matcher misses spellings
// such as /login/ and /login%2f that the login service may take, so the handler
// sees every request of the site and recognises attempts itself.
package caddyfile

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

// name is the name of the app, of the global option and of the directive.
const name = "lockout"

func init() {
	httpcaddyfile.RegisterGlobalOption(name, parseGlobalOption)
	httpcaddyfile.RegisterDirective(name, parseDirective)
	httpcaddyfile.RegisterDirectiveOrder(name, httpcaddyfile.Before, "basic_auth")
}

// parseGlobalOption reads the lockout block among the global options.
func parseGlobalOption(d *caddyfile.Dispenser, existing any) (any, error) {
	d.Next() // the name of the option
	if existing != nil {
		return nil, d.Errf("global option %s is already specified", name)
	}
	app, err := parseApp(d)
	if err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: name, Value: caddyconfig.JSON(app, nil)}, nil
}

// parseDirective reads the lockout block of a site. It is no handler directive
// in Caddy's sense, because Caddy would take the matcher off before we see it.
func parseDirective(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next() // the name of the directive
	line := h.Line()
	use, err := parseUse(h.Dispenser)
	if err != nil {
		return nil, err
	}
	handler, err := parseHandler(h.Dispenser, use)
	if err != nil {
		return nil, err
	}
	if warning := use.warning(); warning != "" {
		caddy.Log().Named("caddyfile").Warn(warning)
	}
	if handler.Organization == "" {
		if warning := sharedOrganization(h, line); warning != "" {
			caddy.Log().Named("caddyfile").Warn(warning) // as Caddy's own parsers do
		}
	}
	return h.NewRoute(nil, handler), nil
}

// sharedOrganization returns a warning when a directive, which begins at line,
// is not the first one that relies on the default organization.
func sharedOrganization(h httpcaddyfile.Helper, line int) string {
	const key = "lockout without org"
	first, again := h.State[key].(int)
	if !again {
		h.State[key] = line
		return ""
	}
	return fmt.Sprintf("%s at lines %d and %d of %s have no org, so users of the same name share their counters: "+
		"give each an org if they are different people", name, first, line, h.File())
}
