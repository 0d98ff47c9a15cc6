// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-lockout/caddy-lockout/module"
)

// factorNames are the factors that a failure can be about.
var factorNames = append([]string{"password"}, otpFactors...)

// kindOTP is the kind of a step whose factor a field names.
const kindOTP = "otp"

// parseFactor reads the field that names the factor, and what its values mean.
func parseFactor(d *caddyfile.Dispenser) (*module.FactorField, error) {
	option := place(d)
	if !d.NextArg() {
		return nil, wrongCount(option, 0, "field <name>")
	}
	if err := checkWord(d, "factor", []string{"field"}, nil); err != nil {
		return nil, err
	}
	if !d.NextArg() || d.Val() == "" {
		return nil, d.Errf("factor: field needs a name")
	}
	f := &module.FactorField{Name: d.Val(), Values: make(map[string]string)}
	if err := (module.Source{From: "field", Name: f.Name}).Validate(); err != nil {
		return nil, d.Errf("factor: %v", err)
	}
	if d.NextArg() {
		return nil, d.Errf("factor: unexpected %q before the block", d.Val())
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		value := d.Val()
		if value == "" {
			return nil, d.Errf("factor: a value is empty")
		}
		if _, again := f.Values[value]; again {
			return nil, d.Errf("factor: %q is given twice", value)
		}
		var name string
		if err := word(&name, otpFactors)(d); err != nil {
			return nil, err
		}
		f.Values[value] = name
	}
	if len(f.Values) == 0 {
		return nil, option.Errf("factor: no value: open a block with lines `<value> <factor>`")
	}
	return f, nil
}
