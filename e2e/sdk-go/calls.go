// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"google.golang.org/grpc/codes"

	"github.com/zitadel/zitadel-go/v3/pkg/client"
	"github.com/zitadel/zitadel-go/v3/pkg/client/zitadel/admin"
	"github.com/zitadel/zitadel-go/v3/pkg/client/zitadel/management"
	objectv2 "github.com/zitadel/zitadel-go/v3/pkg/client/zitadel/object/v2"
	settingsv2 "github.com/zitadel/zitadel-go/v3/pkg/client/zitadel/settings/v2"
	settingsv2beta "github.com/zitadel/zitadel-go/v3/pkg/client/zitadel/settings/v2beta"
	"github.com/zitadel/zitadel-go/v3/pkg/client/zitadel/user"
	userv2 "github.com/zitadel/zitadel-go/v3/pkg/client/zitadel/user/v2"
	userv2beta "github.com/zitadel/zitadel-go/v3/pkg/client/zitadel/user/v2beta"
)

// policies is the life of the policy of an organization.
func (c *checks) policies(ctx context.Context) {
	m := c.api.ManagementService()
	get := func(what string, password, otp uint64, isDefault bool) {
		a, err := m.GetLockoutPolicy(ctx, &management.GetLockoutPolicyRequest{})
		p := a.GetPolicy()
		c.that(what, err, p.GetMaxPasswordAttempts() == password && p.GetMaxOtpAttempts() == otp && p.GetIsDefault() == isDefault &&
			a.GetIsDefault() == isDefault)
	}
	get("get without a policy", 10, 10, true)
	_, err := m.UpdateCustomLockoutPolicy(ctx, &management.UpdateCustomLockoutPolicyRequest{MaxPasswordAttempts: 1})
	c.fails("update without a policy", err, codes.NotFound, "ORG-ADfs1")
	added, err := m.AddCustomLockoutPolicy(ctx, &management.AddCustomLockoutPolicyRequest{MaxPasswordAttempts: 5, MaxOtpAttempts: 3})
	c.that("add", err, added.GetDetails().GetSequence() == 1 && added.GetDetails().GetCreationDate().IsValid() && added.GetDetails().GetResourceOwner() == "acme")
	_, err = m.AddCustomLockoutPolicy(ctx, &management.AddCustomLockoutPolicyRequest{MaxPasswordAttempts: 5, MaxOtpAttempts: 3})
	c.fails("add again", err, codes.AlreadyExists, "ORG-0olDf")
	get("get after add", 5, 3, false)
	_, err = m.UpdateCustomLockoutPolicy(ctx, &management.UpdateCustomLockoutPolicyRequest{MaxPasswordAttempts: 5, MaxOtpAttempts: 3})
	c.fails("update unchanged", err, codes.FailedPrecondition, "ORG-0JFSr")
	updated, err := m.UpdateCustomLockoutPolicy(ctx, &management.UpdateCustomLockoutPolicyRequest{})
	c.that("update to zero", err, updated.GetDetails().GetSequence() == 2 && updated.GetDetails().GetChangeDate().IsValid())
	get("get after update", 0, 0, false)

	v2, err := c.api.SettingsServiceV2().GetLockoutSettings(ctx, &settingsv2.GetLockoutSettingsRequest{
		Ctx: &objectv2.RequestContext{ResourceOwner: &objectv2.RequestContext_OrgId{OrgId: "acme"}},
	})
	c.that("settings v2", err, v2.GetSettings().GetResourceOwnerType() == settingsv2.ResourceOwnerType_RESOURCE_OWNER_TYPE_ORG && v2.GetDetails().GetResourceOwner() == "acme")
	beta, err := c.api.SettingsService().GetLockoutSettings(ctx, &settingsv2beta.GetLockoutSettingsRequest{})
	c.that("settings v2beta", err, beta.GetSettings().GetResourceOwnerType() == settingsv2beta.ResourceOwnerType_RESOURCE_OWNER_TYPE_ORG && beta.GetDetails().GetSequence() == 2)
	_, err = c.api.SettingsServiceV2().GetLockoutSettings(ctx, &settingsv2.GetLockoutSettingsRequest{
		Ctx: &objectv2.RequestContext{ResourceOwner: &objectv2.RequestContext_Instance{}},
	})
	c.fails("settings of instance=false", err, codes.InvalidArgument, "")

	_, err = m.ResetLockoutPolicyToDefault(ctx, &management.ResetLockoutPolicyToDefaultRequest{})
	c.that("reset", err, true)
	_, err = m.ResetLockoutPolicyToDefault(ctx, &management.ResetLockoutPolicyToDefaultRequest{})
	c.fails("reset again", err, codes.NotFound, "ORG-D4zuz")
	get("get after reset", 10, 10, true)
}

