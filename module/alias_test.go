// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

func TestNamesOfOneAccountShareItsCounter(t *testing.T) {
	t.Parallel()
	user := alice()
	a := startAccountArena(t, []*testAccount{user})
	a.login(t, 200, user.email, "right")
	for i := range loginLimit {
		a.login(t, 401, []string{user.email, user.name, "Alice@Example.test"}[i%3], "wrong")
		a.settled(t, user.name)
	}
	for _, name := range []string{user.name, user.email} {
		if got := a.login(t, 403, name, "right"); got.header.Get("Set-Cookie") != "" {
			t.Error("a refusal sets a cookie")
		}
		if !a.user(t, name).Locked {
			t.Errorf("%s is not locked", name)
		}
	}
	if got := a.accounts.wrong(user); got != loginLimit {
		t.Errorf("%d wrong passwords were checked, want %d", got, loginLimit)
	}
	// By either name the account is unlocked, and the name has its guesses back.
	for _, name := range []string{user.name, user.email} {
		a.order(t, order{Do: "unlock", User: name})
		if a.user(t, user.name).Locked || a.user(t, user.email).Locked {
			t.Fatalf("locked after an unlock of %s", name)
		}
		for range loginLimit - 1 {
			a.login(t, 401, user.email, "wrong")
		}
		a.login(t, 200, user.email, "right")
		a.expectUser(t, user.name, 0, false)
		a.expectUser(t, user.email, 0, false)
		a.order(t, order{Do: "lock", User: user.email})
		a.login(t, 403, user.name, "right")
		a.login(t, 403, user.email, "right")
	}
	if r := a.try(t, order{Do: "lock", User: user.email}); !strings.Contains(r.Error, "locked") {
		t.Errorf("locking again: %+v", r)
	}
	a.order(t, order{Do: "unlock", User: user.email})
	if r := a.try(t, order{Do: "unlock", User: user.email}); !strings.Contains(r.Error, "not locked") {
		t.Errorf("unlocking again: %+v", r)
	}
}

func TestParallelGuessesUnderBothNames(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		nodes int
	}{{"one node", 1}, {"two nodes", 2}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			user := alice()
			s := startAccountService(t, user)
			var global []string
			if tc.nodes > 1 {
				global = []string{"redis {\n\t\t\taddress " + redistest.Start(t).Addr + "\n\t\t\ttimeout 5s\n\t\t}"}
			}
			var nodes []*accountArena
			for range tc.nodes {
				nodes = append(nodes, s.arena(t, global...))
			}
			nodes[0].login(t, 200, user.email, "right")
			var wg sync.WaitGroup
			for i := range 40 {
				wg.Go(func() {
					a, name := nodes[i%len(nodes)], []string{user.email, user.name}[i/2%2]
					if got := a.send(t, "/login", "", "username="+name, fmt.Sprint("password=", i)).status; got != 401 && got != 403 {
						t.Errorf("status %d", got)
					}
				})
			}
			wg.Wait()
			if got := s.wrong(user); got != loginLimit {
				t.Errorf("%d wrong passwords were checked, want %d", got, loginLimit)
			}
			for _, a := range nodes {
				a.login(t, 403, user.email, "right")
				a.login(t, 403, user.name, "right")
			}
		})
	}
}

func TestParallelRightLoginsUnderBothNames(t *testing.T) {
	t.Parallel()
	user := alice()
	a := startAccountArena(t, []*testAccount{user})
	a.login(t, 200, user.email, "right")
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() { a.login(t, 200, []string{user.email, user.name}[i%2], "right") })
	}
	wg.Wait()
	a.expectUser(t, user.email, 0, false)
	a.expectUser(t, user.name, 0, false)
}

