// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// compileBound sets what leads to users and back.
func (s *Step) compileBound(out *step) error {
	out.bound = s.User.Bound
	var err error
	if s.User.From == string(credentials.FromBearer) && !s.User.Bound && s.User.Claim == "" {
		return errors.New("checking user: a bearer token is no name, write bound or a claim of it")
	}
	if err = s.checkCookieRegexp(); err != nil {
		return err
	}
	if out.cut, err = s.User.compileCut(); err != nil {
		return fmt.Errorf("checking user: %w", err)
	}
	if out.bound && (s.UserPattern != "" || s.ForwardNormalized) {
		return errors.New("checking user_pattern and forward_normalized: the step is bound to a key and reads no name, remove them")
	}
	if s.User.Claim != "" {
		path, err := compileJSONPath(s.User.Claim)
		if err != nil || s.Kind == kindIdentify || s.UserPattern != "" || s.ForwardNormalized {
			return fmt.Errorf("checking user: claim %q: write the path of a claim, in a step that is no identify and has neither user_pattern nor forward_normalized", s.User.Claim)
		}
		out.claim = path
	}
	for _, b := range s.Bind {
		if err := b.compile(out); err != nil {
			return err
		}
	}
	return nil
}

// rotated are the places where the answer may set the key of the attempt anew.
func (s *Step) rotated() (names []string) {
	for _, other := range append([]Source{s.User}, s.User.Or...) {
		if s.User.Bound && other.From == string(credentials.FromCookie) {
			names = append(names, other.Name)
		}
	}
	return names
}

// kept returns the cookies that a service may keep when it sets none: under one
// that stands for somebody another user may log in.
func (s *Step) kept() (keys []requestKey) {
	for _, b := range s.Bind {
		place := keyPlace(Source{From: string(credentials.FromCookie), Name: b.Name})
		taken := slices.ContainsFunc(s.Bind, func(o *Binding) bool { return o.From == string(credentials.FromCookie) && o.Name == b.Name })
		if b.From == fromSetCookie && !s.User.Bound && !taken {
			keys = append(keys, requestKey{place: place, ttl: cmp.Or(time.Duration(b.TTL), defaultBindTTL), joins: true})
		}
	}
	return keys
}
