// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/caddy-lockout/caddy-lockout/internal/gen/settingsv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/settingsv2beta"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv2beta"
)

// settingsBeta is settings under its old name. The messages of v2beta are
// those of v2 on the wire, which a test proves, so each turns into the other by
// its bytes.
type settingsBeta struct {
	settingsv2beta.UnimplementedSettingsServiceServer
	now settings
}

func (s settingsBeta) GetLockoutSettings(ctx context.Context, r *settingsv2beta.GetLockoutSettingsRequest) (*settingsv2beta.GetLockoutSettingsResponse, error) {
	answer := new(settingsv2beta.GetLockoutSettingsResponse)
	return answer, asV2(ctx, r, new(settingsv2.GetLockoutSettingsRequest), s.now.GetLockoutSettings, answer)
}

// usersBeta is usersV2 under its old name.
type usersBeta struct {
	userv2beta.UnimplementedUserServiceServer
	now usersV2
}

func (u usersBeta) GetUserByID(ctx context.Context, r *userv2beta.GetUserByIDRequest) (*userv2beta.GetUserByIDResponse, error) {
	answer := new(userv2beta.GetUserByIDResponse)
	return answer, asV2(ctx, r, new(userv2.GetUserByIDRequest), u.now.GetUserByID, answer)
}

func (u usersBeta) LockUser(ctx context.Context, r *userv2beta.LockUserRequest) (*userv2beta.LockUserResponse, error) {
	answer := new(userv2beta.LockUserResponse)
	return answer, asV2(ctx, r, new(userv2.LockUserRequest), u.now.LockUser, answer)
}

func (u usersBeta) UnlockUser(ctx context.Context, r *userv2beta.UnlockUserRequest) (*userv2beta.UnlockUserResponse, error) {
	answer := new(userv2beta.UnlockUserResponse)
	return answer, asV2(ctx, r, new(userv2.UnlockUserRequest), u.now.UnlockUser, answer)
}

func (u usersBeta) ListUsers(ctx context.Context, r *userv2beta.ListUsersRequest) (*userv2beta.ListUsersResponse, error) {
	answer := new(userv2beta.ListUsersResponse)
	return answer, asV2(ctx, r, new(userv2.ListUsersRequest), u.now.ListUsers, answer)
}

// asV2 makes a call of v2 for one of v2beta.
func asV2[Request, Answer proto.Message](ctx context.Context, beta proto.Message, request Request,
	call func(context.Context, Request) (Answer, error), betaAnswer proto.Message) error {
	if err := recode(beta, request); err != nil {
		// A path or a query may hold any byte, and a message of bytes must not.
		return statusOf(ctx, argumentError("invalid request: "+err.Error()))
	}
	answer, err := call(ctx, request)
	if err != nil {
		return err
	}
	if err := recode(answer, betaAnswer); err != nil {
		return fmt.Errorf("writing an answer of v2beta: %w", err)
	}
	return nil
}

func recode(from, to proto.Message) error {
	raw, err := proto.Marshal(from)
	if err != nil {
		return err
	}
	return proto.Unmarshal(raw, to)
}
