// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// APICaddyAuth takes whom Caddy has authenticated, by `basic_auth` or another
// authentication in front of the API: the placeholder `{http.auth.user.id}`. A
// request that another site has sent from a browser is refused, because
// browsers add passwords and cookies by themselves.
type APICaddyAuth struct {
	// What a user may do that users does not name. Default: nothing.
	Roles []string `json:"roles,omitempty"`

	// The organization of such a user. Default: `default`.
	Organization string `json:"org,omitempty"`

	// What users may do, by their id.
	Users map[string]*APICaddyUser `json:"users,omitempty"`

	sameOrigin *http.CrossOriginProtection
}

// APICaddyUser is what one of Caddy's users may do.
type APICaddyUser struct {
	// The roles of the user.
	Roles []string `json:"roles,omitempty"`

	// The organization of the user. Default: `default`.
	Organization string `json:"org,omitempty"`
}

// caddyUser is the placeholder of whom Caddy has authenticated.
const caddyUser = "http.auth.user.id"

func (c *APICaddyAuth) provision(h *API) error {
	if len(c.Roles) == 0 && len(c.Users) == 0 {
		return errors.New("it has neither roles nor users, so nobody may do anything")
	}
	if err := h.checkOrganization(&c.Organization); err != nil {
		return err
	}
	h.checkRoles("caddy_auth", c.Roles)
	for id, user := range c.Users {
		if user == nil || id == "" || len(user.Roles) == 0 {
			return fmt.Errorf("user %q has no id or no roles", id)
		}
		if err := h.checkOrganization(&user.Organization); err != nil {
			return fmt.Errorf("user %q: %w", id, err)
		}
		h.checkRoles(id, user.Roles)
	}
	var err error
	c.sameOrigin, err = h.trusted()
	return err
}

// Authenticate returns the caller whom Caddy has authenticated.
func (c *APICaddyAuth) Authenticate(r *http.Request) (policyapi.Caller, error) {
	replacer, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return policyapi.Caller{}, policyapi.ErrNoCredentials
	}
	id, _ := replacer.GetString(caddyUser)
	if id == "" {
		return policyapi.Caller{}, policyapi.ErrNoCredentials
	}
	if err := c.sameOrigin.Check(r); err != nil {
		return policyapi.Caller{}, fmt.Errorf("%w: another site has sent the request: %w", policyapi.ErrCredentials, err)
	}
	caller := policyapi.Caller{Name: "user " + id, Organization: c.Organization, Roles: slices.Clone(c.Roles)}
	if user := c.Users[id]; user != nil {
		caller.Organization, caller.Roles = user.Organization, slices.Clone(user.Roles)
	}
	return caller, nil
}

// Interface guards
var _ policyapi.Authenticator = (*APICaddyAuth)(nil)
