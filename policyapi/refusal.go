// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/caddy-lockout/caddy-lockout/internal/gen/adminv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/managementv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv2beta"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/zitadelv1"
)

// refusal is how an error reads on the wire. Texts and ids are those that
// clients of the real server know, down to the spelling.
type refusal struct {
	cause error
	// rpcs are the calls; none for any.
	rpcs []string
	code codes.Code
	// id is empty for a status without detail.
	id, message string
	// german is the message for those who prefer it; empty where the real
	// server does not translate.
	german string
}

// The calls on users of v2 and v2beta answer the same, with other ids than v1.
var (
	getUserV2    = []string{userv2.UserService_GetUserByID_FullMethodName, userv2beta.UserService_GetUserByID_FullMethodName}
	lockUserV2   = []string{userv2.UserService_LockUser_FullMethodName, userv2beta.UserService_LockUser_FullMethodName}
	unlockUserV2 = []string{userv2.UserService_UnlockUser_FullMethodName, userv2beta.UserService_UnlockUser_FullMethodName}
)

// refusals hold every refusal: the first that fits counts.
var refusals = []refusal{
	{cause: ErrNoCredentials, code: codes.Unauthenticated, message: "auth header missing"},
	{cause: ErrMalformedCredentials, code: codes.Unauthenticated, id: "AUTH-toLo1", message: "invalid auth header"},
	{cause: ErrCredentials, code: codes.Unauthenticated, id: "AUTH-7fs1e", message: "Errors.Token.Invalid"},
	{cause: errNoOrganization, code: codes.PermissionDenied, id: "AUTH-Bs7Ds", message: "Organisation doesn't exist"},
	{cause: errNoMember, code: codes.NotFound, id: "AUTHZ-cdgFk", message: "membership not found"},
	{rpcs: slices.Concat(getUserV2, lockUserV2, unlockUserV2), cause: errNotPermitted,
		code: codes.PermissionDenied, id: "AUTH-AWfge", message: "No matching permissions found"},
	{cause: errNotPermitted, code: codes.PermissionDenied, id: "AUTH-5mWD2", message: "No matching permissions found"},

	{rpcs: []string{managementv1.ManagementService_AddCustomLockoutPolicy_FullMethodName}, cause: ErrExists,
		code: codes.AlreadyExists, id: "ORG-0olDf", message: "Errors.ORG.LockoutPolicy.AlreadyExists"},
	{rpcs: []string{managementv1.ManagementService_UpdateCustomLockoutPolicy_FullMethodName}, cause: ErrNotFound,
		code: codes.NotFound, id: "ORG-ADfs1", message: "Errors.Org.LockoutPolicy.NotFound"},
	{rpcs: []string{managementv1.ManagementService_UpdateCustomLockoutPolicy_FullMethodName}, cause: ErrNotChanged,
		code: codes.FailedPrecondition, id: "ORG-0JFSr", message: "Errors.Org.LockoutPolicy.NotChanged"},
	{rpcs: []string{managementv1.ManagementService_ResetLockoutPolicyToDefault_FullMethodName}, cause: ErrNotFound,
		code: codes.NotFound, id: "ORG-D4zuz", message: "Errors.Org.LockoutPolicy.NotFound"},
	{rpcs: []string{adminv1.AdminService_UpdateLockoutPolicy_FullMethodName}, cause: ErrNotChanged,
		code: codes.FailedPrecondition, id: "INSTANCE-0psjF", message: "Errors.Instance.LockoutPolicy.NotChanged"},

	{rpcs: []string{managementv1.ManagementService_AddCustomLockoutPolicy_FullMethodName}, cause: ErrOrganization,
		code: codes.InvalidArgument, id: "Org-8fJif", message: "Resource Owner Organisation missing"},
	{rpcs: []string{managementv1.ManagementService_UpdateCustomLockoutPolicy_FullMethodName}, cause: ErrOrganization,
		code: codes.InvalidArgument, id: "Org-3J9fs", message: "Resource Owner Organisation missing"},
	{rpcs: []string{managementv1.ManagementService_ResetLockoutPolicyToDefault_FullMethodName}, cause: ErrOrganization,
		code: codes.InvalidArgument, id: "Org-4J9fs", message: "Resource Owner Organisation missing"},

	{rpcs: []string{managementv1.ManagementService_LockUser_FullMethodName}, cause: ErrUserLocked,
		code: codes.FailedPrecondition, id: "COMMAND-3NN8v", message: "User is not active or initial", german: "Benutzer ist nicht aktiv oder initial"},
	{rpcs: []string{managementv1.ManagementService_UnlockUser_FullMethodName}, cause: ErrUserNotLocked,
		code: codes.FailedPrecondition, id: "COMMAND-4M0ds", message: "User is not locked", german: "Benutzer ist nicht gesperrt"},
	{rpcs: lockUserV2, cause: ErrUserLocked,
		code: codes.FailedPrecondition, id: "COMMAND-lgws8wtsqf", message: "User is not active or initial", german: "Benutzer ist nicht aktiv oder initial"},
	{rpcs: unlockUserV2, cause: ErrUserNotLocked,
		code: codes.FailedPrecondition, id: "COMMAND-olb9vb0oca", message: "User is not locked", german: "Benutzer ist nicht gesperrt"},
	{cause: ErrUserUnknown,
		code: codes.NotFound, id: "QUERY-Dfbg2", message: "User could not be found", german: "Benutzer konnte nicht gefunden werden"},

	{cause: context.Canceled, code: codes.Canceled, message: "the call was cancelled"},
}

// argumentError is a request that cannot be answered. Its text is for the
// client.
type argumentError string

func (e argumentError) Error() string { return string(e) }

// statusOf returns the status of an error. One that it does not know is the
// store's: its text may name hosts and keys, so the client gets none of it and
// hears Unavailable, which no other error is.
func statusOf(ctx context.Context, err error) error {
	g, _ := ctx.Value(grantKey{}).(*grant)
	if argument, ok := errors.AsType[argumentError](err); ok {
		return status.Error(codes.InvalidArgument, string(argument))
	}
	for i := range refusals {
		r := &refusals[i]
		if errors.Is(err, r.cause) && (r.rpcs == nil || g != nil && slices.Contains(r.rpcs, g.rpc)) {
			return r.status(g)
		}
	}
	return status.Error(codes.Unavailable, "the store does not answer")
}

func (r *refusal) status(g *grant) error {
	if r.id == "" {
		return status.Error(r.code, r.message)
	}
	message := r.message
	if g != nil && g.language == german && r.german != "" {
		message = r.german
	}
	s, err := status.New(r.code, message+" ("+r.id+")").WithDetails(&zitadelv1.ErrorDetail{Id: r.id, Message: message})
	if err != nil {
		return status.Error(codes.Internal, "an error could not be described")
	}
	return s.Err()
}

// language is what a caller wants to read.
type language string

const german language = "de"

// languageOf returns the first language that a request accepts: there are two,
// so weighing them would be more than it is worth.
func languageOf(r *http.Request) language {
	first, _, _ := strings.Cut(r.Header.Get("Accept-Language"), ",")
	tag, _, _ := strings.Cut(first, ";")
	tag, _, _ = strings.Cut(tag, "-")
	return language(strings.ToLower(strings.TrimSpace(tag)))
}
