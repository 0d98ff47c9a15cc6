// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// organizationIn returns the organization of a step on a site.
func (s *Step) organizationIn(site string) (string, error) {
	switch {
	case s.Organization == "":
		return "", nil
	case s.User.Bound:
		return "", errors.New("checking org: the step is bound to a key, which keeps the organization of whom it stands for, remove it")
	}
	name := strings.ReplaceAll(s.Organization, "{org}", site)
	if err := policyapi.CheckOrganization(name); err != nil {
		return "", fmt.Errorf("checking org: %w", err)
	}
	return name, nil
}

// peopleOf returns whose users a step names, and which of their names are one.
func (h *Handler) peopleOf(s *step) (organization string, names *credentials.Names) {
	if s.org == "" {
		return h.Organization, h.app.namesOf(h.Organization)
	}
	return s.org, h.app.namesOf(s.org)
}

// namesOf returns which names are one in an organization.
func (h *Handler) namesOf(organization string) *credentials.Names {
	return h.app.namesOf(organization)
}

// limitsOf returns the limits of the users of one organization: the key of a
// session may have been named with users of two.
func (a *attempt) limitsOf(ctx context.Context, organization string) ([]counter.FactorLimit, error) {
	if organization == a.login.subject.Organization {
		return a.limits, nil
	}
	return a.handler.app.limits(ctx, a.backend, organization, a.factors()...)
}
