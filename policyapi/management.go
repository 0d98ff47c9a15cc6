// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/caddy-lockout/caddy-lockout/internal/gen/adminv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/managementv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/policyv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/zitadelv1"
)

// management says in the words of zitadel.management.v1 what a Service does.
// Any transport of gRPC can serve it.
type management struct {
	managementv1.UnimplementedManagementServiceServer
	service *Service
}

func (m management) Healthz(context.Context, *managementv1.HealthzRequest) (*managementv1.HealthzResponse, error) {
	return &managementv1.HealthzResponse{}, nil
}

func (m management) GetLockoutPolicy(ctx context.Context, _ *managementv1.GetLockoutPolicyRequest) (*managementv1.GetLockoutPolicyResponse, error) {
	p, err := m.service.policy(ctx)
	if err != nil {
		return nil, m.service.fail(ctx, err)
	}
	return &managementv1.GetLockoutPolicyResponse{Policy: policyMessage(p), IsDefault: p.IsDefault}, nil
}

func (m management) GetDefaultLockoutPolicy(ctx context.Context, _ *managementv1.GetDefaultLockoutPolicyRequest) (*managementv1.GetDefaultLockoutPolicyResponse, error) {
	p, err := m.service.standard(ctx, policyRead)
	if err != nil {
		return nil, m.service.fail(ctx, err)
	}
	return &managementv1.GetDefaultLockoutPolicyResponse{Policy: policyMessage(p)}, nil
}

func (m management) AddCustomLockoutPolicy(ctx context.Context, r *managementv1.AddCustomLockoutPolicyRequest) (*managementv1.AddCustomLockoutPolicyResponse, error) {
	d, err := m.service.add(ctx, limitsOf(r))
	if err != nil {
		return nil, m.service.fail(ctx, err)
	}
	return &managementv1.AddCustomLockoutPolicyResponse{Details: detailsMessage(d)}, nil
}

func (m management) UpdateCustomLockoutPolicy(ctx context.Context, r *managementv1.UpdateCustomLockoutPolicyRequest) (*managementv1.UpdateCustomLockoutPolicyResponse, error) {
	d, err := m.service.update(ctx, limitsOf(r))
	if err != nil {
		return nil, m.service.fail(ctx, err)
	}
	return &managementv1.UpdateCustomLockoutPolicyResponse{Details: detailsMessage(d)}, nil
}

func (m management) ResetLockoutPolicyToDefault(ctx context.Context, _ *managementv1.ResetLockoutPolicyToDefaultRequest) (*managementv1.ResetLockoutPolicyToDefaultResponse, error) {
	d, err := m.service.reset(ctx)
	if err != nil {
		return nil, m.service.fail(ctx, err)
	}
	return &managementv1.ResetLockoutPolicyToDefaultResponse{Details: detailsMessage(d)}, nil
}

func (m management) GetUserByID(ctx context.Context, r *managementv1.GetUserByIDRequest) (*managementv1.GetUserByIDResponse, error) {
	u, err := m.service.user(ctx, "GetUserByIDRequest.Id", r.GetId())
	if err != nil {
		return nil, m.service.fail(ctx, err)
	}
	return &managementv1.GetUserByIDResponse{User: userMessage(u)}, nil
}

func (m management) LockUser(ctx context.Context, r *managementv1.LockUserRequest) (*managementv1.LockUserResponse, error) {
	d, err := m.service.lock(ctx, "LockUserRequest.Id", r.GetId())
	if err != nil {
		return nil, m.service.fail(ctx, err)
	}
	return &managementv1.LockUserResponse{Details: detailsMessage(d)}, nil
}

func (m management) UnlockUser(ctx context.Context, r *managementv1.UnlockUserRequest) (*managementv1.UnlockUserResponse, error) {
	d, err := m.service.unlock(ctx, "UnlockUserRequest.Id", r.GetId())
	if err != nil {
		return nil, m.service.fail(ctx, err)
	}
	return &managementv1.UnlockUserResponse{Details: detailsMessage(d)}, nil
}

func (m management) ListUsers(ctx context.Context, r *managementv1.ListUsersRequest) (*managementv1.ListUsersResponse, error) {
	search, err := searchOf(r)
	if err != nil {
		return nil, m.service.fail(ctx, err)
	}
	rows, total, err := m.service.list(ctx, search)
	if err != nil {
		return nil, m.service.fail(ctx, err)
	}
	answer := &managementv1.ListUsersResponse{
		Details:       &zitadelv1.ListDetails{TotalResult: total, ViewTimestamp: dateMessage(time.Now())},
		SortingColumn: r.GetSortingColumn(),
	}
	for _, row := range rows {
		answer.Result = append(answer.Result, userMessage(row))
	}
	return answer, nil
}

// admin is management for zitadel.admin.v1.
type admin struct {
	adminv1.UnimplementedAdminServiceServer
	service *Service
}

func (a admin) Healthz(context.Context, *adminv1.HealthzRequest) (*adminv1.HealthzResponse, error) {
	return &adminv1.HealthzResponse{}, nil
}

func (a admin) GetLockoutPolicy(ctx context.Context, _ *adminv1.GetLockoutPolicyRequest) (*adminv1.GetLockoutPolicyResponse, error) {
	p, err := a.service.standard(ctx, defaultRead)
	if err != nil {
		return nil, a.service.fail(ctx, err)
	}
	return &adminv1.GetLockoutPolicyResponse{Policy: policyMessage(p)}, nil
}

func (a admin) UpdateLockoutPolicy(ctx context.Context, r *adminv1.UpdateLockoutPolicyRequest) (*adminv1.UpdateLockoutPolicyResponse, error) {
	d, err := a.service.updateStandard(ctx, limitsOf(r))
	if err != nil {
		return nil, a.service.fail(ctx, err)
	}
	return &adminv1.UpdateLockoutPolicyResponse{Details: detailsMessage(d)}, nil
}

func limitsOf(r interface {
	GetMaxPasswordAttempts() uint32
	GetMaxOtpAttempts() uint32
}) Limits {
	return Limits{MaxPasswordAttempts: r.GetMaxPasswordAttempts(), MaxOTPAttempts: r.GetMaxOtpAttempts()}
}

func policyMessage(p Policy) *policyv1.LockoutPolicy {
	return &policyv1.LockoutPolicy{
		Details:             detailsMessage(p.Details),
		MaxPasswordAttempts: uint64(p.MaxPasswordAttempts),
		MaxOtpAttempts:      uint64(p.MaxOTPAttempts),
		IsDefault:           p.IsDefault,
	}
}

func detailsMessage(d Details) *zitadelv1.ObjectDetails {
	return &zitadelv1.ObjectDetails{
		Sequence: d.Sequence, CreationDate: dateMessage(d.CreationDate), ChangeDate: dateMessage(d.ChangeDate), ResourceOwner: d.ResourceOwner,
	}
}

func dateMessage(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t.Truncate(time.Microsecond))
}

// userMessage leaves out what a proxy does not know of a user.
func userMessage(row UserRow) *userv1.User {
	u := &userv1.User{
		Id: row.Name, UserName: row.Name, LoginNames: []string{row.Name}, PreferredLoginName: row.Name,
		Details: detailsMessage(userDetails(row.Organization, row.LockedAt)),
		State:   userv1.UserState_USER_STATE_ACTIVE,
	}
	if row.Locked {
		u.State = userv1.UserState_USER_STATE_LOCKED
	}
	return u
}
