// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// compileSharedKey checks what shared_key needs: one key of the request, beside a
// name and a secret.
func (s *Step) compileSharedKey(out *step) error {
	out.sharedKey = s.SharedKey
	if s.SharedKey && (!out.takesSecret() || out.bound || s.User.From == fromBasic || len(out.requestKeys) != 1) {
		return errors.New("checking shared_key: it is for a step that reads a name and a secret, with one bind of the request")
	}
	return nil
}

// leadShared lets the key stand for whom the attempt names, and the attempt for
// everybody whom the key stands for: the service may have got another name under
// it, and look at that one.
func (a *attempt) leadShared(ctx context.Context) error {
	keys := a.keysOfRequest()
	if len(keys) == 0 {
		return credentials.Refuse(credentials.ReasonUnknownKey, "the request names a user without the key that may stand for another")
	}
	if err := a.bind(ctx, keys); err != nil {
		return err
	}
	a.login.key = keys[0].key
	found, err := a.backend.bindings.Find(ctx, a.handler.Organization, a.login.key)
	if err != nil {
		return refuseKey(err)
	}
	for _, s := range found.Subjects {
		if s != a.login.subject {
			a.claims = append(a.claims, claimFor(s))
		}
	}
	return nil
}
