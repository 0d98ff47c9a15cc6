// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/caddy-lockout/caddy-lockout/internal/gen/managementv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/zitadelv1"
)

// searchOf reads what a list asks for. What cannot be answered is refused by
// name: leaving a condition out would make a wrong list.
func searchOf(r *managementv1.ListUsersRequest) (userSearch, error) {
	search := userSearch{offset: r.GetQuery().GetOffset(), limit: r.GetQuery().GetLimit(), descending: !r.GetQuery().GetAsc()}
	switch column := r.GetSortingColumn(); column {
	case userv1.UserFieldName_USER_FIELD_NAME_UNSPECIFIED:
	case userv1.UserFieldName_USER_FIELD_NAME_USER_NAME:
		search.byName = true
	default:
		return search, argumentError(fmt.Sprintf("sortingColumn %s: users are known by name and state only; use USER_FIELD_NAME_USER_NAME", column))
	}
	for i, q := range r.GetQueries() {
		if err := search.add(fmt.Sprintf("invalid ListUsersRequest.Queries[%d]: embedded message failed validation | caused by: ", i), q); err != nil {
			return search, err
		}
	}
	return search, nil
}

func (s *userSearch) add(where string, q *userv1.SearchQuery) error {
	switch query := q.GetQuery().(type) {
	case nil:
		return argumentError(where + "invalid SearchQuery.Query: value is required")
	case *userv1.SearchQuery_StateQuery:
		state := query.StateQuery.GetState()
		if _, ok := userv1.UserState_name[int32(state)]; !ok {
			return argumentError(where + "invalid SearchQuery.StateQuery: embedded message failed validation | caused by: " +
				"invalid StateQuery.State: value must be one of the defined enum values")
		}
		filter, ok := map[userv1.UserState]userFilter{
			userv1.UserState_USER_STATE_LOCKED: onlyLocked,
			userv1.UserState_USER_STATE_ACTIVE: onlyActive,
		}[state]
		if !ok {
			filter = onlyOthers
		}
		s.states = append(s.states, filter)
		return nil
	case *userv1.SearchQuery_UserNameQuery:
		return s.addName(where, "UserName", query.UserNameQuery.GetUserName(), query.UserNameQuery.GetMethod())
	case *userv1.SearchQuery_LoginNameQuery:
		return s.addName(where, "LoginName", query.LoginNameQuery.GetLoginName(), query.LoginNameQuery.GetMethod())
	default:
		m := q.ProtoReflect()
		name := m.WhichOneof(m.Descriptor().Oneofs().ByName("query")).JSONName()
		return argumentError(name + ": users are known by name and state only; use stateQuery, userNameQuery and loginNameQuery")
	}
}

// addName adds a condition on the user name, which is the login name as well.
func (s *userSearch) addName(where, kind, text string, method zitadelv1.TextQueryMethod) error {
	where += fmt.Sprintf("invalid SearchQuery.%sQuery: embedded message failed validation | caused by: invalid %sQuery.", kind, kind)
	if utf8.RuneCountInString(text) > maxUserRunes {
		return argumentError(fmt.Sprintf("%s%s: value length must be at most %d runes", where, kind, maxUserRunes))
	}
	matches, ok := textMatches[method]
	if !ok {
		return argumentError(where + "Method: value must be one of the defined enum values")
	}
	matches.query, matches.text = strings.ToLower(kind[:1])+kind[1:]+"Query", text
	s.names = append(s.names, matches)
	return nil
}

func equals(name, text string) bool { return name == text }

var textMatches = map[zitadelv1.TextQueryMethod]nameFilter{
	zitadelv1.TextQueryMethod_TEXT_QUERY_METHOD_EQUALS:                  {matches: equals, exact: true},
	zitadelv1.TextQueryMethod_TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE:      {matches: equals, exact: true, folded: true},
	zitadelv1.TextQueryMethod_TEXT_QUERY_METHOD_STARTS_WITH:             {matches: strings.HasPrefix},
	zitadelv1.TextQueryMethod_TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE: {matches: strings.HasPrefix, folded: true},
	zitadelv1.TextQueryMethod_TEXT_QUERY_METHOD_CONTAINS:                {matches: strings.Contains},
	zitadelv1.TextQueryMethod_TEXT_QUERY_METHOD_CONTAINS_IGNORE_CASE:    {matches: strings.Contains, folded: true},
	zitadelv1.TextQueryMethod_TEXT_QUERY_METHOD_ENDS_WITH:               {matches: strings.HasSuffix},
	zitadelv1.TextQueryMethod_TEXT_QUERY_METHOD_ENDS_WITH_IGNORE_CASE:   {matches: strings.HasSuffix, folded: true},
}
