// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"sync"
	"sync/atomic"
)

// held is what the cache knows: the default, and per organization whether it
// has limits of its own. An organization without does not repeat the default,
// so a new default is one assignment however many organizations are held.
//
// The refresher alone writes it, and may therefore read it without the lock.
type held struct {
	mu       sync.RWMutex
	standard Limits
	entries  map[string]*entry
	most     int
}

type entry struct {
	limits Limits
	custom bool
	// used is set by readers and taken away by evict: whoever was read since
	// the last round stays for another.
	used atomic.Bool
}

func newHeld(most int) *held { return &held{entries: make(map[string]*entry), most: most} }

// limits is the hot path. It writes nothing that it finds written already, so
// that readers on different cores do not fight for the entry's cache line.
func (h *held) limits(organization string) (Limits, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	e, ok := h.entries[organization]
	if !ok {
		return Limits{}, false
	}
	if !e.used.Load() {
		e.used.Store(true)
	}
	if e.custom {
		return e.limits, true
	}
	return h.standard, true
}

// put takes over what was read. Organizations that are not held stay so unless
// they are wanted. The default and the organizations change together: a reader
// sees the page before or the page after.
func (h *held) put(organizations []string, p page, wanted func(organization string) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.standard = p.standard.Limits
	for i, organization := range organizations {
		r := &p.policies[i]
		if r.err != nil {
			continue
		}
		e, ok := h.entries[organization]
		if !ok {
			if !wanted(organization) {
				continue
			}
			if len(h.entries) >= h.most {
				h.evict()
			}
			e = &entry{}
			h.entries[organization] = e
		}
		e.limits, e.custom = r.policy.Limits, r.custom
	}
}

// evict makes room for one organization by second chance: the first one that
// was not read since evict last passed it goes. The order of the map, which Go
// shuffles, is the hand of the clock. New entries start without a second
// chance, so a flood of names displaces itself and not those in use.
func (h *held) evict() {
	for organization, e := range h.entries {
		if !e.used.Swap(false) {
			delete(h.entries, organization)
			return
		}
	}
	for organization := range h.entries { // all were in use: any may go
		delete(h.entries, organization)
		return
	}
}
