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

// checkStep looks for what is missing or does not go together.
func checkStep(start *caddyfile.Dispenser, s *module.Step) error {
	basic := s.User.From == fromBasic
	switch {
	case s.Kind == kindOTP && s.Factor == nil:
		return start.Errf("step otp: no factor: add `factor field <name>` with a block that says which value is which factor")
	case s.Kind != kindOTP && s.Factor != nil:
		return start.Errf("step %s: it counts this factor: remove factor, or write `step otp`", s.Kind)
	case basic && s.Kind != "password":
		return start.Errf("step %s: `user basic` holds a password: write `step password`", s.Kind)
	case s.User.From == "":
		return start.Errf("step: no user: add `user field <name>` or `user basic`")
	case basic && s.Secret.From != "":
		return start.Errf("step: `user basic` holds the secret as well: remove secret")
	case basic && s.Accept != nil:
		return start.Errf("step: `user basic` reads no body: remove accept")
	case basic && (len(s.Bind) > 0 || s.Identity != nil):
		return start.Errf("step: `user basic` names the user with every request: remove bind and identity")
	case s.SameName && (s.Identity == nil || s.User.Bound):
		return start.Errf("step: same_name compares identity with the name of the request: add identity, or remove it from a step with `user bind`")
	case s.SharedKey && (s.User.Bound || basic || s.Kind == kindIdentify || s.Kind == kindReset || !bindsRequest(s)):
		return start.Errf("step %s: shared_key is for a step that reads a name and a secret: add one `bind` of the request, as in `bind query <name>`, or remove it", s.Kind)
	case s.User.Bound && (s.UserPattern != "" || s.ForwardNormalized):
		return start.Errf("step: the user is bound to a key and no name is read: remove user_pattern and forward_normalized")
	case s.User.Bound && s.Organization != "":
		return start.Errf("step: the user is bound to a key, which keeps the organization of whom it stands for: remove org")
	case basic && (s.Decode != "" || s.CanonicalForward != nil || s.ForwardNormalized):
		return start.Errf("step: `user basic` reads no body: remove decode, canonical_forward and forward_normalized")
	case s.Kind != kindReset && s.User.From == fromCookieRegexp:
		return start.Errf("step %s: a cookie that nobody has verified names no user: `user cookie_regexp` is for `step reset`", s.Kind)
	case s.Kind == kindIdentify:
		return checkIdentify(start, s)
	case s.Kind == kindReset:
		return checkReset(start, s)
	case s.User.Claim != "" && (s.UserPattern != "" || s.ForwardNormalized):
		return start.Errf("step: the user is a claim of a token: remove user_pattern and forward_normalized")
	case s.SameRequest != nil && s.Kind != "password":
		return start.Errf("step: same_request stands beside a password: remove it")
	case basic && s.SameRequest != nil && !besideBasic(s.SameRequest.Secret):
		return start.Errf("step: `user basic` reads neither body nor query: write same_request with header or cookie")
	case s.Secret.From == fromUnread && !s.User.Bound:
		return start.Errf("step %s: nobody reads the secret, so only a key can say who is meant: write `user bind <place>`", s.Kind)
	case !basic && s.Secret.From == "":
		return start.Errf("step: no secret: add `secret field <name>`")
	case !basic && len(s.Match.Path) == 0 && len(s.Match.PathRegexp) == 0:
		return start.Errf("step: no path: add `match path <path...>` with the paths that take the form or JSON body")
	}
	if len(s.Match.Except)+len(s.Match.ExceptRegexp) > 0 {
		return start.Errf("step: except is for deny alone: remove it")
	}
	if err := s.Match.Validate(); err != nil && len(s.Match.PathRegexp)+len(s.Match.Header)+len(s.Match.Query)+len(s.Match.Field)+len(s.Match.Has) > 0 {
		return start.Errf("step: %v", err)
	}
	return checkOutcomes(start, s)
}

// besideBasic reports whether a code can be read beside HTTP Basic.
func besideBasic(s module.Source) bool {
	return !slices.ContainsFunc(append(slices.Clone(s.Or), s), func(one module.Source) bool { return one.From != "header" && one.From != "cookie" })
}

// checkOutcomes looks for an outcome that forgives, and for factors that the
// step does not have.
func checkOutcomes(start *caddyfile.Dispenser, s *module.Step) error {
	for _, o := range s.Outcomes {
		if o.Factor != "" && (s.SameRequest == nil || o.Factor != s.Kind && o.Factor != s.SameRequest.Factor) {
			return start.Errf("step: failure %s: the step does not have this factor beside another, see same_request", o.Factor)
		}
	}
	for _, o := range s.Outcomes {
		if o.Verdict == "success" || o.Verdict == "pending" || o.Verdict == "neutral" {
			return nil
		}
	}
	return start.Errf("step: no success: say with `success <condition>` which answers mean that the secret was right")
}

