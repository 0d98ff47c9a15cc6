// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

const (
	// maxToken is larger than a header line that most servers take.
	maxToken = 16 << 10
	// maxSubject is what OpenID Connect allows.
	maxSubject = 255
)

// ErrOIDC reports options of an OIDC that cannot be used.
var ErrOIDC = errors.New("tokens of the issuer are not usable")

// OIDCOptions say which tokens of an issuer are taken and what they stand for.
type OIDCOptions struct {
	// Name is what logs call the issuer, in front of the subject of the token.
	// Default: its URL.
	Name string
	// Audience lists whom a token may be made for: one of them is needed.
	Audience []string
	// RolesClaim is where a token says the roles: a claim, or a path such as
	// realm_access.roles. Its value is a list, or a text with blanks between.
	RolesClaim string
	// Roles are those of a token without RolesClaim.
	Roles []string
	// OrganizationClaim is where a token says the organization, by a text.
	OrganizationClaim string
	// Organization is that of every token when OrganizationClaim is empty.
	Organization string
	// ClockSkew is by how much the clocks of issuer and proxy may differ.
	ClockSkew time.Duration
}

// OIDC is an Authenticator of the tokens of an issuer.
type OIDC struct {
	issuer  *Issuer
	options OIDCOptions
}

// NewOIDC returns the authenticator of an issuer, which the caller closes. The
// error wraps ErrOIDC.
func NewOIDC(issuer *Issuer, options OIDCOptions) (*OIDC, error) {
	switch {
	case len(options.Audience) == 0 || slices.Contains(options.Audience, ""):
		return nil, fmt.Errorf("%w: without an audience those made for any other service would be taken", ErrOIDC)
	case len(options.Roles) == 0 && options.RolesClaim == "":
		return nil, fmt.Errorf("%w: without roles and without a claim for them they may do nothing", ErrOIDC)
	case options.ClockSkew < 0:
		return nil, fmt.Errorf("%w: the clock skew is negative", ErrOIDC)
	}
	if options.Name == "" {
		options.Name = issuer.url
	}
	return &OIDC{issuer: issuer, options: options}, nil
}

// claims are what a token says, beside what go-oidc reads.
type claims map[string]json.RawMessage

// Authenticate returns the caller whom the bearer token of a request names. Its
// errors never hold what the token holds.
func (o *OIDC) Authenticate(r *http.Request) (Caller, error) {
	raw, err := bearer(r)
	if err != nil {
		return Caller{}, err
	}
	// A token of someone else's is refused before anything is asked.
	if len(raw) > maxToken || claimedIssuer(raw) != o.issuer.url {
		return Caller{}, ErrCredentials
	}
	keys := &tokenKeys{issuer: o.issuer}
	// Times and audience are checked below: go-oidc takes one audience, allows
	// no skew at the end and five minutes at the beginning.
	verifier := oidc.NewVerifier(o.issuer.url, keys, &oidc.Config{
		SupportedSigningAlgs: algorithmNames, SkipClientIDCheck: true, SkipExpiryCheck: true,
	})
	token, err := verifier.Verify(r.Context(), raw)
	if err != nil {
		if keys.err != nil {
			return Caller{}, keys.err
		}
		return Caller{}, refused("it is malformed, or its algorithm is not asymmetric")
	}
	var c claims
	if err := token.Claims(&c); err != nil {
		return Caller{}, refused("its claims are not an object")
	}
	if err := o.check(token, c); err != nil {
		return Caller{}, err
	}
	return o.caller(token.Subject, c), nil
}

// refused is ErrCredentials with the reason, for the log only.
func refused(reason string) error { return fmt.Errorf("%w: %s", ErrCredentials, reason) }

