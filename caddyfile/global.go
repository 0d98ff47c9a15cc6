// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-lockout/caddy-lockout/module"
)

// parseApp reads the global option, whose name is the current token.
func parseApp(d *caddyfile.Dispenser) (*module.App, error) {
	app := new(module.App)
	var mode string // enforce is the only one so far, so there is nothing to configure
	err := readBlock(d, name, []option{
		{name: "redis", read: func(d *caddyfile.Dispenser) (err error) {
			app.Redis, err = parseRedis(d)
			return err
		}},
		{name: "instance", read: text(&app.Instance)},
		{name: "default_policy", read: func(d *caddyfile.Dispenser) (err error) {
			app.DefaultPolicy, err = parseDefaultPolicy(d)
			return err
		}},
		{name: "on_store_error", read: word(&app.OnStoreError, []string{"closed", "open", "local"})},
		{name: "deny_cache", read: durationOrOff(&app.DenyCache)},
		{name: "attempt_timeout", read: duration(&app.AttemptTimeout)},
		{name: "reservation_ttl", read: duration(&app.ReservationTTL)},
		{name: "counter_ttl", read: duration(&app.CounterTTL)},
		{name: "names", read: func(d *caddyfile.Dispenser) (err error) {
			app.Names, err = parseNames(d)
			return err
		}},
		{name: "organization", many: true, read: func(d *caddyfile.Dispenser) error { return parseOrganization(d, app) }},
		{name: "mode", read: word(&mode, []string{"enforce"}, "shadow")},
	})
	if err != nil {
		return nil, err
	}
	return app, finish(d, name)
}

func parseDefaultPolicy(d *caddyfile.Dispenser) (*module.DefaultPolicy, error) {
	p := new(module.DefaultPolicy)
	return p, readBlock(d, "default_policy", []option{
		{name: "max_password_attempts", read: limit(&p.MaxPasswordAttempts)},
		{name: "max_otp_attempts", read: limit(&p.MaxOTPAttempts)},
	})
}
