// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"fmt"

	"github.com/caddy-lockout/caddy-lockout/binding"
	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

func compileSetNewCookie(name string) (condition, error) {
	c := condition{kind: conditionSetNewCookie, name: name}
	if err := (credentials.Place{From: credentials.FromCookie, Name: name}).Check(); err != nil || !isToken(name) {
		return c, fmt.Errorf("set_new_cookie %q: write the name of a cookie", name)
	}
	return c, nil
}

// matchesNewCookie tells whether the answer leaves the cookie set to another
// value than the request brought. A service may renew the session of whoever is
// logged in, also beside an answer that says nothing about a secret.
func (c *condition) matchesNewCookie(in *view) bool {
	lines := in.header["Set-Cookie"]
	if in.request == nil || !c.matchesCookie(lines, in.now) {
		return false
	}
	brought, present, refusal := credentials.ReadCookie(in.request, c.name)
	if refusal != nil {
		return false
	}
	if !present {
		return true
	}
	for i, line := range lines {
		ck, ok := readSetCookie(line, in.now)
		if ok && ck.live && ck.name == c.name && !ck.overwritten(lines[i+1:], in.now) && binding.Same(ck.value, brought) {
			return false
		}
	}
	return true
}
