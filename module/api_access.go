// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// APIToken is a secret that callers present as `Authorization: Bearer <token>`.
type APIToken struct {
	// The secret. Write a placeholder, such as `{file./run/secrets/admin}` or
	// `{env.LOCKOUT_TOKEN}`, to keep it out of the configuration.
	Token string `json:"token,omitempty"`

	// What logs call the holder. Default: `token 1` for the first, and so on.
	Name string `json:"name,omitempty"`

	// What the holder may do, by roles such as `IAM_OWNER` and `ORG_OWNER`.
	// Those that begin with `IAM_` hold in every organization, the others in
	// org alone.
	Roles []string `json:"roles,omitempty"`

	// The organization of the holder: calls act in it unless they name another
	// in the header x-zitadel-orgid. Default: `default`.
	Organization string `json:"org,omitempty"`
}

// goodTokenLength is 128 bits in hexadecimal digits.
const goodTokenLength = 32

// authenticator knows the callers of every kind that is configured. Caddy's
// users come first: whoever has put an authentication in front of the API has
// decided who the caller is.
func (h *API) authenticator() (policyapi.Authenticator, error) {
	if h.InsecureNoAuth {
		return h.everybody()
	}
	if len(h.Tokens) == 0 && len(h.OIDC) == 0 && h.CaddyAuth == nil {
		return nil, errors.New("checking access: there is no token, oidc or caddy_auth, so nobody could use the API; " +
			"configure one, or insecure_no_auth to let everybody do everything")
	}
	var all policyapi.AnyOf
	if h.CaddyAuth != nil {
		if err := h.CaddyAuth.provision(h); err != nil {
			return nil, fmt.Errorf("checking caddy_auth: %w", err)
		}
		all = append(all, h.CaddyAuth)
	}
	tokens, err := h.tokens()
	if err != nil {
		return nil, err
	}
	all = append(all, tokens)
	for i, o := range h.OIDC {
		authenticator, err := o.provision(h)
		if err == nil && slices.ContainsFunc(h.OIDC[:i], func(other *APIIssuer) bool { return other.Issuer == o.Issuer }) {
			err = errors.New("the issuer is configured twice")
		}
		if err != nil {
			return nil, fmt.Errorf("checking oidc %q: %w", o.Issuer, err)
		}
		all = append(all, authenticator)
	}
	return all, nil
}

func (h *API) everybody() (policyapi.Authenticator, error) {
	if len(h.Tokens) > 0 || len(h.OIDC) > 0 || h.CaddyAuth != nil {
		return nil, errors.New("checking access: with insecure_no_auth a token, oidc or caddy_auth would protect nothing, remove one of the two")
	}
	organization := defaultOrganization
	if len(h.Organizations) > 0 && !slices.Contains(h.Organizations, organization) {
		organization = h.Organizations[0]
	}
	h.log.Warn("insecure_no_auth: everybody who reaches the policy API may unlock users and change policies")
	sameOrigin, err := h.trusted()
	return &everybody{Everybody: policyapi.Everybody{Organization: organization}, sameOrigin: sameOrigin}, err
}

// trusted refuses what browsers send for pages of other sites than those that
// cors names.
func (h *API) trusted() (*http.CrossOriginProtection, error) {
	sites := http.NewCrossOriginProtection()
	for _, origin := range h.CORS {
		if err := sites.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("checking cors: %w", err)
		}
	}
	return sites, nil
}

// everybody takes everybody but the pages of other sites: whoever may reach the
// API visits some, and they would act in his name.
type everybody struct {
	policyapi.Everybody
	sameOrigin *http.CrossOriginProtection
}

func (e *everybody) Authenticate(r *http.Request) (policyapi.Caller, error) {
	if err := e.sameOrigin.Check(r); err != nil {
		return policyapi.Caller{}, fmt.Errorf("%w: a page of another site has sent the request: %w", policyapi.ErrCredentials, err)
	}
	return e.Everybody.Authenticate(r)
}

func (h *API) tokens() (*policyapi.Tokens, error) {
	tokens := new(policyapi.Tokens)
	for i, t := range h.Tokens {
		if t.Name == "" {
			t.Name = fmt.Sprintf("token %d", i+1)
		}
		if slices.ContainsFunc(h.Tokens[:i], func(other *APIToken) bool { return other.Name == t.Name }) {
			return nil, fmt.Errorf("checking tokens: two have the name %q, so logs would not tell who it was", t.Name)
		}
		if err := h.addToken(tokens, t); err != nil {
			return nil, fmt.Errorf("checking %q: %w", t.Name, err)
		}
	}
	return tokens, nil
}

// addToken resolves a token. No error of it may hold the secret: that of a
// placeholder would quote it if a brace in it looked like one.
func (h *API) addToken(tokens *policyapi.Tokens, t *APIToken) error {
	secret, err := caddy.NewReplacer().ReplaceOrErr(t.Token, true, true)
	if err != nil {
		return errors.New("its placeholder resolves to nothing: the file or the variable is missing or empty")
	}
	if err := h.checkOrganization(&t.Organization); err != nil {
		return err
	}
	if len(secret) < goodTokenLength {
		h.log.Warn("a token is short enough to be guessed", zap.String("token", t.Name), zap.Int("want_characters", goodTokenLength))
	}
	if len(t.Roles) == 0 {
		return errors.New("it has no roles, so it may do nothing")
	}
	h.checkRoles(t.Name, t.Roles)
	return tokens.Add(secret, policyapi.Caller{Name: t.Name, Organization: t.Organization, Roles: t.Roles})
}

// checkOrganization sets the default of an organization and checks that it is
// one.
func (h *API) checkOrganization(organization *string) error {
	if *organization == "" {
		*organization = defaultOrganization
	}
	if err := policyapi.CheckOrganization(*organization); err != nil {
		return fmt.Errorf("checking org: %w", err)
	}
	if len(h.Organizations) > 0 && !slices.Contains(h.Organizations, *organization) {
		return fmt.Errorf("its org %q is not among organizations", *organization)
	}
	return nil
}

func (h *API) checkRoles(name string, roles []string) {
	for _, role := range roles {
		if !policyapi.KnownRole(role) {
			h.log.Warn("a role has no rights here", zap.String("role", role), zap.String("token", name))
		}
	}
}
