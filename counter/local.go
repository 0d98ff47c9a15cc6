// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxLocal bounds the users counted while the store is away, some 40 MB. The
// next one is told to wait.
const maxLocal = 100_000

// local counts in this process while the store is away, by the same rules: at
// the moment a slot is granted, failures since the store went and slots held
// are at most the limit. What it counted is a debt to the store.
type local struct {
	known *known
	users atomic.Int64 // tells without a lock that there is nobody

	mu        sync.Mutex
	bySubject map[Subject]*localUser
}

type localUser struct {
	factors [len(factorLetters)]localFactor
	held    map[string][]localSlot // by attempt
	lock    *Lock
	debt    *debt // on its way to the store
}

// localFactor is n and b of lua/user.lua, counted from the outage on.
type localFactor struct {
	n, b, max, held uint32
	name            bool // the accounts of this name are to be locked, see role
}

type localSlot struct {
	factor Factor
	seen   uint32
	name   bool
}

func newLocal() *local { return &local{known: newKnown(), bySubject: map[Subject]*localUser{}} }

// failures are those of the outage that no success has forgiven, also while
// they are on their way.
func (u *localUser) failures(f Factor) uint32 { return u.factors[f].n - u.factors[f].b }

// reserve asks for a slot of every factor, all or none. lock is the one that
// refuses, fresh whether this call made it.
func (l *local) reserve(s Subject, as role, id string, limits []FactorLimit, now time.Time) (r Reservation, full bool, lock *Lock, fresh bool) {
	if l.known.has(s) {
		return r, false, &Lock{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.bySubject[s]
	switch {
	case u != nil && u.lock != nil:
		return r, false, u.lock, false
	case maskOf(limits) == 0:
		return r, false, nil, false
	case u == nil && len(l.bySubject) >= maxLocal:
		return r, true, nil, false
	case u == nil:
		u = &localUser{held: map[string][]localSlot{}}
		l.bySubject[s] = u
		l.users.Add(1)
	case u.held[id] != nil:
		return Reservation{Held: true}, false, nil, false
	}
	for _, f := range limits {
		switch failures := u.failures(f.Factor); {
		case f.Max == 0:
		case failures >= f.Max && as.mark == markName:
			return r, true, nil, false
		case failures >= f.Max: // the policy was lowered, or a name has no guess left
			u.lock = &Lock{Factor: f.Factor, At: now, ID: id, By: Policy}
			return r, false, u.lock, true
		case failures+u.factors[f.Factor].held >= f.Max:
			return r, true, nil, false
		}
	}
	var slots []localSlot
	for _, f := range limits {
		if f.Max > 0 {
			x := &u.factors[f.Factor]
			x.held++
			x.max, x.name = f.Max, as.isName()
			slots = append(slots, localSlot{factor: f.Factor, seen: x.n, name: x.name})
		}
	}
	u.held[id] = slots
	return Reservation{Held: true}, false, nil, false
}

// settled is what a local settle did.
type settled struct {
	ours  bool  // the attempt had its slot here
	pass  bool  // false: a success came too late, the user is locked
	free  int64 // slots left
	lock  *Lock // of the user
	fresh bool  // this attempt made the lock
}

// settle ends an attempt that has its slot here. outcomes are those of
// lua/user.lua.
func (l *local) settle(s Subject, id, outcomes string, now time.Time) (done settled) {
	if l.users.Load() == 0 {
		return done
	}
	known := l.known.has(s)
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.bySubject[s]
	if u == nil || u.held[id] == nil {
		return done
	}
	done = settled{ours: true, pass: true}
	locked := known || u.lock != nil
	for _, slot := range u.held[id] {
		f := &u.factors[slot.factor]
		f.held--
		switch outcomeOf(outcomes, slot.factor) {
		case 's':
			if locked {
				done.pass = false
			} else if slot.seen > f.b {
				f.b = slot.seen
				if u.debt != nil {
					u.debt.void = true
				}
			}
		case 'o': // who came by which name is not known here
			done.pass = done.pass && !locked
		case 'f':
			f.n++
			if failures := u.failures(slot.factor); failures >= f.max && u.lock == nil && !slot.name {
				u.lock = &Lock{Factor: slot.factor, At: now, ID: id, By: Policy}
				done.fresh = true
			}
		}
		if used := u.failures(slot.factor) + f.held; used < f.max {
			done.free = max(done.free, int64(f.max-used))
		}
	}
	delete(u.held, id)
	done.lock = u.lock
	l.leave(s, u)
	return done
}

// outcomeOf is the outcome of a factor; one that is not named has failed.
func outcomeOf(outcomes string, f Factor) byte {
	for i := 0; i+1 < len(outcomes); i += 2 {
		if outcomes[i] == f.letter() {
			return outcomes[i+1]
		}
	}
	return 'f'
}

// holds reports whether attempts have slots here of the factors in limits.
func (l *local) holds(s Subject, limits []FactorLimit) bool {
	if l.users.Load() == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.bySubject[s]
	return u != nil && slices.ContainsFunc(limits, func(f FactorLimit) bool {
		return f.Max > 0 && u.factors[f.Factor].held > 0
	})
}

// leave forgets a user of whom there is nothing to tell.
func (l *local) leave(s Subject, u *localUser) {
	if u.lock != nil || u.debt != nil || len(u.held) > 0 {
		return
	}
	for _, f := range u.factors {
		if f.n != f.b {
			return
		}
	}
	delete(l.bySubject, s)
	l.users.Add(-1)
}