func TestAPITakesEitherName(t *testing.T) {
	t.Parallel()
	user := alice()
	s := startAccountService(t, user)
	address := freeAddress(t)
	a := &accountArena{&otpArena{node: startNode(t, s.config()+apiSite(t, address, ""))}, s}
	api := &apiNode{node: a.node, api: "http://" + address, client: client(t)}
	state := func(name string) any {
		t.Helper()
		found := api.call(t, 200, "POST", "/management/v1/users/_search", `{"queries":[{"userNameQuery":{"userName":"`+name+`"}}]}`)
		list, _ := found["result"].([]any)
		if len(list) != 1 {
			t.Fatalf("searching %s: %v", name, found)
		}
		return list[0].(map[string]any)["state"]
	}
	const locked, active = "USER_STATE_LOCKED", "USER_STATE_ACTIVE"
	for _, by := range []string{user.name, user.email} {
		a.login(t, 200, user.email, "right")
		for i := range loginLimit {
			a.login(t, 401, []string{user.email, user.name}[i%2], "wrong")
		}
		a.login(t, 403, user.email, "right")
		for _, name := range []string{user.name, user.email} {
			if got := state(name); got != locked {
				t.Errorf("%s is %v, want %s", name, got, locked)
			}
		}
		// One account is locked, so one is listed.
		found := api.call(t, 200, "POST", "/management/v1/users/_search", `{"queries":[{"stateQuery":{"state":"USER_STATE_LOCKED"}}]}`)
		if list := found["result"].([]any); len(list) != 1 || list[0].(map[string]any)["userName"] != user.name {
			t.Errorf("locked users %v, want the account alone", list)
		}
		api.call(t, 200, "POST", "/v2/users/"+url.PathEscape(by)+"/unlock", "")
		if got := state(user.email); got != active {
			t.Errorf("after the unlock of %s it is %v", by, got)
		}
		api.call(t, 400, "POST", "/v2/users/"+url.PathEscape(by)+"/unlock", "")
	}
	api.call(t, 200, "POST", "/v2/users/"+url.PathEscape(user.email)+"/lock", "")
	a.login(t, 403, user.name, "right")
	api.call(t, 400, "POST", "/v2/users/"+url.PathEscape(user.name)+"/lock", "")
}

func TestFailuresTeachNothing(t *testing.T) {
	t.Parallel()
	user := alice()
	a := startAccountArena(t, []*testAccount{user})
	// The answer to a wrong password names somebody.
	a.login(t, 401, user.email, "wrong")
	a.login(t, 401, user.email, "wrong")
	a.settled(t, user.email)
	a.expectUser(t, "somebody", 0, false)
	a.login(t, 401, user.email, "wrong")
	a.settled(t, user.email)
	a.expectUser(t, "somebody", 0, false)
	a.expectUser(t, user.email, 3, false)
	a.expectUser(t, user.name, 0, false)
}

// Nobody has ever logged in by e-mail. The account is locked, and who knows its
// password does not get in by the name that was not seen.
func TestNewNameOfALockedAccount(t *testing.T) {
	t.Parallel()
	user := alice()
	a := startAccountArena(t, []*testAccount{user})
	a.order(t, order{Do: "lock", User: user.name})
	for range 2 {
		if got := a.login(t, 403, user.email, "right"); got.header.Get("Set-Cookie") != "" || strings.Contains(got.body, "token") {
			t.Errorf("the answer of the service went out: %+v", got)
		}
	}
	a.login(t, 403, user.email, "wrong")
	if right, wrong := a.accounts.entries(user), a.accounts.wrong(user); right != 1 || wrong != 0 {
		t.Errorf("the service saw %d right and %d wrong passwords, want the first alone", right, wrong)
	}
}

func TestSecondFactorOfAnAlias(t *testing.T) {
	t.Parallel()
	user := alice()
	user.second = true
	a := startAccountArena(t, []*testAccount{user})
	flow := func(name string) string {
		t.Helper()
		_, rest, _ := strings.Cut(a.login(t, 200, name, "right").body, `"mfa":"`)
		id, _, _ := strings.Cut(rest, `"`)
		return "flow=" + id
	}
	// The answer to the password names nobody, that to the code does.
	a.expect(t, 200, "/code", "", flow(user.email), "code=right")
	for range 3 {
		a.login(t, 401, user.email, "wrong")
	}
	a.settled(t, user.email)
	a.expectUser(t, user.name, 3, false)
	a.login(t, 401, user.name, "wrong")
	// A right password by e-mail forgives what came by e-mail, of both.
	f := flow(user.email)
	a.expectUser(t, user.email, 0, false)
	a.expectUser(t, user.name, 1, false)
	// Codes count for the account, whoever's name the session began with.
	a.expect(t, 401, "/code", "", f, "code=wrong")
	a.expect(t, 401, "/code", "", flow(user.name), "code=wrong")
	a.settled(t, user.email)
	a.expectUser(t, user.name, 2, false) // of codes: its own password has forgiven the other
	a.expect(t, 200, "/code", "", f, "code=right")
	a.expectUser(t, user.name, 0, false)
	for i := range otpLimit {
		a.expect(t, 401, "/code", "", flow([]string{user.name, user.email}[i%2]), "code=wrong")
		a.settled(t, user.email)
	}
	a.expect(t, 403, "/code", "", f, "code=right")
	a.login(t, 403, user.name, "right")
}

