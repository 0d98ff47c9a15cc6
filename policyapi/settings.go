// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"

	"github.com/caddy-lockout/caddy-lockout/internal/gen/objectv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/settingsv2"
)

// settings is management for zitadel.settings.v2.
type settings struct {
	settingsv2.UnimplementedSettingsServiceServer
	service *Service
}

func (s settings) GetLockoutSettings(ctx context.Context, r *settingsv2.GetLockoutSettingsRequest) (*settingsv2.GetLockoutSettingsResponse, error) {
	p, err := s.policy(ctx, r)
	if err != nil {
		return nil, s.service.fail(ctx, err)
	}
	owner := settingsv2.ResourceOwnerType_RESOURCE_OWNER_TYPE_ORG
	if p.IsDefault {
		owner = settingsv2.ResourceOwnerType_RESOURCE_OWNER_TYPE_INSTANCE
	}
	return &settingsv2.GetLockoutSettingsResponse{
		Details: detailsMessageV2(p.Details),
		Settings: &settingsv2.LockoutSettings{
			MaxPasswordAttempts: uint64(p.MaxPasswordAttempts),
			MaxOtpAttempts:      uint64(p.MaxOTPAttempts),
			ResourceOwnerType:   owner,
		},
	}, nil
}

// policy reads what the request asks for; without a context, what is in force
// in the organization of the call.
func (s settings) policy(ctx context.Context, r *settingsv2.GetLockoutSettingsRequest) (Policy, error) {
	switch owner := r.GetCtx().GetResourceOwner().(type) {
	case *objectv2.RequestContext_Instance:
		if !owner.Instance {
			return Policy{}, argumentError("invalid GetLockoutSettingsRequest.Ctx: embedded message failed validation | " +
				"caused by: invalid RequestContext.Instance: value must equal true")
		}
		return s.service.settings(ctx, "")
	case *objectv2.RequestContext_OrgId:
		if owner.OrgId != "" {
			return s.service.settings(ctx, owner.OrgId)
		}
	}
	return s.service.policy(ctx)
}

func detailsMessageV2(d Details) *objectv2.Details {
	return &objectv2.Details{
		Sequence: d.Sequence, CreationDate: dateMessage(d.CreationDate), ChangeDate: dateMessage(d.ChangeDate), ResourceOwner: d.ResourceOwner,
	}
}
