// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// fakeUsers are users in memory, for what is about the API alone. The real
// counter is behind it in the tests of package module.
type fakeUsers struct {
	mu     sync.Mutex
	locked map[policyapi.User]time.Time
	known  map[policyapi.User]bool // counted, not locked
	lists  int
}

func newFakeUsers() *fakeUsers {
	return &fakeUsers{locked: map[policyapi.User]time.Time{}, known: map[policyapi.User]bool{}}
}

var lockedAt = time.Date(2026, 11, 22, 12, 0, 0, 123456000, time.UTC)

func (f *fakeUsers) Canonical(_, name string) (string, error) {
	if name = strings.TrimSpace(strings.ToLower(name)); name == "" || strings.ContainsFunc(name, unicode.IsControl) {
		return "", errors.New("the user name is unusable")
	}
	return name, nil
}

func (f *fakeUsers) Lock(_ context.Context, u policyapi.User, _ string) (time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.locked[u]; ok {
		return time.Time{}, fmt.Errorf("locking: %w", policyapi.ErrUserLocked)
	}
	f.locked[u] = lockedAt
	return lockedAt, nil
}

func (f *fakeUsers) Unlock(_ context.Context, u policyapi.User, _ string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.locked[u]; !ok {
		return policyapi.ErrUserNotLocked
	}
	delete(f.locked, u)
	return nil
}

func (f *fakeUsers) State(_ context.Context, u policyapi.User) (policyapi.UserState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, locked := f.locked[u]
	return policyapi.UserState{Known: locked || f.known[u], Locked: locked, LockedAt: at}, nil
}

func (f *fakeUsers) ListLocked(_ context.Context, organization *string, after string, limit int) (rows []policyapi.UserRow, next string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists++
	for _, u := range slices.SortedFunc(maps.Keys(f.locked), func(a, b policyapi.User) int { return strings.Compare(cursor(a), cursor(b)) }) {
		if organization != nil && u.Organization != *organization || cursor(u) <= after {
			continue
		}
		if len(rows) == limit {
			return rows, cursor(rows[limit-1].User), nil
		}
		rows = append(rows, policyapi.UserRow{User: u, UserState: policyapi.UserState{Known: true, Locked: true, LockedAt: f.locked[u]}})
	}
	return rows, "", nil
}

func cursor(u policyapi.User) string { return u.Organization + "\x00" + u.Name }

func (f *fakeUsers) CountLocked(_ context.Context, organization *string) (n uint64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for u := range f.locked {
		if organization == nil || u.Organization == *organization {
			n++
		}
	}
	return n, nil
}

func (f *fakeUsers) lock(organization string, names ...string) {
	for _, name := range names {
		f.locked[policyapi.User{Organization: organization, Name: name}] = lockedAt
	}
}