func TestResetNamesTheAccount(t *testing.T) {
	t.Parallel()
	user := alice()
	a := startAccountArena(t, []*testAccount{user})
	a.login(t, 200, user.email, "right")
	for range loginLimit - 1 {
		a.login(t, 401, user.email, "wrong")
	}
	a.expect(t, 400, "/reset", "", "email="+user.email, "token=bad")
	a.settled(t, user.email)
	a.expectUser(t, user.name, loginLimit-1, false)
	a.expect(t, 204, "/reset", "", "email="+user.email, "token=good")
	a.expectUser(t, user.name, 0, false)
	a.expectUser(t, user.email, 0, false)
}

func TestIdentityThatIsNoName(t *testing.T) {
	t.Parallel()
	for name, identity := range map[string]string{"too long": strings.Repeat("x", 1000), "control character": "ali\nce", "blank": " ", "the same name": "ALICE@example.test"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			user := alice()
			a := startAccountArena(t, []*testAccount{user})
			a.accounts.identity = func(*testAccount) string { return identity }
			for range 2 {
				a.login(t, 200, user.email, "right")
			}
			a.login(t, 401, user.email, "wrong")
			a.settled(t, user.email)
			a.expectUser(t, user.email, 1, false)
			a.expectUser(t, user.name, 0, false)
			warned := strings.Count(a.stderr.String(), "is no name")
			if want := map[string]int{"too long": 1, "control character": 1}[name]; warned != want {
				t.Errorf("%d lines in the log, want %d", warned, want)
			}
		})
	}
}

// A service that names something else in each answer fills nothing.
func TestIdentityThatChangesWithEachLogin(t *testing.T) {
	t.Parallel()
	user := alice()
	a := startAccountArena(t, []*testAccount{user})
	n := 0
	a.accounts.identity = func(*testAccount) string { n++; return fmt.Sprint("session-", n) }
	for range 5 {
		a.login(t, 200, user.email, "right")
	}
	a.login(t, 401, user.email, "wrong")
	a.settled(t, user.email)
	for i, want := range []uint32{1, 1, 0} {
		a.expectUser(t, fmt.Sprint("session-", i+1), want, false)
	}
	a.expectUser(t, user.email, 1, false)
	if log := a.stderr.String(); strings.Count(log, "an alias is not learned") != 1 {
		t.Error("the log does not say once that no alias is learned")
	}
}

func TestAliasesSurviveARestart(t *testing.T) {
	t.Parallel()
	user := alice()
	s := startAccountService(t, user)
	data := t.TempDir()
	a := &accountArena{&otpArena{node: startNodeIn(t, data, s.config())}, s}
	a.login(t, 200, user.email, "right")
	a.login(t, 401, user.email, "wrong")
	a.stop(t)
	a = &accountArena{&otpArena{node: startNodeIn(t, data, s.config())}, s}
	a.login(t, 401, user.email, "wrong")
	a.settled(t, user.email)
	a.expectUser(t, user.name, 2, false)
	a.login(t, 200, user.email, "right")
	a.expectUser(t, user.name, 0, false)
	a.order(t, order{Do: "lock", User: user.email})
	a.kill(t)
	a = &accountArena{&otpArena{node: startNodeIn(t, data, s.config())}, s}
	a.login(t, 403, user.name, "right")
	a.login(t, 403, user.email, "right")
}

