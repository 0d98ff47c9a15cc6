// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// APIIssuer is an OpenID Connect issuer whose tokens give access. Its keys are
// fetched when the first token comes, so Caddy starts while it is away.
type APIIssuer struct {
	// The URL of the issuer, exactly as its tokens name it. It must be https,
	// or http to a loopback address.
	Issuer string `json:"issuer,omitempty"`

	// What logs call the issuer, in front of the subject of a token. Default:
	// its URL.
	Name string `json:"name,omitempty"`

	// Whom a token must be made for: one of these. At least one is needed.
	Audience []string `json:"audience,omitempty"`

	// The claim that holds the roles: a list, or a text with blanks between.
	// Dots lead into objects, as in `realm_access.roles`. Who may set this
	// claim may do everything.
	RolesClaim string `json:"roles_claim,omitempty"`

	// The roles of a token that lacks roles_claim.
	Roles []string `json:"roles,omitempty"`

	// The claim that holds the organization. A token without it is in none.
	OrganizationClaim string `json:"organization_claim,omitempty"`

	// The organization of every token. Not with organization_claim. Default:
	// `default`.
	Organization string `json:"org,omitempty"`

	// By how much the clocks of issuer and Caddy may differ. Default: 30s.
	ClockSkew *caddy.Duration `json:"clock_skew,omitempty"`

	held bool
}

const (
	defaultClockSkew = 30 * time.Second
	// maxClockSkew is what go-oidc and others take at most.
	maxClockSkew = 5 * time.Minute
)

// issuers keep their keys over reloads.
var issuers = caddy.NewUsagePool()

// pooledIssuer is an issuer in the pool.
type pooledIssuer struct{ *policyapi.Issuer }

// Destruct ends the issuer.
func (i pooledIssuer) Destruct() error {
	i.Close()
	return nil
}

// provision checks the issuer and takes a hold on it, which release gives back.
func (o *APIIssuer) provision(h *API) (*policyapi.OIDC, error) {
	issuer, err := caddy.NewReplacer().ReplaceOrErr(o.Issuer, true, true)
	if err != nil {
		return nil, errors.New("its placeholder resolves to nothing: the file or the variable is missing or empty")
	}
	o.Issuer = issuer
	if o.OrganizationClaim == "" {
		if err := h.checkOrganization(&o.Organization); err != nil {
			return nil, err
		}
	} else if o.Organization != "" {
		return nil, errors.New("org and organization_claim contradict each other, remove one of the two")
	}
	if o.ClockSkew == nil {
		skew := caddy.Duration(defaultClockSkew)
		o.ClockSkew = &skew
	}
	if time.Duration(*o.ClockSkew) > maxClockSkew {
		return nil, errors.New("clock_skew is longer than 5m")
	}
	h.checkRoles(o.Issuer, o.Roles)
	pooled, _, err := issuers.LoadOrNew(o.Issuer, func() (caddy.Destructor, error) {
		i, err := policyapi.NewIssuer(o.Issuer, policyapi.IssuerOptions{Failed: issuerFailed})
		return pooledIssuer{i}, err
	})
	if err != nil {
		return nil, err
	}
	o.held = true
	return policyapi.NewOIDC(pooled.(pooledIssuer).Issuer, policyapi.OIDCOptions{
		Name: o.Name, Audience: o.Audience, RolesClaim: o.RolesClaim, Roles: o.Roles,
		OrganizationClaim: o.OrganizationClaim, Organization: o.Organization, ClockSkew: time.Duration(*o.ClockSkew),
	})
}

func (o *APIIssuer) release() error {
	if !o.held {
		return nil
	}
	o.held = false
	_, err := issuers.Delete(o.Issuer)
	return err
}

// issuerFailed logs with Caddy's logger of the day: an issuer outlives
// configurations.
func issuerFailed(issuer string, err error) {
	backendLog().Error("the keys of a token issuer could not be fetched; those known stay in force", zap.String("issuer", issuer), zap.Error(err))
}