func TestLockUnlockGet(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	s.users.known[policyapi.User{Organization: "home", Name: "known"}] = true
	const users = "/management/v1/users/"
	long := strings.Repeat("%C3%A4", 201)
	for _, tt := range []struct {
		name, method, target, body string
		headers                    []string
		status, code               int
		message                    string
	}{
		{"get unknown", "GET", users + "alice", "", nil, 404, 5, "User could not be found (QUERY-Dfbg2)"},
		{"get known", "GET", users + "known", "", nil, 200, 0, ""},
		{"unlock unknown", "POST", users + "alice/_unlock", "", nil, 400, 9, "User is not locked (COMMAND-4M0ds)"},
		{"lock unknown", "POST", users + "alice/_lock", "{}", nil, 200, 0, ""},
		{"lock again", "POST", users + "alice/_lock", "{}", nil, 400, 9, "User is not active or initial (COMMAND-3NN8v)"},
		{"same name, other organization", "POST", users + "alice/_unlock", "", []string{"x-zitadel-orgid", "other"}, 400, 9, "User is not locked (COMMAND-4M0ds)"},
		{"get locked", "GET", users + "alice", "", nil, 200, 0, ""},
		{"path wins over body", "POST", users + "alice/_unlock", `{"id":"bob"}`, nil, 200, 0, ""},
		{"unlock again", "POST", users + "alice/_unlock", "", nil, 400, 9, "User is not locked (COMMAND-4M0ds)"},
		{"unlock again in German", "POST", users + "alice/_unlock", "", []string{"Accept-Language", "de-CH,en;q=0.5"}, 400, 9, "Benutzer ist nicht gesperrt (COMMAND-4M0ds)"},
		{"unlock again in French", "POST", users + "alice/_unlock", "", []string{"Accept-Language", "fr"}, 400, 9, "User is not locked (COMMAND-4M0ds)"},
		{"slash", "POST", users + "corp%2Falice/_lock", "", nil, 200, 0, ""},
		{"slash, get", "GET", users + "corp%2Falice", "", nil, 200, 0, ""},
		{"escaped percent is no slash", "GET", users + "corp%252Falice", "", nil, 400, 3, "invalid GetUserByIDRequest.Id: value must be the canonical user name, here \"corp%2falice\""},
		{"percent", "POST", users + "50%25/_lock", "", nil, 200, 0, ""},
		{"blank and plus", "POST", users + "a%20b+c@d:e/_lock", "", nil, 200, 0, ""},
		{"dots", "POST", users + "%2e%2e/_lock", "", nil, 200, 0, ""},
		{"other case", "POST", users + "ALICE/_lock", "", nil, 400, 3, `invalid LockUserRequest.Id: value must be the canonical user name, here "alice"`},
		{"other case, unlock", "POST", users + "Alice/_unlock", "", nil, 400, 3, `invalid UnlockUserRequest.Id: value must be the canonical user name, here "alice"`},
		{"control character", "POST", users + "a%00b/_lock", "", nil, 400, 3, "invalid LockUserRequest.Id: no attempt can have this user name: the user name is unusable"},
		{"200 runes", "POST", users + long[:1200] + "/_lock", "", nil, 200, 0, ""},
		{"201 runes", "POST", users + long + "/_lock", "", nil, 400, 3, "invalid LockUserRequest.Id: value length must be between 1 and 200 runes, inclusive"},
		{"empty id", "POST", users + "%20/_lock", "", nil, 400, 3, "invalid LockUserRequest.Id: no attempt can have this user name"},
		{"broken body", "POST", users + "carl/_lock", "{", nil, 400, 3, "unexpected EOF"},
	} {
		a := s.send(t, tt.method, tt.target, tt.body, tt.headers...)
		if a.expect(t, tt.status, tt.code, tt.message); t.Failed() {
			t.Fatal(tt.name)
		}
	}
	for _, name := range []string{"corp/alice", "50%", "a b+c@d:e", ".."} {
		if _, ok := s.users.locked[policyapi.User{Organization: "home", Name: name}]; !ok {
			t.Errorf("%q is not locked", name)
		}
	}
	a := s.send(t, "GET", users+"corp%2Falice", "")
	if got, want := shape(a.JSON), `{"user":{"details":{"changeDate":"DATE","resourceOwner":"home","sequence":"NUMBER"},`+
		`"id":"corp/alice","loginNames":["corp/alice"],"preferredLoginName":"corp/alice","state":"USER_STATE_LOCKED","userName":"corp/alice"}}`; got != want {
		t.Errorf("user\n%s\nwant\n%s", got, want)
	}
	if got, want := shape(s.send(t, "POST", users+"dora/_lock", "").JSON), `{"details":{"changeDate":"DATE","resourceOwner":"home","sequence":"NUMBER"}}`; got != want {
		t.Errorf("lock %s, want %s", got, want)
	}
}

