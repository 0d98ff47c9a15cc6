// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import "strings"

// rewriting is a body that is written anew. As long as it comes out as it was,
// which is the rule for browsers, nothing is copied: a thousand bodies of 64 KiB
// that wait for the login service are held once.
type rewriting struct {
	was     string
	same    int // bytes that came out as they were
	out     strings.Builder
	differs bool
}

// write appends a part.
func (r *rewriting) write(s string) {
	if !r.differs && strings.HasPrefix(r.was[r.same:], s) {
		r.same += len(s)
		return
	}
	r.part()
	r.out.WriteString(s)
}

// writeByte appends a byte.
func (r *rewriting) writeByte(c byte) {
	if !r.differs && r.same < len(r.was) && r.was[r.same] == c {
		r.same++
		return
	}
	r.part()
	r.out.WriteByte(c)
}

// part begins a text of its own.
func (r *rewriting) part() {
	if r.differs {
		return
	}
	r.differs = true
	r.out.Grow(len(r.was) + 64)
	r.out.WriteString(r.was[:r.same])
}

// size returns the length so far.
func (r *rewriting) size() int {
	if r.differs {
		return r.out.Len()
	}
	return r.same
}

// text returns the new body.
func (r *rewriting) text() string {
	switch {
	case r.differs:
		return r.out.String()
	case r.same == len(r.was):
		return r.was
	}
	return strings.Clone(r.was[:r.same]) // not to keep the rest with it
}
