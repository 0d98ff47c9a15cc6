// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"slices"
	"sync"
)

// What waits for the store is bounded: some 4 MB of outcomes, and 16 MB of
// reserves to give up. The bounds are apart, so that a flood of invented names
// during an outage does not push out what real attempts are owed.
const (
	maxPending = 16384
	maxGiveUps = 65536
)

// pending keeps settlements until the store has acknowledged them. Whoever
// calls the store for a subject takes along what is pending for it: a sequence
// of attempts then sees each one's failure in the next. The same settlement
// may travel with several calls; the store counts it once.
type pending struct {
	mu        sync.Mutex
	bySubject map[Subject][]*settlement
	count     int // without giveUps
	giveUps   int

	ready chan struct{} // something is pending
	hurry chan struct{} // somebody waits for it
}

func newPending() *pending {
	return &pending{
		bySubject: map[Subject][]*settlement{},
		ready:     make(chan struct{}, 1),
		hurry:     make(chan struct{}, 1),
	}
}

// add reports false when too much is pending already.
func (p *pending) add(s Subject, t *settlement) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	count, most := p.counterOf(t)
	if *count >= most {
		return false
	}
	*count++
	p.bySubject[s] = append(p.bySubject[s], t)
	signal(p.ready)
	return true
}

func (p *pending) counterOf(t *settlement) (count *int, most int) {
	if t.outcomes == giveUp {
		return &p.giveUps, maxGiveUps
	}
	return &p.count, maxPending
}

// of returns what is pending for a subject.
func (p *pending) of(s Subject) []*settlement {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.bySubject[s])
}

// all returns everything that is pending.
func (p *pending) all() []group {
	p.mu.Lock()
	defer p.mu.Unlock()
	groups := make([]group, 0, len(p.bySubject))
	for s, ts := range p.bySubject {
		groups = append(groups, group{subject: s, settlements: slices.Clone(ts)})
	}
	return groups
}

// done removes settlements and returns those that were still there: of several
// calls that delivered the same one, the first to answer tells its effect.
func (p *pending) done(s Subject, ts []*settlement) []*settlement {
	if len(ts) == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var removed []*settlement
	rest := slices.DeleteFunc(p.bySubject[s], func(t *settlement) bool {
		if !slices.Contains(ts, t) {
			return false
		}
		count, _ := p.counterOf(t)
		*count--
		removed = append(removed, t)
		return true
	})
	if len(rest) == 0 {
		delete(p.bySubject, s)
	} else {
		p.bySubject[s] = rest
	}
	return removed
}

// expired removes and returns what is not worth delivering any more.
func (p *pending) expired(old func(*settlement) bool) []group {
	var groups []group
	for _, g := range p.all() {
		if ts := p.done(g.subject, slices.DeleteFunc(g.settlements, func(t *settlement) bool { return !old(t) })); len(ts) > 0 {
			groups = append(groups, group{subject: g.subject, settlements: ts})
		}
	}
	return groups
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