func TestListUsers(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	s.users.lock("home", "anna", "bert", "bernd", "dora@example.com", "zoe")
	s.users.lock("other", "anna", "otto")
	s.users.known[policyapi.User{Organization: "home", Name: "known"}] = true
	const locked = `{"stateQuery":{"state":"USER_STATE_LOCKED"}}`
	search := func(queries string, rest ...string) string {
		return `{"queries":[` + queries + `]` + strings.Join(append([]string{""}, rest...), ",") + `}`
	}
	asc := func(rest string) string { return `"query":{"asc":true` + rest + `}` }
	for _, tt := range []struct {
		name, body string
		want       string // the ids and the total, or the message of a 400
	}{
		{"ascending", search(locked, asc("")), "anna bernd bert dora@example.com zoe 5"},
		{"descending", search(locked), "zoe dora@example.com bert bernd anna 5"},
		{"by name, descending", search(locked, `"sortingColumn":"USER_FIELD_NAME_USER_NAME"`), "zoe dora@example.com bert bernd anna 5"},
		{"by name, ascending", search(locked, asc(""), `"sortingColumn":1`), "anna bernd bert dora@example.com zoe 5"},
		{"state by number", search(`{"stateQuery":{"state":4}}`, asc("")), "anna bernd bert dora@example.com zoe 5"},
		{"first page", search(locked, asc(`,"limit":2`)), "anna bernd 5"},
		{"second page", search(locked, asc(`,"limit":2,"offset":"2"`)), "bert dora@example.com 5"},
		{"last page", search(locked, asc(`,"limit":2,"offset":4`)), "zoe 5"},
		{"behind the last page", search(locked, asc(`,"offset":5`)), "5"},
		{"descending page", search(locked, `"query":{"limit":2,"offset":1}`), "dora@example.com bert 5"},
		{"unknown state name", search(`{"stateQuery":{"state":"USER_STATE_SLEEPY"}}`), "0"},
		{"other state", search(`{"stateQuery":{"state":"USER_STATE_INACTIVE"}}`), "0"},
		{"two states", search(locked + `,{"stateQuery":{"state":"USER_STATE_ACTIVE"}}`), "0"},
		{"name", search(locked + `,{"userNameQuery":{"userName":"bert"}}`), "bert 1"},
		{"login name", search(`{"loginNameQuery":{"loginName":"bert"}},` + locked), "bert 1"},
		{"name without state", search(`{"userNameQuery":{"userName":"bert"}}`), "bert 1"},
		{"name without state, not locked", search(`{"userNameQuery":{"userName":"known"}}`), "known 1"},
		{"name, not locked", search(locked + `,{"userNameQuery":{"userName":"known"}}`), "0"},
		{"name, active", search(`{"stateQuery":{"state":1}},{"userNameQuery":{"userName":"known"}}`), "known 1"},
		{"name of nobody", search(`{"userNameQuery":{"userName":"nobody"}}`), "0"},
		{"name that nobody can have", search(`{"userNameQuery":{"userName":"\u0001"}}`), "0"},
		{"other case", search(locked + `,{"userNameQuery":{"userName":"BERT"}}`), "0"},
		{"other case, ignored", search(locked + `,{"userNameQuery":{"userName":"BERT","method":"TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE"}}`), "bert 1"},
		{"prefix", search(locked+`,{"userNameQuery":{"userName":"ber","method":"TEXT_QUERY_METHOD_STARTS_WITH"}}`, asc("")), "bernd bert 2"},
		{"prefix, case ignored", search(locked+`,{"userNameQuery":{"userName":"BER","method":3}}`, asc("")), "bernd bert 2"},
		{"middle", search(locked + `,{"loginNameQuery":{"loginName":"@example.","method":"TEXT_QUERY_METHOD_CONTAINS"}}`), "dora@example.com 1"},
		{"end", search(locked+`,{"loginNameQuery":{"loginName":"e","method":"TEXT_QUERY_METHOD_ENDS_WITH"}}`, asc("")), "zoe 1"},
		{"two names", search(locked+`,{"userNameQuery":{"userName":"a","method":4}},{"userNameQuery":{"userName":"n","method":4}}`, asc("")), "anna 1"},

		{"no queries", `{}`, "queries: a list needs a stateQuery of USER_STATE_LOCKED, or a userNameQuery"},
		{"empty body", ``, "queries: a list needs a stateQuery of USER_STATE_LOCKED, or a userNameQuery"},
		{"active", search(`{"stateQuery":{"state":"USER_STATE_ACTIVE"}}`), "queries: a list needs a stateQuery of USER_STATE_LOCKED"},
		{"prefix without state", search(`{"userNameQuery":{"userName":"b","method":2}}`), "queries: a list needs a stateQuery of USER_STATE_LOCKED"},
		{"empty query", search(`{}`), "invalid ListUsersRequest.Queries[0]: embedded message failed validation | caused by: invalid SearchQuery.Query: value is required"},
		{"undefined state", search(locked + `,{"stateQuery":{"state":99}}`), "invalid ListUsersRequest.Queries[1]: embedded message failed validation | caused by: invalid SearchQuery.StateQuery: embedded message failed validation | caused by: invalid StateQuery.State: value must be one of the defined enum values"},
		{"undefined method", search(`{"userNameQuery":{"userName":"a","method":9}}`), "invalid ListUsersRequest.Queries[0]: embedded message failed validation | caused by: invalid SearchQuery.UserNameQuery: embedded message failed validation | caused by: invalid UserNameQuery.Method: value must be"},
		{"e-mail", search(locked + `,{"emailQuery":{"emailAddress":"a@b"}}`), "emailQuery: users are known by name and state only"},
		{"or", search(`{"orQuery":{"queries":[` + locked + `]}}`), "orQuery: users are known by name and state only"},
		{"not", search(`{"notQuery":{"query":` + locked + `}}`), "notQuery: users are known by name and state only"},
		{"ids", search(`{"inUserIdsQuery":{"userIds":["a"]}}`), "inUserIdsQuery: users are known by name and state only"},
		{"sorted by date", search(locked, `"sortingColumn":"USER_FIELD_NAME_CREATION_DATE"`), "sortingColumn USER_FIELD_NAME_CREATION_DATE: users are known by name and state only"},
		{"large offset", search(locked, asc(`,"offset":10001`)), "query.offset: at most 10000"},
		{"large limit", search(locked, asc(`,"limit":1001`)), "query.limit: at most 1000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := s.send(t, "POST", "/management/v1/users/_search", tt.body)
			if a.Status != 200 {
				a.expect(t, 400, 3, tt.want)
				return
			}
			var got []string
			rows, _ := a.JSON["result"].([]any)
			for _, row := range rows {
				got = append(got, row.(map[string]any)["id"].(string))
			}
			details := a.JSON["details"].(map[string]any)
			total, _ := details["totalResult"].(string)
			if got = append(got, total); total == "" {
				got[len(got)-1] = "0" // omitted
			}
			if details["viewTimestamp"] == nil {
				t.Error("no viewTimestamp")
			}
			if list := strings.Join(got, " "); list != tt.want {
				t.Errorf("%s, want %s", list, tt.want)
			}
		})
	}
}

