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

// add notes the names of a site. Two sites of one organization cannot differ in
// whom a name means.
func (s *siteNames) add(organization string, n *Names) error {
	compiled, err := n.compile()
	if err != nil {
		return fmt.Errorf("checking names: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, again := s.written[organization]; again && !reflect.DeepEqual(n, other) {
		return fmt.Errorf("checking names: another site of the organization %q has other names, give each site an org", organization)
	}
	if s.written == nil {
		s.written, s.compiled = map[string]*Names{}, map[string]*credentials.Names{}
	}
	s.written[organization], s.compiled[organization] = n, compiled
	return nil
}
