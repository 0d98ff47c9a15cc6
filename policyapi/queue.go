// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import "sync"

// chunk is the most organizations that one transaction reads: some 3 ms of
// Redis, so that a miss never waits long behind a full refresh.
const chunk = 500

// queue collects what has to be read: for callers that wait, and because it
// may have changed. One reader takes from it, batch after batch.
//
// Invariant: what is held and not dirty is as new as the change number
// current, or newer.
type queue struct {
	wake chan struct{} // there is something to take

	mu      sync.Mutex
	closed  bool
	current uint64
	// all marks everything held as dirty, at the next take.
	all bool
	// check asks for a read of the sequence even if nothing is dirty.
	check bool
	// dirty organizations are read again. They need not be held; the empty
	// one stands for the default, which every read includes.
	dirty  map[string]struct{}
	misses map[string]*call // by organization: one read for all who wait
	backs  []*call          // of own changes
}

// call is one answer that callers wait for.
type call struct {
	organization string
	done         chan struct{} // closed when the rest is set
	limits       Limits
	err          error
}

// batch is one read.
type batch struct {
	organizations []string
	dirty         []string // those to mark again if the read fails
	misses        map[string]*call
	backs         []*call
	full, check   bool
	current       uint64 // when the read began
}

func newQueue() *queue {
	return &queue{
		wake:   make(chan struct{}, 1),
		all:    true, // the first read says where the sequence stands
		dirty:  make(map[string]struct{}),
		misses: make(map[string]*call),
	}
}

// update changes the queue and wakes its reader.
func (q *queue) update(change func()) {
	q.mu.Lock()
	change()
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default: // awake already
	}
}

// miss asks for an organization that is not held.
func (q *queue) miss(organization string) *call {
	var c *call
	q.update(func() {
		if c = q.misses[organization]; c == nil {
			c = q.newCall(organization)
			if !q.closed {
				q.misses[organization] = c
			}
		}
	})
	return c
}

// back asks for a read that begins after now.
func (q *queue) back(organization string) *call {
	var c *call
	q.update(func() {
		c = q.newCall(organization)
		if !q.closed {
			q.backs = append(q.backs, c)
			q.dirty[organization] = struct{}{}
		}
	})
	return c
}

func (q *queue) newCall(organization string) *call {
	c := &call{organization: organization, done: make(chan struct{})}
	if q.closed {
		c.finish(Limits{}, ErrClosed)
	}
	return c
}

func (c *call) finish(limits Limits, err error) {
	c.limits, c.err = limits, err
	close(c.done)
}

// changed takes a message: the change with this number concerned organization.
func (q *queue) changed(sequence uint64, organization string) {
	q.update(func() {
		// Read it whether it is held or not: a read that is under way may be
		// about to put it there. A number that is old or repeated needs the
		// read as well, it may come from a Redis that lost its data.
		q.dirty[organization] = struct{}{}
		switch {
		case sequence == q.current+1:
			q.current = sequence
		case sequence > q.current:
			q.all = true // a message is missing
		}
	})
}

// doubt asks to read all that is held again.
func (q *queue) doubt() { q.update(func() { q.all = true }) }

// poll asks to look at the sequence.
func (q *queue) poll() { q.update(func() { q.check = true }) }

// take returns what to read next, or nil.
func (q *queue) take(h *held) *batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := &batch{misses: make(map[string]*call), backs: q.backs, full: q.all, check: q.check, current: q.current}
	if q.all {
		for organization := range h.entries {
			q.dirty[organization] = struct{}{}
		}
	}
	q.all, q.check, q.backs = false, false, nil

	for organization, c := range q.misses {
		if limits, ok := h.limits(organization); ok { // the batch before brought it
			delete(q.misses, organization)
			c.finish(limits, nil)
		}
	}
	add := func(organization string) {
		if _, ok := q.dirty[organization]; ok {
			delete(q.dirty, organization)
			b.dirty = append(b.dirty, organization)
		}
		if organization != "" {
			b.organizations = append(b.organizations, organization)
		}
	}
	for _, c := range b.backs {
		if _, ok := q.dirty[c.organization]; ok { // else added by another call
			add(c.organization)
		}
	}
	for organization, c := range q.misses {
		if len(b.organizations) >= chunk {
			break
		}
		delete(q.misses, organization)
		b.misses[organization] = c
		add(organization)
	}
	for organization := range q.dirty {
		if len(b.organizations) >= chunk {
			break
		}
		add(organization)
	}
	if len(b.dirty)+len(b.misses) == 0 && !b.full && !b.check {
		return nil
	}
	return b
}

// read closes the books on a batch that found the sequence at this number.
// Batches follow one another, so a number below the one that the batch began
// with is no late answer: Redis was emptied, or restored from older data.
func (q *queue) read(b *batch, sequence uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case b.full && sequence < b.current:
		q.current = sequence
	case b.full:
		q.current = max(q.current, sequence) // messages may have come meanwhile
	case sequence < b.current, b.check && sequence > q.current:
		q.all = true
	}
}

// failed puts back what the batch should have read. Callers that wait for an
// organization get the error, those behind the batch too: the store is away,
// and while they ask it the queue must not grow.
func (q *queue) failed(b *batch, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all = q.all || b.full
	for _, organization := range b.dirty {
		q.dirty[organization] = struct{}{}
	}
	for _, misses := range []map[string]*call{b.misses, q.misses} {
		for _, c := range misses {
			c.finish(Limits{}, err)
		}
	}
	clear(q.misses)
	for _, c := range b.backs {
		c.finish(Limits{}, err)
	}
}

// close refuses whoever waits, and whoever comes.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, c := range q.misses {
		c.finish(Limits{}, ErrClosed)
	}
	for _, c := range q.backs {
		c.finish(Limits{}, ErrClosed)
	}
	q.misses, q.backs = nil, nil
}