// parseMatch reads a match line or block into m, which may have been filled in
// part by an earlier one.
func parseMatch(d *caddyfile.Dispenser, m *module.Match) error {
	options := matchOptions(m)
	if !d.NextArg() {
		return readBlock(d, "match", options)
	}
	i := slices.IndexFunc(options, func(o option) bool { return o.name == d.Val() })
	if i < 0 {
		return d.Errf("match: unknown %q; allowed: %s", d.Val(), names(options))
	}
	return options[i].read(d)
}

func matchOptions(m *module.Match) []option {
	return []option{
		{name: "method", read: func(d *caddyfile.Dispenser) error {
			return parseMatchList(d, &m.Method, "<method...>", checkMethod)
		}},
		{name: "path", read: func(d *caddyfile.Dispenser) error {
			return parseMatchList(d, &m.Path, "<path...>", checkPath)
		}},
		{name: "path_regexp", many: true, read: func(d *caddyfile.Dispenser) error {
			args, err := arguments(d, "<regexp>")
			m.PathRegexp = append(m.PathRegexp, args...)
			return err
		}},
		{name: "except", read: func(d *caddyfile.Dispenser) error {
			return parseMatchList(d, &m.Except, "<path...>", checkPath)
		}},
		{name: "except_regexp", many: true, read: func(d *caddyfile.Dispenser) error {
			args, err := arguments(d, "<regexp>")
			m.ExceptRegexp = append(m.ExceptRegexp, args...)
			return err
		}},
		{name: "header", many: true, read: func(d *caddyfile.Dispenser) error {
			args, err := arguments(d, "<field>", "<value>")
			if err == nil {
				m.Header = append(m.Header, &module.NamedPattern{Name: args[0], Value: args[1]})
			}
			return err
		}},
		{name: "query", many: true, read: func(d *caddyfile.Dispenser) error { return parseValues(d, &m.Query) }},
		{name: "field", many: true, read: func(d *caddyfile.Dispenser) error { return parseValues(d, &m.Field) }},
		{name: "has", many: true, read: func(d *caddyfile.Dispenser) error {
			args, err := list(d, "<name...>", func(*caddyfile.Dispenser) error { return nil })
			m.Has = append(m.Has, args...)
			return err
		}},
	}
}

// parseValues reads a name and the values that may stand for it.
func parseValues(d *caddyfile.Dispenser, into *[]*module.FieldPattern) error {
	field := place(d)
	args := d.RemainingArgs()
	if len(args) < 2 {
		return wrongCount(field, len(args), "<name> <value...>")
	}
	*into = append(*into, &module.FieldPattern{Name: args[0], Values: args[1:]})
	return nil
}

// parseRule reads a pass or deny rule, whose name is the current token.
func parseRule(d *caddyfile.Dispenser) (*module.Match, error) {
	rule, m := place(d), new(module.Match)
	err := readBlock(d, rule.Val(), []option{
		{name: "match", many: true, read: func(d *caddyfile.Dispenser) error { return parseMatch(d, m) }},
		{name: "no_secret", read: given(&m.NoSecret)},
	})
	if err != nil {
		return nil, err
	}
	if m.NoSecret && rule.Val() != "pass" {
		return nil, rule.Errf("%s: no_secret is for pass rules", rule.Val())
	}
	if err := m.Validate(); err != nil {
		return nil, rule.Errf("%s: %v", rule.Val(), err)
	}
	if rule.Val() != "deny" && len(m.Except)+len(m.ExceptRegexp) > 0 {
		return nil, rule.Errf("%s: except is for deny alone: remove it", rule.Val())
	}
	return m, nil
}

func parseMatchList(d *caddyfile.Dispenser, into *[]string, wanted string, check func(*caddyfile.Dispenser) error) (err error) {
	if *into != nil {
		return d.Errf("match: %q is already specified: name all in one line", d.Val())
	}
	*into, err = list(d, wanted, check)
	return err
}

func checkMethod(d *caddyfile.Dispenser) error {
	if v := d.Val(); v == "" || strings.Trim(v, "-_ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return d.Errf("method %q: want a method in capitals such as POST", v)
	}
	return nil
}

func checkPath(d *caddyfile.Dispenser) error {
	v := d.Val()
	if !strings.HasPrefix(v, "/") || strings.Contains(strings.TrimSuffix(v, "*"), "*") {
		return d.Errf("path %q: want a path that begins with / and has a * at most at its end", v)
	}
	return nil
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
