// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"testing"
	"time"
)

func woken(w *waiter) bool {
	select {
	case <-w.woken:
		return true
	default:
		return false
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	var (
		l        = newLines()
		s        = Subject{User: "alice"}
		password = maskOf([]FactorLimit{{Password, 5}, {TOTP, 0}})
		otp      = maskOf([]FactorLimit{{TOTP, 5}})
		a        = l.join(s, password, 3)
		b        = l.join(s, otp, 3)
		c        = l.join(s, password|otp, 3)
	)
	if l.join(s, password, 3) != nil {
		t.Error("the line holds more than its size")
	}
	if !l.first(s, a) || !l.first(s, b) || l.first(s, c) {
		t.Error("first must be who has nobody with the same factor ahead")
	}
	if l.ahead(Subject{User: "bob"}, password) || !l.ahead(s, otp) || l.ahead(s, 0) {
		t.Error("ahead must see the same user and factor alone")
	}
	l.wake(s, 2)
	if !woken(a) || !woken(b) || woken(c) {
		t.Error("2 free slots must wake the first 2")
	}
	l.wake(s, 0)
	l.wake(s, -1)
	if woken(a) {
		t.Error("no free slot must wake nobody")
	}
	l.leave(s, b)
	if !woken(a) || l.first(s, c) {
		t.Error("who leaves must wake the first")
	}
	l.leave(s, a)
	if !woken(c) || !l.first(s, c) || l.first(s, a) {
		t.Error("the last must come first in the end")
	}
	l.refuse(s, Lock{ID: "x"})
	if lock := l.refused(c); !woken(c) || lock == nil || lock.ID != "x" {
		t.Errorf("refused with %+v, want the lock", lock)
	}
	l.leave(s, c)
	l.leave(s, c)
	if len(l.bySubject) != 0 {
		t.Error("an empty line must not be remembered")
	}
}

func TestPending(t *testing.T) {
	t.Parallel()
	p, s, now := newPending(), Subject{User: "alice"}, time.Now()
	old, young := &settlement{id: "old", born: now.Add(-time.Hour)}, &settlement{id: "young", born: now}
	p.add(s, old)
	p.add(s, young)
	if got := p.of(s); len(got) != 2 || len(p.all()) != 1 {
		t.Fatalf("pending %v, want 2 of one subject", got)
	}
	if got := p.expired(func(t *settlement) bool { return t.born.Before(now.Add(-time.Minute)) }); len(got) != 1 || len(got[0].settlements) != 1 || got[0].settlements[0] != old {
		t.Errorf("expired %v, want the old one", got)
	}
	if got := p.done(s, []*settlement{old, young}); len(got) != 1 || got[0] != young {
		t.Errorf("done tells %v, want what was still there", got)
	}
	if got := p.done(s, []*settlement{young}); len(got) != 0 || len(p.bySubject) != 0 || p.count != 0 {
		t.Errorf("done again tells %v, count %d", got, p.count)
	}
	for range maxPending {
		if !p.add(s, &settlement{}) {
			t.Fatal("refused below the bound")
		}
	}
	if p.add(s, young) {
		t.Error("accepted beyond the bound")
	}
}
