// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// A login service may take several names for one account: the user name and the
// e-mail address. A success tells that a name leads to an account, and Link notes
// it at both. From then on an attempt under the name needs a slot of the account
// as well. It still needs one of the name: names change hands, and what is noted
// here may be old. So an alias only ever adds a counter, and nobody gets a guess
// more by it.

const (
	// MaxAccounts is to how many accounts one name can lead.
	MaxAccounts = 2
	// MaxNames is how many names can lead to one account.
	MaxNames = 8
	// maxAliases bounds the names that a node remembers, some 4 MB. Invented ones
	// are not among them.
	maxAliases = 16384
)

// Errors of aliases.
var (
	// ErrAliased: the user is a name that leads to accounts. See ReserveAll.
	ErrAliased = errors.New("the name leads to another account")
	// ErrLinks: a name leads to too many accounts, or too many names lead to an
	// account, or one is already what the other would become. The name stays one
	// by itself.
	ErrLinks = errors.New("no further alias can be noted")
	// ErrAccount is the ErrLinks of a name that is an account by itself: other
	// names lead to it. A success of somebody else under it must not forgive it.
	ErrAccount = fmt.Errorf("%w: the name is an account", ErrLinks)
)

// account is a user to whom a name leads.
type account struct {
	user  string
	until time.Time // of the store's clock
}

// aliasedError tells to whom a name leads.
type aliasedError struct {
	name     Subject
	accounts []account
}

func (e *aliasedError) Error() string { return ErrAliased.Error() }

// Unwrap makes errors.Is(err, ErrAliased) true.
func (e *aliasedError) Unwrap() error { return ErrAliased }

// role is as what a subject is reserved, see lua/reserve.lua.
type role struct {
	mark     string
	accounts []string // that are reserved with this name
}

// The marks of names whose accounts are reserved as well.
const (
	markName     = "@"
	markLastName = "@!"
)

// isName reports whether there are accounts to be locked instead.
func (r role) isName() bool { return r.mark == markName || r.mark == markLastName }

// markAccount is the mark of an account that a name leads to.
func markAccount(name Subject) string {
	d := name.Digest()
	return "@" + base64.RawURLEncoding.EncodeToString(d[:])
}

func parseAccounts(values []any) (accounts []account, err error) {
	for ; len(values) > 1; values = values[2:] {
		user, _ := values[0].(string)
		text, _ := values[1].(string)
		var ms int64
		if _, err := fmt.Sscan(text, &ms); err != nil {
			return nil, fmt.Errorf("parsing the accounts of a name: %w", err)
		}
		accounts = append(accounts, account{user: user, until: time.UnixMilli(ms)})
	}
	slices.SortFunc(accounts, func(a, b account) int { return a.until.Compare(b.until) })
	return accounts, nil
}

// Link notes that a name leads to an account, until CounterTTL from now. It must
// be called before a client hears of the success that has shown it. Both must be
// of one organization.
//
// A LockedError means that the account is locked: the answer must not reach the
// client. ErrLinks means that nothing was noted, and is no reason to refuse.
// Otherwise Link is tried again until ctx ends.
func (c *Counter) Link(ctx context.Context, name, to Subject, operationID string) error {
	if err := checkID(operationID); err != nil {
		return err
	}
	if name.Organization != to.Organization || name == to {
		return fmt.Errorf("%w: %w", ErrLinks, errors.New("an alias is another name in the same organization"))
	}
	for wait := settleBackoff; ; wait = min(2*wait, maxSettleBackoff) {
		lock, err := c.link(ctx, name, to, operationID)
		switch {
		case err != nil && c.local != nil && Away(err):
			_, _, err = c.reserveLocally(to, role{}, operationID, nil)
			return err
		case err == nil && lock != nil:
			return &LockedError{Lock: *lock}
		case err == nil || errors.Is(err, ErrLinks):
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("noting an alias: %w (%w)", err, context.Cause(ctx))
		}
	}
}

// link notes the account's end first: who is led to it bounds who leads to it.
func (c *Counter) link(ctx context.Context, name, to Subject, id string) (*Lock, error) {
	asked := time.Now()
	far, err := c.linkEnd(ctx, to, id, "o", name.User, MaxNames)
	if err != nil || far.code != 1 {
		return far.lock, orLinks(err, far)
	}
	near, err := c.linkEnd(ctx, name, id, "a", to.User, MaxAccounts)
	if err != nil || near.code != 1 {
		return far.lock, orLinks(err, far, near)
	}
	c.aliases.add(name, account{user: to.User, until: asked.Add(c.opts.CounterTTL)})
	return far.lock, nil
}

// orLinks is err, or what an end has answered. A lock goes before.
func orLinks(err error, ends ...reply) error {
	if err != nil || ends[0].lock != nil {
		return err
	}
	switch last := ends[len(ends)-1]; {
	case last.code == 3 && len(ends) == 1:
		return fmt.Errorf("%w: the account is a name that leads to another", ErrLinks)
	case last.code == 3:
		return ErrAccount
	case len(ends) == 1:
		return fmt.Errorf("%w: %d names lead to the account", ErrLinks, MaxNames)
	default:
		return fmt.Errorf("%w: the name leads to %d accounts", ErrLinks, MaxAccounts)
	}
}

func (c *Counter) linkEnd(ctx context.Context, s Subject, id, kind, other string, most int) (reply, error) {
	values, err := c.store.run(ctx, "link", c.store.linkScript, s, append(c.store.fixed(), s.Member(), id, kind, other, most))
	if err != nil {
		return reply{}, err
	}
	r, err := parseReply(values)
	if err == nil && r.lock != nil && r.lock.ID == id {
		c.locked(s, *r.lock) // slots had expired
	}
	return r, err
}

// aliases remembers to whom names lead, so that an attempt can ask for all of its
// slots at once. The store has the last word: it grants nothing to a name that
// leads to somebody whom the caller does not know.
type aliases struct {
	mu     sync.Mutex
	byName map[Subject][]account
}

func newAliases() *aliases { return &aliases{byName: map[Subject][]account{}} }

// of returns the accounts of a name, as far as they are known.
func (a *aliases) of(name Subject, now time.Time) []account {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.byName[name]
	if !ok {
		return nil
	}
	living := slices.DeleteFunc(slices.Clone(known), func(x account) bool { return !now.Before(x.until) })
	if len(living) == 0 {
		delete(a.byName, name)
	}
	return living
}

// put remembers what the store has said of a name.
func (a *aliases) put(name Subject, accounts []account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.byName) >= maxAliases {
		clear(a.byName) // costs a call of the store for each, nothing else
	}
	a.byName[name] = accounts
}

// add remembers one account more.
func (a *aliases) add(name Subject, to account) {
	known := slices.DeleteFunc(a.of(name, time.Now()), func(x account) bool { return x.user == to.user })
	a.put(name, append(known, to))
}
