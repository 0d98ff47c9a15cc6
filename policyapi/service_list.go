// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

const (
	defaultListLimit = 100
	maxListLimit     = 1000
	// maxListed bounds the locked users that one call looks at. The store
	// finds users from the first name on or by their name; whatever else is
	// asked means reading all of them.
	maxListed = 10_000
)

// userSearch is which users a list is of. All its conditions must hold.
type userSearch struct {
	states []userFilter
	names  []nameFilter
	// organizations are those that the users must be of; v2 only.
	organizations []string
	offset        uint64
	limit         uint32
	// descending is the order by name backwards. Unless byName is set, the
	// order is a wish only.
	descending, byName bool
}

// userFilter is a condition on the state.
type userFilter uint8

const (
	onlyLocked userFilter = iota
	onlyActive
	// onlyOthers are states that no user has here.
	onlyOthers
)

func (f userFilter) admits(s UserState) bool {
	return f == onlyLocked && s.Locked || f == onlyActive && !s.Locked
}

// nameFilter is a condition on the name.
type nameFilter struct {
	query   string // as the client calls it, for errors
	text    string
	exact   bool // the text is a whole name
	folded  bool // upper and lower case are the same
	matches func(name, text string) bool
}

func (f *nameFilter) admits(name string) bool {
	if f.folded {
		return f.matches(strings.ToLower(name), strings.ToLower(f.text))
	}
	return f.matches(name, f.text)
}

// list returns a page of users of the organization and how many there are in
// all.
func (s *Service) list(ctx context.Context, search userSearch) ([]UserRow, uint64, error) {
	ctx, cancel, g, err := s.begin(ctx, userRead)
	if err != nil {
		return nil, 0, err
	}
	defer cancel()
	return s.page(ctx, &g.organization, search)
}

// listEverywhere is list for the users of every organization that the caller
// may read. Who may read none gets an empty list, as from the real server.
func (s *Service) listEverywhere(ctx context.Context, search userSearch) ([]UserRow, uint64, error) {
	ctx, cancel, g, err := s.begin(ctx, authenticated)
	if err != nil {
		return nil, 0, err
	}
	defer cancel()
	var scope *string // every organization
	if !g.caller.mayEverywhere(userRead) {
		scope = &g.caller.Organization
	}
	for i := range search.organizations {
		if scope != nil && *scope != search.organizations[i] {
			return nil, 0, nil
		}
		scope = &search.organizations[i]
	}
	// Nobody is in an organization without a usable name; the empty one would
	// be another key.
	if scope != nil && (!g.caller.may(userRead, *scope) || CheckOrganization(*scope) != nil) {
		return nil, 0, nil
	}
	return s.page(ctx, scope, search)
}

// page returns a page of users of an organization, or of all for nil.
func (s *Service) page(ctx context.Context, organization *string, search userSearch) (rows []UserRow, total uint64, err error) {
	if search.offset > maxListed {
		return nil, 0, argumentError(fmt.Sprintf("query.offset: at most %d", maxListed))
	}
	if search.limit > maxListLimit {
		return nil, 0, argumentError(fmt.Sprintf("query.limit: at most %d", maxListLimit))
	}
	if search.limit == 0 {
		search.limit = defaultListLimit
	}
	exact := slices.IndexFunc(search.names, func(f nameFilter) bool { return f.exact })
	switch locked := slices.Contains(search.states, onlyLocked); {
	case slices.Contains(search.states, onlyOthers):
		return nil, 0, nil
	case exact >= 0 && organization != nil:
		rows, err = s.listed(ctx, *organization, search, search.names[exact])
	case exact >= 0 && !locked:
		// The store finds a name in an organization only.
		return nil, 0, argumentError("queries: beside a name, a list of all organizations needs an organizationIdQuery or a stateQuery of USER_STATE_LOCKED")
	case !locked:
		// Users who are not locked stand in no index.
		return nil, 0, argumentError("queries: a list needs a stateQuery of USER_STATE_LOCKED, or a userNameQuery or loginNameQuery that equals a name")
	case slices.Contains(search.states, onlyActive):
		return nil, 0, nil
	default:
		return s.listLocked(ctx, organization, search)
	}
	return cut(rows, search), uint64(len(rows)), err
}

// listed returns the one user of an exact name, if the search admits it.
func (s *Service) listed(ctx context.Context, organization string, search userSearch, exact nameFilter) ([]UserRow, error) {
	name, err := s.users.Canonical(organization, exact.text)
	if err != nil {
		return nil, nil // nobody can have this name
	}
	for i := range search.names {
		if !search.names[i].admits(name) {
			return nil, nil
		}
	}
	user := User{Organization: organization, Name: name}
	state, err := s.users.State(ctx, user)
	if err != nil || !state.Known {
		return nil, err
	}
	for _, f := range search.states {
		if !f.admits(state) {
			return nil, nil
		}
	}
	return []UserRow{{User: user, UserState: state}}, nil
}

// listLocked returns a page of locked users. In the order of the store, which
// is that of the organizations and then of the names, it reads no further than
// the page.
func (s *Service) listLocked(ctx context.Context, organization *string, search userSearch) ([]UserRow, uint64, error) {
	total, err := s.users.CountLocked(ctx, organization)
	if err != nil {
		return nil, 0, err
	}
	mixed := organization == nil && search.byName
	if total > maxListed {
		switch {
		case len(search.names) > 0:
			return nil, 0, argumentError(fmt.Sprintf("%s: more than %d users are locked, too many to search; ask for a name that equals",
				search.names[0].query, maxListed))
		case search.descending && search.byName:
			return nil, 0, argumentError(fmt.Sprintf("query.asc: more than %d users are locked, which can be listed in ascending order only", maxListed))
		case mixed:
			return nil, 0, argumentError(fmt.Sprintf("sortingColumn: more than %d users are locked, too many to sort over all organizations; "+
				"add an organizationIdQuery", maxListed))
		}
		search.descending = false
	}
	if len(search.names) == 0 && !search.descending && !mixed {
		rows, err := s.read(ctx, organization, int(search.offset)+int(search.limit))
		return cut(rows, search), max(total, uint64(len(rows))), err
	}
	rows, err := s.read(ctx, organization, maxListed)
	if err != nil {
		return nil, 0, err
	}
	rows = slices.DeleteFunc(rows, func(row UserRow) bool {
		return slices.ContainsFunc(search.names, func(f nameFilter) bool { return !f.admits(row.Name) })
	})
	if mixed {
		slices.SortStableFunc(rows, func(a, b UserRow) int { return strings.Compare(a.Name, b.Name) })
	}
	if search.descending {
		slices.Reverse(rows)
	}
	return cut(rows, search), uint64(len(rows)), nil
}

// read returns the first locked users of an organization, or of all for nil.
func (s *Service) read(ctx context.Context, organization *string, n int) (rows []UserRow, err error) {
	for after := ""; len(rows) < n; {
		next := ""
		var part []UserRow
		if part, next, err = s.users.ListLocked(ctx, organization, after, min(n-len(rows), maxListLimit)); err != nil {
			return nil, err
		}
		rows = append(rows, part...)
		if after = next; after == "" {
			break
		}
	}
	return rows, nil
}

// cut takes the page that was asked for out of all rows.
func cut(rows []UserRow, search userSearch) []UserRow {
	from := min(search.offset, uint64(len(rows)))
	return rows[from:min(from+uint64(search.limit), uint64(len(rows)))]
}
