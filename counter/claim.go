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

// Want is whom an attempt names, and the limits of that user. Those of the
// accounts that the name leads to are the same.
type Want struct {
	Subject Subject
	Limits  []FactorLimit
}

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

	limits []FactorLimit
}

// Named reports whether the attempt named this subject itself.
func (c *Claim) Named() bool { return c.Name == Subject{} }

// ReserveAll asks for a slot of every subject that an attempt is about, and of
// every account that one of them leads to, all or none. Each claim is then to be
// settled by itself under its own ID. Errors are those of ReserveIn.
func (c *Counter) ReserveAll(ctx context.Context, q Queue, attemptID string, wants ...Want) ([]Claim, error) {
	var known map[Subject][]account
	now := time.Now()
	for _, w := range wants {
		if err := checkAttempt(attemptID, w.Limits); err != nil {
			return nil, err
		}
		if accounts := c.aliases.of(w.Subject, now); len(accounts) > 0 {
			known = learn(known, w.Subject, accounts)
		}
	}
	t := tries{id: attemptID}
	for {
		claims := c.claims(wants, known)
		err := c.takeAll(ctx, q, &t, claims)
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
func (c *Counter) claims(wants []Want, known map[Subject][]account) []Claim {
	var accounts, names []Claim
	for _, w := range wants {
		claim := Claim{Subject: w.Subject, limits: w.Limits}
		for _, a := range known[w.Subject] {
			claim.Accounts = append(claim.Accounts, a.user)
		}
		if len(claim.Accounts) == 0 {
			accounts = append(accounts, claim)
		} else {
			names = append(names, claim)
		}
	}
	for _, w := range wants {
		for _, a := range known[w.Subject] {
			s := Subject{Organization: w.Subject.Organization, User: a.user}
			same := func(x Claim) bool { return x.Subject == s }
			if slices.ContainsFunc(names, same) || slices.ContainsFunc(accounts, same) {
				continue
			}
			fading := time.Until(a.until) < c.opts.CounterTTL/2
			accounts = append(accounts, Claim{Subject: s, Name: w.Subject, Fading: fading, limits: w.Limits})
		}
	}
	for _, list := range [][]Claim{accounts, names} {
		slices.SortFunc(list, func(a, b Claim) int { return strings.Compare(a.Subject.Member(), b.Subject.Member()) })
	}
	return append(accounts, names...)
}

// takeAll fills in the claims. After an error none holds anything.
func (c *Counter) takeAll(ctx context.Context, q Queue, t *tries, claims []Claim) error {
	stamp(claims, t.next())
	if len(claims) == 1 {
		r, err := c.reserveAs(ctx, q, claims[0].Subject, role{}, claims[0].ID, claims[0].limits)
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
	err := c.takeAtOnce(ctx, claims)
	if errors.Is(err, ErrBusy) {
		stamp(claims, t.next())
		err = c.takeInOrder(ctx, q, claims)
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

func (c *Counter) takeAtOnce(ctx context.Context, claims []Claim) error {
	errs := make([]error, len(claims))
	var running sync.WaitGroup
	for i := range claims {
		running.Go(func() {
			claim := &claims[i]
			var r Reservation
			r, errs[i] = c.reserveAs(ctx, Queue{}, claim.Subject, claim.as(markName), claim.ID, claim.limits)
			claim.Held = r.Held
		})
	}
	running.Wait()
	err := worst(errs)
	if err != nil {
		c.release(ctx, claims)
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

func (c *Counter) takeInOrder(ctx context.Context, q Queue, claims []Claim) error {
	deadline := time.Now().Add(q.Wait)
	for i := range claims {
		claim := &claims[i]
		q.Wait = max(time.Until(deadline), 0)
		r, err := c.reserveAs(ctx, q, claim.Subject, claim.as(markLastName), claim.ID, claim.limits)
		if err != nil {
			c.release(ctx, claims)
			return err
		}
		claim.Held = r.Held
	}
	return nil
}

// release gives back what claims hold.
func (c *Counter) release(ctx context.Context, claims []Claim) {
	for i := range claims {
		claim := &claims[i]
		if !claim.Held {
			continue
		}
		claim.Held = false
		outcomes := make([]FactorOutcome, 0, len(claim.limits))
		for _, l := range claim.limits {
			outcomes = append(outcomes, FactorOutcome{Factor: l.Factor, Outcome: Void})
		}
		_ = c.Settle(ctx, claim.Subject, claim.ID, outcomes) // of known factors it takes note
	}
}
