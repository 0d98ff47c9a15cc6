// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"crypto/rand"
	"math"
)

// debt is what the store is owed for a user. It is paid once, however often it
// is sent.
type debt struct {
	id       string
	upto     [len(factorLetters)]uint32 // n of each factor when it was made
	failures [len(factorLetters)]uint32
	max      [len(factorLetters)]uint32
	lock     *Lock
	// void: a success forgave it before the store acknowledged it. The store
	// may have it nevertheless, so it is still asked.
	void bool
}

// owed returns what the store is to be told of a user, false when nothing.
func (l *local) owed(s Subject) (debt, bool) {
	if l.users.Load() == 0 {
		return debt{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.bySubject[s]
	if u == nil {
		return debt{}, false
	}
	if u.debt == nil && !u.borrow() {
		return debt{}, false
	}
	d := *u.debt
	if d.void {
		clear(d.failures[:])
	}
	return d, true
}

// borrow makes a debt of what is not forgiven. It reports whether there is one.
func (u *localUser) borrow() bool {
	d := &debt{id: rand.Text(), lock: u.lock}
	owes := u.lock != nil
	for i, f := range u.factors {
		d.upto[i], d.failures[i], d.max[i] = f.n, f.n-f.b, f.max
		if f.name {
			d.max[i] = math.MaxUint32 // the store locks it when it asks for more
		}
		owes = owes || f.n != f.b
	}
	if owes {
		u.debt = d
	}
	return owes
}

// paid ends a debt that the store has taken over. before tells that it had it
// already: then it counted what a void debt holds as well.
func (l *local) paid(s Subject, id string, before bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.bySubject[s]
	if u == nil || u.debt == nil || u.debt.id != id {
		return
	}
	d := u.debt
	u.debt = nil
	if !d.void || before {
		for i := range u.factors {
			u.factors[i].b = max(u.factors[i].b, d.upto[i])
		}
	}
	if d.lock != nil {
		u.lock = nil
	}
	l.leave(s, u)
}

// debtors returns the users about whom something is known here.
func (l *local) debtors() []Subject {
	if l.users.Load() == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Subject, 0, len(l.bySubject))
	for s := range l.bySubject {
		all = append(all, s)
	}
	return all
}
