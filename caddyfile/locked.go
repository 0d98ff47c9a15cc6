// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-lockout/caddy-lockout/module"
)

// parseOnLocked reads the answer to a locked user: a status, a redirect, or the
// answer itself.
func parseOnLocked(d *caddyfile.Dispenser) (*module.LockedAnswer, error) {
	opener := place(d)
	l := new(module.LockedAnswer)
	var err error
	if !d.NextArg() {
		return nil, wrongCount(d, 0, "<status> or redirect <url> [<status>] or respond { ... }")
	}
	switch d.Val() {
	case "redirect":
		err = parseRedirect(d, l)
	case "respond":
		l.Respond = true
		err = readBlock(d, "respond", []option{
			{name: "status", read: number(&l.Status, 200, 499)},
			{name: "header", many: true, read: func(d *caddyfile.Dispenser) error {
				args, err := arguments(d, "<name>", "<value>")
				if err == nil {
					l.Headers = append(l.Headers, &module.NamedPattern{Name: args[0], Value: args[1]})
				}
				return err
			}},
			{name: "body", read: text(&l.Body)},
		})
	default:
		var n uint64
		n, err = parseNumber(d, "on_locked", d.Val(), 400, 499)
		if l.Status = int(n); err == nil && d.NextArg() {
			err = d.Errf("on_locked: unexpected %q behind the status", d.Val())
		}
	}
	if err != nil {
		return nil, err
	}
	if err := l.Validate(); err != nil {
		return nil, opener.Errf("on_locked: %v", err)
	}
	return l, nil
}

func parseRedirect(d *caddyfile.Dispenser, l *module.LockedAnswer) error {
	redirect := place(d)
	args := d.RemainingArgs()
	if len(args) < 1 || len(args) > 2 || args[0] == "" {
		return wrongCount(redirect, len(args), "<url> [<status>]")
	}
	l.Redirect = args[0]
	if len(args) == 1 {
		return nil
	}
	n, err := parseNumber(d, "redirect", args[1], 302, 303)
	l.Status = int(n)
	return err
}
