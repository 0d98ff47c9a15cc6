// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-lockout/caddy-lockout/module"
)

// The kinds of steps, and the places where user and secret may stand.
var (
	kinds      = []string{"password", "totp", "otp_sms", "otp_email", "recovery_code", "otp", kindIdentify, kindReset}
	otpFactors = []string{"totp", "otp_sms", "otp_email", "recovery_code"}

	userSources   = []string{"field", "query", "header", "cookie", "path", fromBasic, fromCookieRegexp}
	secretSources = []string{"field", "query", "header", "cookie", fromUnread}
	codeSources   = []string{"field", "query", "header", "cookie"}
	keySources    = []string{"field", "query", "header", "cookie", "path", fromBearer}
	bindSources   = []string{"set_cookie", "json", "location", "cookie", "field", "query", "header", "path"}
)

const (
	fromBasic        = "basic"
	fromCookieRegexp = "cookie_regexp"
	fromUnread       = "unread"
	fromBearer       = "bearer"
	anyJSON          = "any_json"
)

// parseStep reads a step, whose name is the current token.
func parseStep(d *caddyfile.Dispenser) (*module.Step, error) {
	start := place(d)
	if !d.NextArg() {
		return nil, wrongCount(d, 0, "<"+strings.Join(kinds, "|")+">")
	}
	if err := checkWord(d, "step", kinds, nil); err != nil {
		return nil, err
	}
	step := &module.Step{Kind: d.Val()}
	options := []option{
		{name: "factor", read: func(d *caddyfile.Dispenser) (err error) {
			step.Factor, err = parseFactor(d)
			return err
		}},
		{name: "match", many: true, read: func(d *caddyfile.Dispenser) error { return parseMatch(d, &step.Match) }},
		{name: "accept", read: func(d *caddyfile.Dispenser) (err error) {
			step.Accept, err = list(d, "form|json|multipart...", func(d *caddyfile.Dispenser) error {
				return checkWord(d, "accept", []string{"form", "json", "multipart", anyJSON}, nil)
			})
			if err == nil && len(step.Accept) > 1 && slices.Contains(step.Accept, anyJSON) {
				return d.Errf("accept: any_json takes every body for JSON: remove the other types")
			}
			return err
		}},
		{name: "org", read: text(&step.Organization)},
		{name: "user", read: func(d *caddyfile.Dispenser) (err error) {
			step.User, err = parseUser(d)
			return err
		}},
		{name: "secret", read: func(d *caddyfile.Dispenser) (err error) {
			step.Secret, err = parseSource(d, secretSources)
			return err
		}},
		{name: "same_request", read: func(d *caddyfile.Dispenser) (err error) {
			step.SameRequest, err = parseSameRequest(d)
			return err
		}},
		{name: "bind", many: true, read: func(d *caddyfile.Dispenser) error {
			b, err := parseBind(d)
			step.Bind = append(step.Bind, b)
			return err
		}},
		{name: "identity", read: func(d *caddyfile.Dispenser) (err error) {
			step.Identity, err = parseIdentity(d)
			return err
		}},
		{name: "drop_cookies", read: func(d *caddyfile.Dispenser) (err error) {
			step.DropCookies, err = list(d, "<name...>", func(*caddyfile.Dispenser) error { return nil })
			return err
		}},
		{name: "same_name", read: given(&step.SameName)},
		{name: "shared_key", read: given(&step.SharedKey)},
		{name: "decode", read: word(&step.Decode, []string{"gzip"})},
		{name: "user_pattern", read: text(&step.UserPattern)},
		{name: "canonical_forward", read: onOff(&step.CanonicalForward)},
		{name: "forward_normalized", read: given(&step.ForwardNormalized)},
	}
	for _, verdict := range []string{"success", "pending", "failure", "neutral"} {
		options = append(options, option{name: verdict, many: true, read: func(d *caddyfile.Dispenser) error {
			outcome, err := parseOutcome(d)
			step.Outcomes = append(step.Outcomes, outcome)
			return err
		}})
	}
	if err := readBlock(d, "step", options); err != nil {
		return nil, err
	}
	return step, checkStep(start, step)
}

// parseSource reads where a user or a secret stands: a place, and behind |
// others where it may stand instead.
func parseSource(d *caddyfile.Dispenser, allowed []string) (module.Source, error) {
	option := place(d).Val()
	first, err := parsePlace(d, option, allowed)
	for err == nil && d.NextArg() {
		if d.Val() != "|" {
			return first, d.Errf("%s: unexpected %q: separate places with |", option, d.Val())
		}
		if standsAlone(first) {
			return first, d.Errf("%s: %s has no alternatives: write a step for each", option, first.From)
		}
		var other module.Source
		if other, err = parsePlace(d, option, allowed); err == nil && standsAlone(other) {
			return first, d.Errf("%s: %s is no alternative: write a step for each", option, other.From)
		}
		first.Or = append(first.Or, other)
	}
	return first, err
}

// standsAlone reports whether a place has no name.
func standsAlone(s module.Source) bool {
	return s.From == fromBasic || s.From == fromUnread || s.From == fromBearer
}

// parsePlace reads one place, whose kind is the next token.
func parsePlace(d *caddyfile.Dispenser, option string, allowed []string) (module.Source, error) {
	what := place(d)
	if !d.NextArg() {
		return module.Source{}, what.Errf("%s: no place; allowed: %s", option, strings.Join(allowed, ", "))
	}
	if err := checkWord(d, option, allowed, nil); err != nil {
		return module.Source{}, err
	}
	s := module.Source{From: d.Val()}
	if standsAlone(s) {
		return s, nil
	}
	if !d.NextArg() || d.Val() == "|" {
		return s, d.Errf("%s: %s needs a name", option, s.From)
	}
	if s.Name = d.Val(); s.Name == "" {
		return s, d.Errf("%s: the name behind %s is empty", option, s.From)
	}
	if s.From == fromCookieRegexp {
		if !d.NextArg() {
			return s, d.Errf("%s: behind the name of the cookie: want a regular expression with what is the user in parentheses", option)
		}
		s.Pattern = d.Val()
	}
	if err := s.Validate(); err != nil {
		return s, d.Errf("%s: %v", option, err)
	}
	return s, nil
}
