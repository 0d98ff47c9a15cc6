// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"time"

	"github.com/caddy-lockout/caddy-lockout/internal/gen/objectv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv2"
)

// usersV2 is management for zitadel.user.v2.
type usersV2 struct {
	userv2.UnimplementedUserServiceServer
	service *Service
}

func (u usersV2) GetUserByID(ctx context.Context, r *userv2.GetUserByIDRequest) (*userv2.GetUserByIDResponse, error) {
	row, err := u.service.user(ctx, "GetUserByIDRequest.UserId", r.GetUserId())
	if err != nil {
		return nil, u.service.fail(ctx, err)
	}
	user := userMessageV2(row)
	return &userv2.GetUserByIDResponse{Details: user.Details, User: user}, nil
}

func (u usersV2) LockUser(ctx context.Context, r *userv2.LockUserRequest) (*userv2.LockUserResponse, error) {
	d, err := u.service.lock(ctx, "LockUserRequest.UserId", r.GetUserId())
	if err != nil {
		return nil, u.service.fail(ctx, err)
	}
	return &userv2.LockUserResponse{Details: detailsMessageV2(d)}, nil
}

func (u usersV2) UnlockUser(ctx context.Context, r *userv2.UnlockUserRequest) (*userv2.UnlockUserResponse, error) {
	d, err := u.service.unlock(ctx, "UnlockUserRequest.UserId", r.GetUserId())
	if err != nil {
		return nil, u.service.fail(ctx, err)
	}
	return &userv2.UnlockUserResponse{Details: detailsMessageV2(d)}, nil
}

func (u usersV2) ListUsers(ctx context.Context, r *userv2.ListUsersRequest) (*userv2.ListUsersResponse, error) {
	search, err := searchOf(r)
	if err != nil {
		return nil, u.service.fail(ctx, err)
	}
	rows, total, err := u.service.listEverywhere(ctx, search)
	if err != nil {
		return nil, u.service.fail(ctx, err)
	}
	answer := &userv2.ListUsersResponse{
		Details:       &objectv2.ListDetails{TotalResult: total, Timestamp: dateMessage(time.Now())},
		SortingColumn: r.GetSortingColumn(),
	}
	for _, row := range rows {
		answer.Result = append(answer.Result, userMessageV2(row))
	}
	return answer, nil
}

// userMessageV2 is userMessage for v2.
func userMessageV2(row UserRow) *userv2.User {
	u := &userv2.User{
		UserId: row.Name, Username: row.Name, LoginNames: []string{row.Name}, PreferredLoginName: row.Name,
		Details: detailsMessageV2(userDetails(row.Organization, row.LockedAt)),
		State:   userv2.UserState_USER_STATE_ACTIVE,
	}
	if row.Locked {
		u.State = userv2.UserState_USER_STATE_LOCKED
	}
	return u
}
