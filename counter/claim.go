// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Claim is the part of an attempt that concerns one subject.
type Claim struct {
	Subject Subject
	// ID is that of the reservation, for Settle.
	ID string
	// Held is whether there is a slot that must be settled.
	Held bool
	// Name is the name that led to this account; the zero value for a subject
	// that the attempt named itself.
	Name Subject
	// Accounts are the users to whom this subject leads as a name.
	Accounts []string
	// Fading is whether Link should be called anew when a success shows that the
	// name still leads to this account.
	Fading bool
}

// Named reports whether the attempt named this subject itself.
func (c *Claim) Named() bool { return c.Name == Subject{} }

// ReserveAll asks for a slot of every subject that an attempt is about, and of
// every account that one of them leads to, all or none. Each claim is then to be
// settled by itself under its own ID. Errors are those of ReserveIn.
func (c *Counter) ReserveAll(ctx context.Context, q Queue, attemptID string, limits []FactorLimit, named ...Subject) ([]Claim, error) {
	if err := checkAttempt(attemptID, limits); err != nil {
		return nil, err
	}
	var known map[Subject][]account
	now := time.Now()
	for _, s := range named {
		if accounts := c.aliases.of(s, now); len(accounts) > 0 {
			known = learn(known, s, accounts)
		}
	}
	t := tries{id: attemptID}
	for {
		claims := c.claims(named, known)
		err := c.takeAll(ctx, q, &t, claims, limits)
		if err == nil {
			return claims, nil
		}
		// The store knows of more accounts than this node. There are only so many.
		strange, ok := errors.AsType[*aliasedError](err)
		if !ok {
			return nil, err
		}
		known = learn(known, strange.name, strange.accounts)
		c.aliases.put(strange.name, strange.accounts)
	}
}

func learn(known map[Subject][]account, name Subject, accounts []account) map[Subject][]account {
	if known == nil {
		known = map[Subject][]account{}
	}
	known[name] = accounts
	return known
}

// tries gives each try to get the slots of an attempt an id of its own: a late
// message about one must not touch the next.
type tries struct {
	id string
	n  int
}

func (t *tries) next() string {
	t.n++
	if t.n == 1 {
		return t.id
	}
	return t.id[:min(len(t.id), 28)] + "-" + strconv.Itoa(t.n)
}

// claims are what an attempt needs slots of, in the order in which it asks for
// them. It is one order for everybody, as two attempts that each hold a slot must
// not wait for the other's: accounts, then the names that lead to them.
func (c *Counter) claims(named []Subject, known map[Subject][]account) []Claim {
	var accounts, names []Claim
	for _, s := range named {
		claim := Claim{Subject: s}
		for _, a := range known[s] {
			claim.Accounts = append(claim.Accounts, a.user)
		}
		if len(claim.Accounts) == 0 {
			accounts = append(accounts, claim)
		} else {
			names = append(names, claim)
		}
	}
	for _, name := range named {
		for _, a := range known[name] {
			s := Subject{Organization: name.Organization, User: a.user}
			if slices.Contains(named, s) || slices.ContainsFunc(accounts, func(x Claim) bool { return x.Subject == s }) {
				continue
			}
			accounts = append(accounts, Claim{Subject: s, Name: name, Fading: time.Until(a.until) < c.opts.CounterTTL/2})
		}
	}
	for _, list := range [][]Claim{accounts, names} {
		slices.SortFunc(list, func(a, b Claim) int { return strings.Compare(a.Subject.Member(), b.Subject.Member()) })
	}
	return append(accounts, names...)
}

// takeAll fills in the claims. After an error none holds anything.
func (c *Counter) takeAll(ctx context.Context, q Queue, t *tries, claims []Claim, limits []FactorLimit) error {
	stamp(claims, t.next())
	if len(claims) == 1 {
		r, err := c.reserveAs(ctx, q, claims[0].Subject, role{}, claims[0].ID, limits)
		claims[0].Held = r.Held
		return err
	}
	now := time.Now()
	for i := range claims {
		if lock, _ := c.denied.of(claims[i].Subject, now); lock != nil {
			return &LockedError{Lock: *lock}
		}
	}
	// All at once takes as long as one. Who waits asks in order: two attempts that
	// each hold a slot would wait for the other's.
	err := c.takeAtOnce(ctx, claims, limits)
	if errors.Is(err, ErrBusy) {
		stamp(claims, t.next())
		err = c.takeInOrder(ctx, q, claims, limits)
	}
	return err
}

func stamp(claims []Claim, id string) {
	for i := range claims {
		claims[i].ID = id
	}
}

// as is what the claim is reserved as.
func (c *Claim) as(mark string) role {
	switch {
	case !c.Named():
		return role{mark: markAccount(c.Name)}
	case len(c.Accounts) > 0:
		return role{mark: mark, accounts: c.Accounts}
	}
	return role{}
}

func (c *Counter) takeAtOnce(ctx context.Context, claims []Claim, limits []FactorLimit) error {
	errs := make([]error, len(claims))
	var running sync.WaitGroup
	for i := range claims {
		running.Go(func() {
			claim := &claims[i]
			var r Reservation
			r, errs[i] = c.reserveAs(ctx, Queue{}, claim.Subject, claim.as(markName), claim.ID, limits)
			claim.Held = r.Held
		})
	}
	running.Wait()
	err := worst(errs)
	if err != nil {
		c.release(ctx, claims, limits)
	}
	return err
}

// worst returns the error that decides: who is locked is refused whatever else
// there is, and who is busy may wait unless there is anything else.
func worst(errs []error) (worst error) {
	rank := func(err error) int {
		switch {
		case err == nil:
			return 0
		case errors.Is(err, ErrBusy):
			return 1
		case errors.Is(err, ErrAliased):
			return 2
		case errors.Is(err, ErrLocked):
			return 4
		}
		return 3
	}
	for _, err := range errs {
		if rank(err) > rank(worst) {
			worst = err
		}
	}
	return worst
}

func (c *Counter) takeInOrder(ctx context.Context, q Queue, claims []Claim, limits []FactorLimit) error {
	deadline := time.Now().Add(q.Wait)
	for i := range claims {
		claim := &claims[i]
		q.Wait = max(time.Until(deadline), 0)
		r, err := c.reserveAs(ctx, q, claim.Subject, claim.as(markLastName), claim.ID, limits)
		if err != nil {
			c.release(ctx, claims, limits)
			return err
		}
		claim.Held = r.Held
	}
	return nil
}

// release gives back what claims hold.
func (c *Counter) release(ctx context.Context, claims []Claim, limits []FactorLimit) {
	outcomes := make([]FactorOutcome, 0, len(limits))
	for _, l := range limits {
		outcomes = append(outcomes, FactorOutcome{Factor: l.Factor, Outcome: Void})
	}
	for i := range claims {
		if claims[i].Held {
			claims[i].Held = false
			_ = c.Settle(ctx, claims[i].Subject, claims[i].ID, outcomes) // of known factors it takes note
		}
	}
}
