// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// compileCut returns the expression that cuts the user out of a cookie, or nil.
func (s Source) compileCut() (*regexp.Regexp, error) {
	if s.From != fromCookieRegexp {
		if s.Pattern != "" {
			return nil, fmt.Errorf("pattern: a %s is read as it stands, remove it", s.From)
		}
		return nil, nil
	}
	re, err := compileRegexp("pattern", s.Pattern)
	if err == nil && re.NumSubexp() != 1 {
		err = errors.New("pattern: put what the user is in parentheses, and nothing else; (?:…) is no group")
	}
	return re, err
}

// checkCookieRegexp refuses such a place where it would name the user of an
// attempt: what a client writes into a cookie is believed only of a reset, when
// the login service has accepted it.
func (s *Step) checkCookieRegexp() error {
	for _, one := range append([]Source{s.User, s.Secret}, append(s.User.Or, s.Secret.Or...)...) {
		if one.From == fromCookieRegexp && (s.Kind != kindReset || s.User.From != fromCookieRegexp || len(s.User.Or) > 0 || s.User.Bound || s.User.Claim != "") {
			return errors.New("checking user: a cookie_regexp names the user of a step reset, alone and neither bound nor a claim")
		}
	}
	return nil
}

// cut takes the user out of the value of a cookie.
func cut(value string, pattern *regexp.Regexp) (string, *credentials.Refusal) {
	match := pattern.FindStringSubmatch(value)
	if match == nil || match[1] == "" {
		return "", credentials.Refuse(credentials.ReasonMissingUser, "the cookie names no user")
	}
	return match[1], nil
}
