// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/caddy-lockout/caddy-lockout/internal/gen/adminv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/managementv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/settingsv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/settingsv2beta"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv2beta"
)

// organizationHeader names the organization that a call acts in.
const organizationHeader = "X-Zitadel-Orgid"

// requestIDHeader names an answer, and the call in the log.
const requestIDHeader = "X-Request-Id"

// rpcs are the calls and what each needs. A call that is not here is refused.
var rpcs = map[string]permission{
	managementv1.ManagementService_Healthz_FullMethodName:                     nothing,
	managementv1.ManagementService_GetLockoutPolicy_FullMethodName:            policyRead,
	managementv1.ManagementService_GetDefaultLockoutPolicy_FullMethodName:     policyRead,
	managementv1.ManagementService_AddCustomLockoutPolicy_FullMethodName:      policyWrite,
	managementv1.ManagementService_UpdateCustomLockoutPolicy_FullMethodName:   policyWrite,
	managementv1.ManagementService_ResetLockoutPolicyToDefault_FullMethodName: policyDelete,
	managementv1.ManagementService_GetUserByID_FullMethodName:                 userRead,
	managementv1.ManagementService_ListUsers_FullMethodName:                   userRead,
	managementv1.ManagementService_LockUser_FullMethodName:                    userWrite,
	managementv1.ManagementService_UnlockUser_FullMethodName:                  userWrite,
	adminv1.AdminService_Healthz_FullMethodName:                               nothing,
	adminv1.AdminService_GetLockoutPolicy_FullMethodName:                      defaultRead,
	adminv1.AdminService_UpdateLockoutPolicy_FullMethodName:                   defaultWrite,
	settingsv2.SettingsService_GetLockoutSettings_FullMethodName:              policyRead,
	settingsv2beta.SettingsService_GetLockoutSettings_FullMethodName:          policyRead,
	userv2.UserService_GetUserByID_FullMethodName:                             userRead,
	userv2.UserService_ListUsers_FullMethodName:                               authenticated,
	userv2.UserService_LockUser_FullMethodName:                                userWrite,
	userv2.UserService_UnlockUser_FullMethodName:                              userWrite,
	userv2beta.UserService_GetUserByID_FullMethodName:                         userRead,
	userv2beta.UserService_ListUsers_FullMethodName:                           authenticated,
	userv2beta.UserService_LockUser_FullMethodName:                            userWrite,
	userv2beta.UserService_UnlockUser_FullMethodName:                          userWrite,
}

// Access decides who may make which call. It comes before the body of a
// request is read, whatever the transport.
type Access struct {
	// Denied hears of every call that is not let through, once. It is set before
	// the first call.
	Denied func(context.Context, Denial)

	authenticator Authenticator
	organizations []string
}

// Denial is a call that was not let through.
type Denial struct {
	// ID is that of the call, which its answer carries as well.
	ID string
	// RPC is empty for a path that has none.
	RPC string
	// Caller is the name of who made it, as far as that is known.
	Caller string
	// Organization is the one that the call names, or else that of the caller;
	// empty if it is none.
	Organization string
	Err          error
}

// NewAccess returns the access of those whom an authenticator knows. Where
// organizations are listed, no other exists; else every usable id does.
func NewAccess(a Authenticator, organizations []string) (*Access, error) {
	for _, organization := range organizations {
		if err := CheckOrganization(organization); err != nil {
			return nil, fmt.Errorf("checking organization %q: %w", organization, err)
		}
	}
	return &Access{authenticator: a, organizations: slices.Clone(organizations)}, nil
}

// grant is a call that Access has let through.
type grant struct {
	rpc          string
	caller       Caller
	organization string
	// id names the call: in the log, in the answer, and for the store, which
	// makes the change of one id once.
	id       string
	language language
	// exists tells whether an organization that the body names is one.
	exists func(organization string) bool
	denied func(context.Context, Denial)
}

// deny reports that a call is refused for what it asks of an organization.
func (g *grant) deny(ctx context.Context, organization string, err error) {
	if g.denied == nil {
		return
	}
	if CheckOrganization(organization) != nil {
		organization = "" // a header of a megabyte is not for the log
	}
	g.denied(ctx, Denial{ID: g.id, RPC: g.rpc, Caller: g.caller.Name, Organization: organization, Err: err})
}

type grantKey struct{}

// authorize lets a call through or says why not. What it adds to the context
// is what a Service asks for.
func (a *Access) authorize(ctx context.Context, rpc string, r *http.Request) (context.Context, error) {
	g := &grant{rpc: rpc, id: rand.Text(), language: languageOf(r), exists: a.exists, denied: a.Denied}
	ctx, err := a.let(context.WithValue(ctx, grantKey{}, g), g, r)
	if err != nil {
		g.deny(ctx, g.organization, err)
		g.caller = Caller{} // a transport that goes on in spite of the error opens nothing
	}
	return ctx, err
}

func (a *Access) let(ctx context.Context, g *grant, r *http.Request) (context.Context, error) {
	needed, known := rpcs[g.rpc]
	if !known {
		return ctx, errNotPermitted
	}
	if needed == nothing {
		return ctx, nil
	}
	caller, err := a.authenticator.Authenticate(r)
	if err != nil {
		return ctx, err
	}
	g.caller, g.organization = caller, caller.Organization
	if values := r.Header.Values(organizationHeader); len(values) > 1 || len(values) == 1 && values[0] != "" {
		g.organization = values[0]
		if len(values) > 1 {
			return ctx, errNoOrganization
		}
	}
	if g.organization != "" && !a.exists(g.organization) {
		return ctx, errNoOrganization
	}
	if needed == authenticated {
		return ctx, nil
	}
	if len(caller.rolesIn(g.organization)) == 0 {
		return ctx, errNoMember
	}
	if !caller.may(needed, g.organization) {
		return ctx, errNotPermitted
	}
	// A token may name no organization; the default of the instance needs none.
	if g.organization == "" && needed != defaultRead && needed != defaultWrite {
		return ctx, ErrOrganization
	}
	return ctx, nil
}

func (a *Access) exists(organization string) bool {
	if len(a.organizations) > 0 {
		return slices.Contains(a.organizations, organization)
	}
	return CheckOrganization(organization) == nil
}

// The refusals of authorize, beside those of the Authenticator.
var (
	errNoOrganization = errors.New("organization doesn't exist")
	errNoMember       = errors.New("caller is no member of the organization")
	errNotPermitted   = errors.New("caller has no role with the permission")
)

// callerOf returns the name of who makes a call, for the event of a change.
// It is empty where no transport is: the program itself makes the change.
func callerOf(ctx context.Context) string {
	if g, ok := ctx.Value(grantKey{}).(*grant); ok {
		return g.caller.Name
	}
	return ""
}

// granted returns the call that a context belongs to. What a method needs is
// asked again here: a transport that forgets Access opens nothing.
func granted(ctx context.Context, needed permission) (*grant, error) {
	g, ok := ctx.Value(grantKey{}).(*grant)
	if !ok || needed != authenticated && !g.caller.may(needed, g.organization) {
		return nil, errNotPermitted
	}
	return g, nil
}
