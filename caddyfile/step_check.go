// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-lockout/caddy-lockout/module"
)

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
