// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const defaultCallTimeout = 5 * time.Second

// ServiceOptions of a Service. The zero value of a field stands for its
// default.
type ServiceOptions struct {
	// Timeout bounds a call. Default: 5s.
	Timeout time.Duration
	// Changed hears of each change, once, after it is made and before it is
	// answered. Its context is that of the request.
	Changed func(context.Context, Change)
	// Failed hears of what went wrong where the client is told only that the
	// store does not answer.
	// A change may have been made all the same.
	Failed func(ctx context.Context, id, caller string, err error)
}

// Change is something that a caller has done.
type Change struct {
	// Caller is the name of who did it.
	Caller string
	// ID is that of the call, which its answer carries as well.
	ID     string
	Action Action
	Scope  Scope
	// Organization is empty for the default of the instance.
	Organization string
	// User is set in ScopeUser.
	User string
	// Limits are what a policy became; nil unless it was added or updated.
	Limits *Limits
}

// Action is what was done.
type Action string

// The actions.
const (
	ActionAdd    Action = "add"
	ActionUpdate Action = "update"
	ActionReset  Action = "reset"
	ActionLock   Action = "lock"
	ActionUnlock Action = "unlock"
)

// Scope is what an action was done to.
type Scope string

// The scopes.
const (
	ScopeOrganization Scope = "organization"
	ScopeDefault      Scope = "default"
	ScopeUser         Scope = "user"
)

// Service is the policy API without a transport: what can be called, by whom
// it may be called, and what it does. It is safe for concurrent use.
//
// Each method needs a context from Access and acts in the organization that
// Access found.
type Service struct {
	policies *Cache
	users    Users
	options  ServiceOptions
}

// NewService returns the service of an instance.
func NewService(policies *Cache, users Users, options ServiceOptions) *Service {
	if options.Timeout <= 0 {
		options.Timeout = defaultCallTimeout
	}
	if options.Changed == nil {
		options.Changed = func(context.Context, Change) {}
	}
	if options.Failed == nil {
		options.Failed = func(context.Context, string, string, error) {}
	}
	return &Service{policies: policies, users: users, options: options}
}

// begin opens a call: its rights, and the time that it has.
func (s *Service) begin(ctx context.Context, needed permission) (context.Context, context.CancelFunc, *grant, error) {
	g, err := granted(ctx, needed)
	if err != nil {
		return nil, nil, nil, err
	}
	if needed.changes() {
		// Whoever goes away must not leave a change behind that nobody hears of:
		// it may be made when its call is given up, as soon as Redis has it.
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	return ctx, cancel, g, nil
}

// fail turns an error into the status that a client gets.
func (s *Service) fail(ctx context.Context, err error) error {
	wire := statusOf(ctx, err)
	if status.Code(wire) == codes.Unavailable {
		id := ""
		if g, ok := ctx.Value(grantKey{}).(*grant); ok {
			id = g.id
		}
		s.options.Failed(ctx, id, callerOf(ctx), err)
	}
	return wire
}

// changed reports a change of the organization of a call, or of its instance.
func (s *Service) changed(ctx context.Context, g *grant, change Change) {
	change.Caller, change.ID = g.caller.Name, g.id
	if change.Scope != ScopeDefault {
		change.Organization = g.organization
	}
	s.options.Changed(ctx, change)
}

// policy returns what is in force in the organization.
func (s *Service) policy(ctx context.Context) (Policy, error) {
	ctx, cancel, g, err := s.begin(ctx, policyRead)
	if err != nil {
		return Policy{}, err
	}
	defer cancel()
	return s.policies.Get(ctx, g.organization)
}

// settings returns what is in force in another organization than that of the
// call, or the default of the instance for none. It needs the right to that
// organization. One that does not exist has no policy of its own, so the
// default is in force there: the real server answers so.
func (s *Service) settings(ctx context.Context, organization string) (Policy, error) {
	ctx, cancel, g, err := s.begin(ctx, policyRead)
	if err != nil {
		return Policy{}, err
	}
	defer cancel()
	if organization == "" {
		return s.policies.Default(ctx)
	}
	switch {
	case len(g.caller.rolesIn(organization)) == 0:
		err = errNoMember
	case !g.caller.may(policyRead, organization):
		err = errNotPermitted
	case !g.exists(organization):
		return s.policies.Default(ctx)
	}
	if err != nil {
		// Access knew the organization of the call only.
		g.deny(ctx, organization, err)
		return Policy{}, err
	}
	return s.policies.Get(ctx, organization)
}

// standard returns the default of the instance. Two permissions allow it.
func (s *Service) standard(ctx context.Context, needed permission) (Policy, error) {
	ctx, cancel, _, err := s.begin(ctx, needed)
	if err != nil {
		return Policy{}, err
	}
	defer cancel()
	return s.policies.Default(ctx)
}

func (s *Service) add(ctx context.Context, limits Limits) (Details, error) {
	ctx, cancel, g, err := s.begin(ctx, policyWrite)
	if err != nil {
		return Details{}, err
	}
	defer cancel()
	details, err := s.policies.Add(ctx, g.organization, limits, g.id)
	if err == nil {
		s.changed(ctx, g, Change{Action: ActionAdd, Scope: ScopeOrganization, Limits: &limits})
	}
	return details, err
}

func (s *Service) update(ctx context.Context, limits Limits) (Details, error) {
	ctx, cancel, g, err := s.begin(ctx, policyWrite)
	if err != nil {
		return Details{}, err
	}
	defer cancel()
	details, err := s.policies.Update(ctx, g.organization, limits, g.id)
	if err == nil {
		s.changed(ctx, g, Change{Action: ActionUpdate, Scope: ScopeOrganization, Limits: &limits})
	}
	return details, err
}

func (s *Service) reset(ctx context.Context) (Details, error) {
	ctx, cancel, g, err := s.begin(ctx, policyDelete)
	if err != nil {
		return Details{}, err
	}
	defer cancel()
	details, err := s.policies.Reset(ctx, g.organization, g.id)
	if err == nil {
		s.changed(ctx, g, Change{Action: ActionReset, Scope: ScopeOrganization})
	}
	return details, err
}

func (s *Service) updateStandard(ctx context.Context, limits Limits) (Details, error) {
	ctx, cancel, g, err := s.begin(ctx, defaultWrite)
	if err != nil {
		return Details{}, err
	}
	defer cancel()
	details, err := s.policies.UpdateDefault(ctx, limits, g.id)
	if err == nil {
		s.changed(ctx, g, Change{Action: ActionUpdate, Scope: ScopeDefault, Limits: &limits})
	}
	return details, err
}
