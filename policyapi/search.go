// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/zitadelv1"
)

// listRequest is what a ListUsersRequest of v1 and of v2 have in common: Q is
// the page, S the column and C the conditions.
type listRequest[Q listQuery, S fmt.Stringer, C protoreflect.ProtoMessage] interface {
	GetQuery() Q
	GetSortingColumn() S
	GetQueries() []C
}

type listQuery interface {
	GetOffset() uint64
	GetLimit() uint32
	GetAsc() bool
}

// searchOf reads what a list asks for. What cannot be answered is refused by
// name: leaving a condition out would make a wrong list.
func searchOf[Q listQuery, S fmt.Stringer, C protoreflect.ProtoMessage](r listRequest[Q, S, C]) (userSearch, error) {
	search := userSearch{offset: r.GetQuery().GetOffset(), limit: r.GetQuery().GetLimit(), descending: !r.GetQuery().GetAsc()}
	switch column := r.GetSortingColumn().String(); column { // v1 and v2 have the same names
	case userv2.UserFieldName_USER_FIELD_NAME_UNSPECIFIED.String():
	case userv2.UserFieldName_USER_FIELD_NAME_USER_NAME.String():
		search.byName = true
	default:
		return search, argumentError(fmt.Sprintf("sortingColumn %s: users are known by name and state only; use USER_FIELD_NAME_USER_NAME", column))
	}
	for i, q := range r.GetQueries() {
		where := fmt.Sprintf("invalid ListUsersRequest.Queries[%d]: embedded message failed validation | caused by: ", i)
		if err := search.add(where, q.ProtoReflect()); err != nil {
			return search, err
		}
	}
	return search, nil
}

// add adds a SearchQuery. Those of v1 and v2 have the same names and other
// types, so it goes by the names.
func (s *userSearch) add(where string, q protoreflect.Message) error {
	kind := q.WhichOneof(q.Descriptor().Oneofs().ByName("query"))
	if kind == nil {
		return argumentError(where + "invalid SearchQuery.Query: value is required")
	}
	query := q.Get(kind).Message()
	value := func(name protoreflect.Name) protoreflect.Value {
		return query.Get(query.Descriptor().Fields().ByName(name))
	}
	switch kind.Name() {
	case "state_query":
		return s.addState(where, query.Descriptor().Fields().ByName("state").Enum(), value("state").Enum())
	case "user_name_query":
		return s.addName(where, "UserName", value("user_name").String(), value("method").Enum())
	case "login_name_query":
		return s.addName(where, "LoginName", value("login_name").String(), value("method").Enum())
	case "organization_id_query":
		s.organizations = append(s.organizations, value("organization_id").String())
		return nil
	default:
		return argumentError(kind.JSONName() + ": users are known by name and state only; use stateQuery, userNameQuery and loginNameQuery")
	}
}

// addState adds a condition on the state. The two states that a user can have
// here have the same numbers in v1 and v2.
func (s *userSearch) addState(where string, states protoreflect.EnumDescriptor, state protoreflect.EnumNumber) error {
	if states.Values().ByNumber(state) == nil {
		return argumentError(where + "invalid SearchQuery.StateQuery: embedded message failed validation | caused by: " +
			"invalid StateQuery.State: value must be one of the defined enum values")
	}
	switch state {
	case userv2.UserState_USER_STATE_LOCKED.Number():
		s.states = append(s.states, onlyLocked)
	case userv2.UserState_USER_STATE_ACTIVE.Number():
		s.states = append(s.states, onlyActive)
	default:
		s.states = append(s.states, onlyOthers)
	}
	return nil
}

// addName adds a condition on the user name, which is the login name as well.
func (s *userSearch) addName(where, kind, text string, method protoreflect.EnumNumber) error {
	where += fmt.Sprintf("invalid SearchQuery.%sQuery: embedded message failed validation | caused by: invalid %sQuery.", kind, kind)
	if utf8.RuneCountInString(text) > maxUserRunes {
		return argumentError(fmt.Sprintf("%s%s: value length must be at most %d runes", where, kind, maxUserRunes))
	}
	matches, ok := textMatches[zitadelv1.TextQueryMethod(method)]
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
