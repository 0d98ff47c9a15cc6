// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// siteNames are the names that sites give their organizations: a preset knows
// what its service takes for one account, and its directive stands in a site. All
// sites are provisioned before the first request.
type siteNames struct {
	mu       sync.RWMutex
	written  map[string]*Names
	compiled map[string]*credentials.Names
}

// of returns the names of an organization, or nil.
func (s *siteNames) of(organization string) *credentials.Names {
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.compiled[organization]
}

// addSiteNames notes the names of a site, unless its organization has its own.
func (a *App) addSiteNames(organization string, n *Names) error {
	if _, own := a.nameRules.organizations[organization]; own {
		return nil
	}
	return a.nameRules.sites.add(organization, n)
}

// add notes the names of a site, nil when it says nothing. Two sites of one
// organization cannot differ in whom a name means: behind the one that says
// nothing Alice and ALICE may be one account.
func (s *siteNames) add(organization string, n *Names) error {
	compiled, err := n.compile()
	if err != nil {
		return fmt.Errorf("checking names: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, again := s.written[organization]; again && !reflect.DeepEqual(n, other) {
		return fmt.Errorf("checking names: another site of the organization %q has other names or none, give each site an org", organization)
	}
	if s.written == nil {
		s.written, s.compiled = map[string]*Names{}, map[string]*credentials.Names{}
	}
	if s.written[organization] = n; n != nil {
		s.compiled[organization] = compiled
	}
	return nil
}
