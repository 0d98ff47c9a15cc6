// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-lockout/caddy-lockout/module"
)

// The kinds of steps that take no secret.
const (
	kindIdentify = "identify"
	kindReset    = "reset"
)

// identitySources are the places in an answer that names the account.
var identitySources = []string{"json", "header", "set_cookie", "set_cookie_regexp"}

// bindsRequest reports whether the step has one key, and that of the request.
func bindsRequest(s *module.Step) bool {
	return len(s.Bind) == 1 && slices.Contains(keySources, s.Bind[0].From)
}

// parseUser reads where the user stands: a name, behind `bind` a key that leads
// to one, or behind `jwt` a claim of a token.
func parseUser(d *caddyfile.Dispenser) (module.Source, error) {
	option := place(d)
	line := d.RemainingArgsAsTokens()
	bound := len(line) > 0 && line[0].Text == "bind"
	claim := ""
	switch {
	case bound:
		line = line[1:]
	case len(line) > 0 && line[0].Text == "jwt":
		if len(line) < 2 || line[1].Text == "" {
			return module.Source{}, option.Errf("user: jwt needs a claim, as in `user jwt email field token`")
		}
		claim, line = line[1].Text, line[2:]
	}
	inner := caddyfile.NewDispenser(append([]caddyfile.Token{option.Token()}, line...))
	inner.Next()
	allowed := userSources
	if bound || claim != "" {
		allowed = keySources
	}
	source, err := parseSource(inner, allowed)
	source.Bound, source.Claim = bound, claim
	return source, err
}

// parseSameRequest reads a code that stands beside the password.
func parseSameRequest(d *caddyfile.Dispenser) (*module.SecondSecret, error) {
	option := place(d)
	if !d.NextArg() {
		return nil, wrongCount(option, 0, "<factor> <place> <name>")
	}
	if err := checkWord(d, "same_request", otpFactors, nil); err != nil {
		return nil, err
	}
	s := &module.SecondSecret{Factor: d.Val()}
	var err error
	s.Secret, err = parseSource(d, codeSources)
	return s, err
}

// parseBind reads a key that later steps are led back by.
func parseBind(d *caddyfile.Dispenser) (*module.Binding, error) {
	option := place(d)
	args := d.RemainingArgs()
	if len(args) < 2 || len(args) > 3 {
		return nil, wrongCount(option, len(args), "<place> <name> [<duration>]")
	}
	kind := caddyfile.NewDispenser([]caddyfile.Token{{File: option.File(), Line: option.Line(), Text: args[0]}})
	kind.Next()
	if err := checkWord(kind, "bind", bindSources, nil); err != nil {
		return nil, err
	}
	b := &module.Binding{From: args[0], Name: args[1]}
	if len(args) == 3 {
		var err error
		if b.TTL, err = parseDuration(option, "bind", args[2]); err != nil {
			return nil, err
		}
	}
	if err := b.Validate(); err != nil {
		return nil, option.WrapErr(err)
	}
	return b, nil
}

// parseIdentity reads where a success names the account.
func parseIdentity(d *caddyfile.Dispenser) (*module.Identity, error) {
	option := place(d)
	args := d.RemainingArgs()
	if len(args) < 2 || len(args) > 3 {
		return nil, wrongCount(option, len(args), strings.Join(identitySources, "|")+" <name> [<regexp>]")
	}
	if slices.Contains(args, "") {
		return nil, option.Errf("identity: an argument is empty")
	}
	i := &module.Identity{From: args[0], Name: args[1]}
	if len(args) == 3 {
		i.Pattern = args[2]
	}
	if err := i.Validate(); err != nil {
		return nil, option.Errf("identity: %v", err)
	}
	return i, nil
}

// checkIdentify looks for what is missing or does not go together in a step
// that takes a name alone.
func checkIdentify(start *caddyfile.Dispenser, s *module.Step) error {
	switch {
	case s.Secret.From != "" || len(s.Outcomes) > 0 || s.Identity != nil:
		return start.Errf("step identify: it takes a name and proves nothing: remove secret, outcomes and identity")
	case s.User.Bound:
		return start.Errf("step identify: it reads the name itself: write `user <place>`")
	case s.User.Claim != "":
		return start.Errf("step identify: a token that nobody has verified names no user: write `user <place>`")
	case len(s.Bind) == 0:
		return start.Errf("step identify: no bind: add `bind <place> <name>` with the key that later steps carry")
	case len(s.Match.Path) == 0 && len(s.Match.PathRegexp) == 0:
		return start.Errf("step: no path: add `match path <path...>` with the paths that take the name")
	}
	if err := s.Match.Validate(); err != nil {
		return start.Errf("step: %v", err)
	}
	return nil
}

// checkReset looks for what is missing or does not go together in a step that
// completes a reset.
func checkReset(start *caddyfile.Dispenser, s *module.Step) error {
	switch {
	case s.Secret.From != "" || s.SameRequest != nil || len(s.Bind) > 0:
		return start.Errf("step reset: it counts nothing, and no step follows it: remove secret, same_request and bind")
	case len(s.User.Or) > 0 && slices.ContainsFunc(append(s.User.Or, s.User), func(o module.Source) bool { return o.From == fromCookieRegexp }):
		return start.Errf("step reset: cookie_regexp has no alternatives: write a step for each")
	case s.User.From == fromBasic:
		return start.Errf("step reset: it reads no HTTP Basic: write `user <place>`")
	case s.User.Claim != "" && (s.UserPattern != "" || s.ForwardNormalized):
		return start.Errf("step reset: the user is a claim of a token: remove user_pattern and forward_normalized")
	case len(s.Match.Path) == 0 && len(s.Match.PathRegexp) == 0:
		return start.Errf("step: no path: add `match path <path...>` with the paths that complete a reset")
	}
	if err := s.Match.Validate(); err != nil {
		return start.Errf("step: %v", err)
	}
	return checkOutcomes(start, s)
}