// standard is the default of the instance.
func (c *checks) standard(ctx context.Context) {
	a := c.api.AdminService()
	_, err := a.UpdateLockoutPolicy(ctx, &admin.UpdateLockoutPolicyRequest{MaxPasswordAttempts: 7, MaxOtpAttempts: 8})
	c.that("update the default", err, true)
	_, err = a.UpdateLockoutPolicy(ctx, &admin.UpdateLockoutPolicyRequest{MaxPasswordAttempts: 7, MaxOtpAttempts: 8})
	c.fails("update the default unchanged", err, codes.FailedPrecondition, "INSTANCE-0psjF")
	got, err := a.GetLockoutPolicy(ctx, &admin.GetLockoutPolicyRequest{})
	c.that("get the default", err, got.GetPolicy().GetMaxPasswordAttempts() == 7 && got.GetPolicy().GetMaxOtpAttempts() == 8 && got.GetPolicy().GetIsDefault())
	same, err := c.api.ManagementService().GetDefaultLockoutPolicy(ctx, &management.GetDefaultLockoutPolicyRequest{})
	c.that("get the default as an organization", err, same.GetPolicy().GetMaxPasswordAttempts() == 7 && same.GetPolicy().GetIsDefault())
	_, err = a.Healthz(ctx, &admin.HealthzRequest{})
	c.that("health", err, true)
}

// users locks, lists and unlocks by v1.
func (c *checks) users(ctx context.Context) {
	m := c.api.ManagementService()
	_, err := m.LockUser(ctx, &management.LockUserRequest{Id: "alice@example.com"})
	c.that("lock", err, true)
	_, err = m.LockUser(ctx, &management.LockUserRequest{Id: "alice@example.com"})
	c.fails("lock again", err, codes.FailedPrecondition, "COMMAND-3NN8v")
	got, err := m.GetUserByID(ctx, &management.GetUserByIDRequest{Id: "alice@example.com"})
	c.that("get a user", err, got.GetUser().GetState() == user.UserState_USER_STATE_LOCKED && got.GetUser().GetUserName() == "alice@example.com")
	list, err := m.ListUsers(ctx, &management.ListUsersRequest{Queries: []*user.SearchQuery{
		{Query: &user.SearchQuery_StateQuery{StateQuery: &user.StateQuery{State: user.UserState_USER_STATE_LOCKED}}},
	}})
	c.that("list", err, list.GetDetails().GetTotalResult() == 1 && len(list.GetResult()) == 1 && list.GetResult()[0].GetId() == "alice@example.com")
	_, err = m.UnlockUser(ctx, &management.UnlockUserRequest{Id: "alice@example.com"})
	c.that("unlock", err, true)
	_, err = m.UnlockUser(ctx, &management.UnlockUserRequest{Id: "alice@example.com"})
	c.fails("unlock again", err, codes.FailedPrecondition, "COMMAND-4M0ds")
	_, err = m.LockUser(ctx, &management.LockUserRequest{})
	c.fails("lock nobody", err, codes.InvalidArgument, "")
}

// usersV2 is users by v2 and v2beta.
func (c *checks) usersV2(ctx context.Context) {
	now, beta := c.api.UserServiceV2(), c.api.UserService()
	_, err := now.LockUser(ctx, &userv2.LockUserRequest{UserId: "bob"})
	c.that("lock by v2", err, true)
	_, err = beta.LockUser(ctx, &userv2beta.LockUserRequest{UserId: "bob"})
	c.fails("lock again by v2beta", err, codes.FailedPrecondition, "COMMAND-lgws8wtsqf")
	got, err := now.GetUserByID(ctx, &userv2.GetUserByIDRequest{UserId: "bob"})
	c.that("get a user by v2", err, got.GetUser().GetState() == userv2.UserState_USER_STATE_LOCKED && got.GetUser().GetUsername() == "bob")
	list, err := beta.ListUsers(ctx, &userv2beta.ListUsersRequest{Queries: []*userv2beta.SearchQuery{
		{Query: &userv2beta.SearchQuery_StateQuery{StateQuery: &userv2beta.StateQuery{State: userv2beta.UserState_USER_STATE_LOCKED}}},
	}})
	c.that("list by v2beta", err, len(list.GetResult()) == 1 && list.GetResult()[0].GetUserId() == "bob" && list.GetResult()[0].GetDetails().GetResourceOwner() == "default")
	_, err = beta.UnlockUser(ctx, &userv2beta.UnlockUserRequest{UserId: "bob"})
	c.that("unlock by v2beta", err, true)
	_, err = now.UnlockUser(ctx, &userv2.UnlockUserRequest{UserId: "bob"})
	c.fails("unlock again by v2", err, codes.FailedPrecondition, "COMMAND-olb9vb0oca")
	_, err = now.GetUserByID(ctx, &userv2.GetUserByIDRequest{UserId: "nobody"})
	c.fails("get an unknown user", err, codes.NotFound, "QUERY-Dfbg2")
}

// refused is who has no token, and what is not served.
func (c *checks) refused(ctx context.Context, stranger *client.Client) {
	_, err := stranger.ManagementService().UnlockUser(ctx, &management.UnlockUserRequest{Id: "bob"})
	c.fails("a wrong token", err, codes.Unauthenticated, "AUTH-7fs1e")
	_, err = stranger.SettingsServiceV2().GetLockoutSettings(ctx, &settingsv2.GetLockoutSettingsRequest{})
	c.fails("a wrong token, v2", err, codes.Unauthenticated, "AUTH-7fs1e")
	_, err = c.api.ManagementService().GetMyOrg(ctx, &management.GetMyOrgRequest{})
	c.fails("a call that is not served", err, codes.Unimplemented, "")
}