// What teaching costs: nothing for a name that is the account's.
func TestCallsOfAliases(t *testing.T) {
	t.Parallel()
	user := alice()
	a := startAccountArena(t, []*testAccount{user})
	for _, tc := range []struct {
		what, name, password string
		want                 map[string]int
	}{
		{"right, own name", user.name, "right", map[string]int{"reserve": 1, "settle": 1}},
		{"right, new alias", user.email, "right", map[string]int{"reserve": 1, "settle": 1, "link": 2}},
		{"right, alias", user.email, "right", map[string]int{"reserve": 2, "settle": 2}},
		{"wrong, alias", user.email, "wrong", map[string]int{"reserve": 2}},
		{"wrong, own name", user.name, "wrong", map[string]int{"reserve": 1}},
		{"wrong, nobody's name", "nobody", "wrong", map[string]int{"reserve": 1}},
	} {
		right := tc.password == "right"
		a.settled(t, user.name)
		a.settled(t, user.email)
		before := a.calls(t, right)
		a.login(t, map[bool]int{true: 200, false: 401}[right], tc.name, tc.password)
		got := a.calls(t, right)
		for op := range got {
			if got[op] -= before[op]; got[op] == 0 {
				delete(got, op)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(tc.want) {
			t.Errorf("%s: %v calls of the store, want %v", tc.what, got, tc.want)
		}
	}
}

// A code of an alias takes two round trips as any other does: the slots of the
// name and of the account are asked for at once.
func TestCallsOfCodesOfAnAlias(t *testing.T) {
	t.Parallel()
	user := alice()
	user.second = true
	a := startAccountArena(t, []*testAccount{user})
	flow := func() string {
		_, rest, _ := strings.Cut(a.login(t, 200, user.email, "right").body, `"mfa":"`)
		id, _, _ := strings.Cut(rest, `"`)
		return "flow=" + id
	}
	for i, want := range []map[string]int{{"find": 1, "reserve": 1}, {"find": 1, "reserve": 2}} {
		f := flow()
		before := a.calls(t, false)
		a.expect(t, 401, "/code", "", f, "code=wrong")
		got := a.calls(t, false)
		for op := range got {
			if got[op] -= before[op]; got[op] == 0 {
				delete(got, op)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("code %d: %v calls of the store, want %v", i+1, got, want)
		}
		a.expect(t, 200, "/code", "", f, "code=right") // the first teaches
	}
}

func TestAliasesWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		mode     string
		known    int // status of a wrong password under an alias that was learned before
		guesses  int // that reach the service, under both names together
		learning int // status of a success that would teach
	}{
		{"closed", http.StatusServiceUnavailable, 0, http.StatusServiceUnavailable},
		{"local", http.StatusUnauthorized, loginLimit, http.StatusOK},
		{"open", http.StatusUnauthorized, 4 * loginLimit, http.StatusOK},
	} {
		t.Run(tc.mode, func(t *testing.T) {
			t.Parallel()
			user, bob := alice(), &testAccount{name: "bob", email: "bob@example.test", password: "right"}
			server := redistest.Start(t)
			a := startAccountArena(t, []*testAccount{user, bob}, "on_store_error "+tc.mode, "reservation_ttl 4s", "attempt_timeout 3s",
				"redis {\n\t\t\taddress "+server.Addr+"\n\t\t\ttimeout 200ms\n\t\t}")
			a.login(t, 200, user.email, "right")
			g := newGate(t)
			a.accounts.before = func(r *http.Request) {
				if r.PostFormValue("username") == bob.email {
					g.arrived <- struct{}{}
					<-g.wide
				}
			}
			done := make(chan result, 1)
			go func() { done <- a.send(t, "/login", "", "username="+bob.email, "password=right") }()
			await(t, g.arrived, "the login of bob at the service")
			server.Kill()
			g.open()
			if got := await(t, done, "the answer to bob"); got.status != tc.learning {
				t.Errorf("a success that would teach: status %d, want %d", got.status, tc.learning)
			}
			a.login(t, tc.known, user.email, "wrong")
			for i := range 4*loginLimit - 1 {
				a.send(t, "/login", "", "username="+[]string{user.name, user.email}[i%2], "password=wrong")
			}
			if got := a.accounts.wrong(user); got != tc.guesses {
				t.Errorf("%d wrong passwords were checked, want %d", got, tc.guesses)
			}
		})
	}
}
