// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-lockout/caddy-lockout/module"
)

// The operators between conditions.
const (
	and = "&"
	or  = "|"
)

// parseOutcome reads a line of conditions; the verdict is the current token.
func parseOutcome(d *caddyfile.Dispenser) (*module.Outcome, error) {
	verdict := place(d)
	out := &module.Outcome{Verdict: verdict.Val()}
	var words []caddyfile.Token
	alternative := []*module.Condition(nil)
	line := d.RemainingArgsAsTokens()
	if len(line) > 0 && out.Verdict == "failure" && slices.Contains(factorNames, line[0].Text) {
		out.Factor, line = line[0].Text, line[1:]
	}
	for i := 0; i <= len(line); i++ {
		if i < len(line) && !isOperator(line[i]) {
			words = append(words, line[i])
			continue
		}
		if len(words) == 0 {
			return nil, missingCondition(verdict, line, i)
		}
		c, err := parseCondition(words)
		if err != nil {
			return nil, err
		}
		words, alternative = nil, append(alternative, c)
		if i == len(line) || line[i].Text == or {
			out.When, alternative = append(out.When, alternative), nil
		}
	}
	return out, nil
}

// missingCondition explains the gap before the word at index i of the line.
func missingCondition(verdict *caddyfile.Dispenser, line []caddyfile.Token, i int) error {
	switch {
	case len(line) == 0:
		return verdict.Errf("%s: no condition; allowed: %s", verdict.Val(), conditionNames)
	case i == 0:
		return verdict.Errf("%s: no condition before %s", verdict.Val(), line[0].Text)
	default:
		return verdict.Errf("%s: no condition behind %s", verdict.Val(), line[i-1].Text)
	}
}

func isOperator(t caddyfile.Token) bool {
	return !t.Quoted() && (t.Text == and || t.Text == or)
}

// The conditions, in the order of the errors that list them.
const conditionNames = "status, header, header_regexp, set_cookie, set_cookie_regexp, set_new_cookie, json, body, body_regexp"

// parseCondition reads the words between two operators.
func parseCondition(words []caddyfile.Token) (*module.Condition, error) {
	d := caddyfile.NewDispenser(words)
	d.Next()
	if err := refuseWords(words); err != nil {
		return nil, err
	}
	c, err := conditionOf(d)
	if err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, d.WrapErr(err)
	}
	return c, nil
}

// conditionOf reads a condition, whose kind is the current token.
func conditionOf(d *caddyfile.Dispenser) (*module.Condition, error) {
	kind, args := d.Val(), d.CountRemainingArgs()
	want := "<name>"
	switch kind {
	case "status":
		if want = "<code|class...>"; args > 0 {
			return &module.Condition{Status: d.RemainingArgs()}, nil
		}
	case "header":
		if want = "<field> <value>"; args == 2 {
			return &module.Condition{Header: namedPattern(d)}, nil
		}
	case "header_regexp":
		if want = "<field> <regexp>"; args == 2 {
			return &module.Condition{HeaderRegexp: namedPattern(d)}, nil
		}
	case "set_cookie":
		if args == 1 && d.NextArg() {
			return &module.Condition{SetCookie: d.Val()}, nil
		}
	case "set_cookie_regexp":
		if want = "<regexp>"; args == 1 && d.NextArg() {
			return &module.Condition{SetCookieRegexp: d.Val()}, nil
		}
	case "set_new_cookie":
		if args == 1 && d.NextArg() {
			return &module.Condition{SetNewCookie: d.Val()}, nil
		}
	case "json":
		if want = "<path>[=<value>]; quotes stand around both"; args == 1 && d.NextArg() {
			return jsonCondition(d)
		}
	case "body":
		if want = "<text>; quotes stand around blanks"; args == 1 && d.NextArg() {
			return &module.Condition{Body: d.Val()}, nil
		}
	case "body_regexp":
		if want = "<regexp>"; args == 1 && d.NextArg() {
			return &module.Condition{BodyRegexp: d.Val()}, nil
		}
	default:
		return nil, d.Errf("unknown condition %q; allowed: %s", kind, conditionNames)
	}
	return nil, d.Errf("condition %s: wrong number of arguments: got %d, want %s", kind, args, want)
}

func namedPattern(d *caddyfile.Dispenser) *module.NamedPattern {
	args := d.RemainingArgs()
	return &module.NamedPattern{Name: args[0], Value: args[1]}
}

// jsonCondition reads a path with or without a value; it is the current token.
func jsonCondition(d *caddyfile.Dispenser) (*module.Condition, error) {
	path, value, equals := strings.Cut(d.Val(), "=")
	if !d.Token().Quoted() && strings.ContainsAny(value, "\"`") {
		return nil, d.Errf("condition json %q: put the quotes around path and value together", d.Val())
	}
	if equals && value == "" {
		return nil, d.Errf("condition json %q: no value behind =; without = any value will do but null, false and the empty string", d.Val())
	}
	return &module.Condition{JSON: &module.NamedPattern{Name: path, Value: value}}, nil
}

// refuseWords looks for empty words, and for operators that are part of a word.
// In a regular expression they are common, so there only those at its ends are
// in doubt.
func refuseWords(words []caddyfile.Token) error {
	isRegexp := strings.HasSuffix(words[0].Text, "_regexp")
	for i, w := range words {
		d := caddyfile.NewDispenser(words[i:])
		d.Next()
		in := w.Text
		if in == "" {
			return d.Errf("condition %s: an argument is empty", words[0].Text)
		}
		if isRegexp && i == len(words)-1 {
			in = in[:1] + in[len(in)-1:]
		}
		if !w.Quoted() && strings.ContainsAny(in, and+or) {
			return d.Errf("condition %s: %q: put blanks around & and |, or quotes around a value that holds them", words[0].Text, w.Text)
		}
	}
	return nil
}
