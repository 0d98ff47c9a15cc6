// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"net/http"
	"slices"
	"strings"
)

// Caller is who makes a call.
type Caller struct {
	// Name stands for the caller in logs. It is no secret.
	Name string
	// Organization is the one that a call acts in unless it names another. If it
	// is empty, the caller is a member of none.
	Organization string
	// Roles that begin with IAM_ hold in every organization, the others in
	// Organization.
	Roles []string
}

// Authenticator tells who sends a request.
type Authenticator interface {
	// Authenticate returns the caller, or an error that wraps
	// ErrNoCredentials, ErrMalformedCredentials or ErrCredentials; any other
	// error means that it could not tell. It does not read the body.
	Authenticate(r *http.Request) (Caller, error)
}

// Everybody takes each request for one of the same caller, who may do
// everything. It is for installations that control access elsewhere.
type Everybody struct{ Organization string }

// Authenticate returns the caller. It never fails.
func (e Everybody) Authenticate(*http.Request) (Caller, error) {
	return Caller{Name: "anybody", Organization: e.Organization, Roles: []string{"IAM_OWNER"}}, nil
}

// permission is a right of the wire contract.
type permission string

// The permissions. The zero value is needed for what everybody may call, and
// authenticated for what every known caller may, who then sees what he may read.
const (
	nothing       permission = ""
	authenticated permission = "authenticated"
	policyRead    permission = "policy.read"
	policyWrite   permission = "policy.write"
	policyDelete  permission = "policy.delete"
	defaultRead   permission = "iam.policy.read"
	defaultWrite  permission = "iam.policy.write"
	userRead      permission = "user.read"
	userWrite     permission = "user.write"
	instanceRoles            = "IAM_"
	projectRoles             = "PROJECT_"
)

// changes reports whether a permission is for making changes.
func (p permission) changes() bool {
	return p == policyWrite || p == policyDelete || p == defaultWrite || p == userWrite
}

// grants are the permissions of the roles that the contract names. Any other
// role makes a member without rights.
var grants = map[string][]permission{
	"IAM_OWNER":              {policyRead, policyWrite, policyDelete, defaultRead, defaultWrite, userRead, userWrite},
	"IAM_OWNER_VIEWER":       {policyRead, defaultRead, userRead},
	"IAM_ORG_MANAGER":        {policyRead, policyWrite, policyDelete, userRead, userWrite},
	"IAM_USER_MANAGER":       {userRead, userWrite},
	"IAM_LOGIN_CLIENT":       {policyRead, defaultRead, userRead, userWrite},
	"ORG_OWNER":              {policyRead, policyWrite, policyDelete, userRead, userWrite},
	"ORG_OWNER_VIEWER":       {policyRead, userRead},
	"ORG_SETTINGS_MANAGER":   {policyRead, policyWrite, policyDelete},
	"ORG_USER_MANAGER":       {policyRead, userRead, userWrite},
	"SELF_MANAGEMENT_GLOBAL": {policyRead},
}

// KnownRole reports whether a role has rights.
func KnownRole(role string) bool { return len(permissionsOf(role)) > 0 }

func permissionsOf(role string) []permission {
	if strings.HasPrefix(role, projectRoles) {
		return []permission{policyRead}
	}
	return grants[role]
}

// rolesIn returns the roles that hold in an organization. None means that the
// caller is no member of it.
func (c *Caller) rolesIn(organization string) []string {
	return slices.DeleteFunc(slices.Clone(c.Roles), func(role string) bool {
		return !strings.HasPrefix(role, instanceRoles) && (organization == "" || organization != c.Organization)
	})
}

// mayEverywhere reports whether the caller has a permission in every
// organization.
func (c *Caller) mayEverywhere(p permission) bool {
	return slices.ContainsFunc(c.Roles, func(role string) bool {
		return strings.HasPrefix(role, instanceRoles) && slices.Contains(permissionsOf(role), p)
	})
}

// may reports whether the caller has a permission in an organization.
func (c *Caller) may(p permission, organization string) bool {
	return slices.ContainsFunc(c.rolesIn(organization), func(role string) bool {
		return slices.Contains(permissionsOf(role), p)
	})
}
