// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"slices"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// aliasModel is the counter of one factor of several users, some of whom are names
// of others, as rules. It knows no time.
type aliasModel struct {
	highest uint32
	users   map[counter.Subject]*modelUser
}

type modelUser struct {
	failed, forgiven, held uint32
	locked                 bool
	through                map[counter.Subject]uint32 // failures that stay, by the name that they came by
	accounts, names        []counter.Subject
}

// modelClaim is what an attempt holds of one user.
type modelClaim struct {
	user           *modelUser
	by             *counter.Subject // the name that led to this account
	name           bool             // there is an account that counts as well
	seen, seenByIt uint32
}

func (m *aliasModel) of(s counter.Subject) *modelUser {
	if m.users[s] == nil {
		m.users[s] = &modelUser{through: map[counter.Subject]uint32{}}
	}
	return m.users[s]
}

func (u *modelUser) failures() uint32 { return u.failed - u.forgiven }

// reserve grants a slot of everybody or of nobody. A name with accounts is
// locked when it has used up its own guesses and its accounts have not.
func (m *aliasModel) reserve(s counter.Subject) (claims []modelClaim, reply ModelReply) {
	name := m.of(s)
	for _, account := range name.accounts {
		u := m.of(account)
		claims = append(claims, modelClaim{user: u, by: &s, seen: u.failed, seenByIt: u.through[s]})
	}
	claims = append(claims, modelClaim{user: name, name: len(claims) > 0, seen: name.failed})
	if slices.ContainsFunc(claims, func(c modelClaim) bool { return c.user.locked }) {
		return nil, Locked
	}
	for _, c := range claims {
		if c.user.failures() >= m.highest {
			c.user.locked = true // only a name gets here without a lock
			return nil, Locked
		}
		if c.user.failures()+c.user.held >= m.highest {
			return nil, Full
		}
	}
	for _, c := range claims {
		c.user.held++
	}
	return claims, Granted
}

// settle ends one claim and reports whether it passes.
func (m *aliasModel) settle(c modelClaim, o counter.Outcome) bool {
	u := c.user
	u.held--
	switch o {
	case counter.Failure:
		u.failed++
		if c.by != nil {
			u.through[*c.by]++
		}
		u.locked = u.locked || !c.name && u.failures() >= m.highest
		return true
	case counter.Void:
		return true
	}
	switch {
	case u.locked:
		return false
	case o == counter.Success && c.seen > u.forgiven:
		u.forgive(c.seen)
	case o == counter.SuccessByName && c.by != nil:
		k := min(c.seenByIt, u.through[*c.by], c.seen-min(c.seen, u.forgiven))
		u.forgiven += k
		u.through[*c.by] -= k
	}
	return true
}

// forgive forgives failures up to one. Which of those that stay came by which
// name is not known any more.
func (u *modelUser) forgive(upto uint32) {
	u.forgiven = upto
	clear(u.through)
}

func (m *aliasModel) unlock(s counter.Subject) {
	u := m.of(s)
	if u.locked {
		u.locked = false
		u.forgive(u.failed)
	}
}

func (m *aliasModel) reset(s counter.Subject) {
	if u := m.of(s); u.failures() > 0 {
		u.forgive(u.failed)
	}
}

// link reports whether the alias is noted. The account's end may be without the
// other: it bounds who leads there.
func (m *aliasModel) link(s, to counter.Subject) bool {
	name, account := m.of(s), m.of(to)
	if s == to || len(account.accounts) > 0 || !add(&account.names, s, counter.MaxNames) {
		return false
	}
	return len(name.names) == 0 && add(&name.accounts, to, counter.MaxAccounts)
}

func add(list *[]counter.Subject, s counter.Subject, most int) bool {
	if slices.Contains(*list, s) {
		return true
	}
	if len(*list) >= most {
		return false
	}
	*list = append(*list, s)
	slices.SortFunc(*list, func(a, b counter.Subject) int { return slices.Compare([]byte(a.User), []byte(b.User)) })
	return true
}