// check tells whether a token that the issuer has signed is for us and now.
func (o *OIDC) check(token *oidc.IDToken, c claims) error {
	now := o.issuer.now()
	switch {
	case !slices.ContainsFunc(token.Audience, func(a string) bool { return slices.Contains(o.options.Audience, a) }):
		return refused("it is for another audience")
	case token.Expiry.IsZero():
		return refused("it has no end")
	case !now.Before(token.Expiry.Add(o.options.ClockSkew)):
		return refused("it has expired")
	case token.Subject == "" || len(token.Subject) > maxSubject:
		return refused("it has no subject")
	}
	for _, name := range []string{"nbf", "iat"} {
		if c[name] == nil {
			continue
		}
		var seconds float64
		if json.Unmarshal(c[name], &seconds) != nil || seconds > float64(now.Add(o.options.ClockSkew).Unix()) {
			return refused("it is not valid yet")
		}
	}
	return nil
}

// caller reads what a token stands for. A claim of another form than expected
// gives nothing.
func (o *OIDC) caller(subject string, c claims) Caller {
	caller := Caller{Name: o.options.Name + " " + subject, Organization: o.options.Organization, Roles: o.options.Roles}
	if o.options.OrganizationClaim != "" {
		caller.Organization = ""
		var organization string
		if json.Unmarshal(c.at(o.options.OrganizationClaim), &organization) == nil {
			caller.Organization = organization
		}
	}
	if value := c.at(o.options.RolesClaim); value != nil {
		caller.Roles = nil
		var text string
		if json.Unmarshal(value, &text) == nil {
			caller.Roles = strings.Fields(text)
		} else if json.Unmarshal(value, &caller.Roles) != nil {
			caller.Roles = nil
		}
	}
	return caller
}

// at returns the claim of a name, else what a path with dots leads to. nil
// means that there is none.
func (c claims) at(name string) json.RawMessage {
	if value, ok := c[name]; ok || name == "" {
		return value
	}
	for {
		first, rest, found := strings.Cut(name, ".")
		value, ok := c[first]
		if !ok || !found {
			return value
		}
		c = nil
		if json.Unmarshal(value, &c) != nil {
			return nil
		}
		name = rest
	}
}

// claimedIssuer returns whom a token says it is from, believing it.
func claimedIssuer(raw string) string {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var c struct {
		Issuer string `json:"iss"`
	}
	_ = json.Unmarshal(payload, &c)
	return c.Issuer
}

var algorithmNames = func() (names []string) {
	for _, a := range asymmetric {
		names = append(names, string(a))
	}
	return names
}()

// tokenKeys is the key set of one token. go-oidc does not wrap the errors of a
// key set, so they are kept here.
type tokenKeys struct {
	issuer *Issuer
	err    error
}

// VerifySignature checks a token with the keys of the issuer.
func (k *tokenKeys) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	payload, err := k.verify(ctx, raw)
	k.err = err
	return payload, err
}

func (k *tokenKeys) verify(ctx context.Context, raw string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(raw, asymmetric)
	if err != nil || len(jws.Signatures) != 1 {
		return nil, refused("it is malformed, or its algorithm is not asymmetric")
	}
	header := jws.Signatures[0].Protected
	// RFC 8725 section 3.11: a logout token of the same issuer is none of ours.
	if kind, _ := header.ExtraHeaders[jose.HeaderType].(string); !bearerKind(kind) {
		return nil, refused("it is of a kind that is not for callers")
	}
	keys, err := k.issuer.find(ctx, header.KeyID, jose.SignatureAlgorithm(header.Algorithm))
	if err != nil {
		return nil, err
	}
	for i := range keys {
		if payload, err := jws.Verify(&keys[i]); err == nil {
			return payload, nil
		}
	}
	if len(keys) == 0 {
		return nil, refused("the issuer has no such key")
	}
	return nil, refused("its signature is wrong")
}

func bearerKind(kind string) bool {
	switch strings.TrimPrefix(strings.ToLower(kind), "application/") {
	case "", "jwt", "at+jwt":
		return true
	default:
		return false
	}
}