// Among very many the first page is still cheap, and what would need all of
// them is refused by name.
func TestListAmongMany(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	for i := range 10_001 {
		s.users.lock("home", fmt.Sprintf("user-%05d", i))
	}
	const search = "/management/v1/users/_search"
	const locked = `{"stateQuery":{"state":"USER_STATE_LOCKED"}}`
	a := s.send(t, "POST", search, `{"queries":[`+locked+`]}`)
	a.expect(t, 200, 0, "")
	if rows := a.JSON["result"].([]any); len(rows) != 100 || s.users.lists != 1 || a.JSON["details"].(map[string]any)["totalResult"] != "10001" {
		t.Fatalf("%d rows in %d calls, %v", len(rows), s.users.lists, a.JSON["details"])
	}
	a = s.send(t, "POST", search, `{"query":{"offset":10000,"asc":true},"queries":[`+locked+`]}`)
	if rows := a.JSON["result"].([]any); len(rows) != 1 || rows[0].(map[string]any)["id"] != "user-10000" {
		t.Fatalf("last page: %v", rows)
	}
	s.send(t, "POST", search, `{"sortingColumn":1,"queries":[`+locked+`]}`).expect(t, 400, 3, "query.asc: more than 10000 users are locked")
	s.send(t, "POST", search, `{"queries":[`+locked+`,{"userNameQuery":{"userName":"9","method":4}}]}`).expect(t, 400, 3, "userNameQuery: more than 10000 users are locked")
	s.send(t, "POST", search, `{"queries":[`+locked+`,{"userNameQuery":{"userName":"user-09999"}}]}`).expect(t, 200, 0, "")
}
