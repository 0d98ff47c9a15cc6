// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// attackLimit is N of the public attack list.
const attackLimit = 3

// attackSite has several doors to the accounts of one service.
const attackSite = `
		step password {
			match path /login
			user field username
			secret field password
			success status 200 & set_cookie sid
			failure status 401
		}
		step password {
			match path /api/session
			accept json
			user field username
			secret field password
			success status 200 & set_cookie sid
			failure status 401
		}
		step password {
			match path /token
			match field grant_type password
			accept form
			user field username
			secret field password
			success status 200 & set_cookie sid
			failure status 401
		}
		step password {
			user basic
			success status 200 & set_cookie sid
			failure status 401
		}
		pass {
			match path /token
			match field grant_type refresh_token
		}
		deny {
			match path /xmlrpc.php /graphql /batch
		}`

// arena is a node before a lenient service. Attacks share it: each has users of
// its own.
type arena struct {
	*node
	service *lenient
	otp     *otpArena // with second factors
}

// attack is a row of the list. P rows are the public list, X and O rows are ours;
// O rows and some of the P rows have options on.
type attack struct {
	id, name string
	run      func(t *testing.T, a *arena, victim string)
}

// wanted is what must come of guesses.
type wanted int

const (
	counted wanted = iota // A: at least one and at most N are checked
	either                // A/B: at most N are checked
	refused               // B: none is checked, every answer is a refusal
	passes                // OK: the service answers, nothing is limited
)

// guess is a request as bytes. VICTIM, DECOY, GUESS and HOST are filled in.
// Empty fields stand for POST, /login, a form and "username=VICTIM&password=GUESS".
type shot struct {
	method, target, kind, head, body, proto string
	bare                                    bool // no Content-Type, Content-Length nor body of its own
}

const none = "-"

func (g shot) bytes(host, victim string, i int) string {
	method, target, kind, body, proto := g.method, g.target, g.kind, g.body, g.proto
	for _, d := range []struct {
		field *string
		value string
	}{{&method, "POST"}, {&target, "/login"}, {&kind, formType}, {&body, "username=VICTIM&password=GUESS"}, {&proto, "HTTP/1.1"}} {
		if *d.field == "" {
			*d.field = d.value
		}
		if *d.field == none {
			*d.field = ""
		}
	}
	fill := strings.NewReplacer("VICTIM", victim, "DECOY", fmt.Sprintf("decoy%d", i), "GUESS", fmt.Sprintf("guess%d", i), "HOST", host).Replace
	body = fill(body)
	head := ""
	if g.head != "" {
		head = fill(g.head) + "\r\n"
	}
	if g.bare {
		return fmt.Sprintf("%s %s %s\r\nHost: %s\r\nConnection: close\r\n%s\r\n%s", method, fill(target), proto, host, head, body)
	}
	if kind != "" {
		head += "Content-Type: " + kind + "\r\n"
	}
	if !strings.Contains(g.head, "Connection:") {
		head += "Connection: close\r\n"
	}
	return fmt.Sprintf("%s %s %s\r\nHost: %s\r\n%sContent-Length: %d\r\n\r\n%s", method, fill(target), proto, host, head, len(body), body)
}

// send sends bytes on a connection of their own and returns the status, 0 for
// none.
func (a *arena) send(t testing.TB, raw string) int {
	t.Helper()
	conn, err := net.Dial("tcp", a.address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(nodeDeadline))
	if _, err := conn.Write([]byte(raw)); err != nil {
		return 0
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// raw is an attack by guesses, each sent more often than the limit, followed by
// plain guesses: what went before must have counted for the same user.
func raw(id, name string, want wanted, guesses ...shot) attack {
	return attack{id, name, func(t *testing.T, a *arena, victim string) {
		a.storm(t, victim, want, guesses...)
	}}
}

func (a *arena) storm(t *testing.T, victim string, want wanted, guesses ...shot) {
	t.Helper()
	var statuses []int
	for i := range 2*attackLimit + 1 {
		for j, g := range guesses {
			statuses = append(statuses, a.send(t, g.bytes(a.address(), victim, 100*j+i)))
		}
	}
	before := a.most(t, victim)
	switch {
	case want == counted && before == 0:
		t.Errorf("no guess reached the service: %v", statuses)
	case want == refused && before > 0:
		t.Errorf("guesses reached the service: %v", a.service.of(victim))
	case want == passes:
		for _, s := range statuses {
			if s != http.StatusOK {
				t.Errorf("the service did not answer: %v", statuses)
			}
		}
		return
	}
	if want == refused && slices.ContainsFunc(statuses, func(s int) bool { return s != 0 && (s < 400 || s > 499) && s != 501 && s != 505 }) {
		t.Errorf("not all were refused: %v", statuses)
	}
	for i := range attackLimit + 1 {
		a.send(t, shot{}.bytes(a.address(), victim, 1000+i))
	}
	a.most(t, victim)
}

// most returns the checks of the user with the most, which must not be over the
// limit.
func (a *arena) most(t *testing.T, victim string) (most int) {
	t.Helper()
	for user, n := range a.service.of(victim) {
		if most = max(most, n); n > attackLimit {
			t.Errorf("%d checks of %q reached the service, want at most %d", n, user, attackLimit)
		}
	}
	return most
}

// attacks are all rows, by class.
func attacks() (all []attack) {
	for _, class := range [][]attack{
		raceAttacks(), abortAttacks(), outcomeAttacks(), formAttacks(), jsonAttacks(), encodingAttacks(), multipartAttacks(),
		pathAttacks(), methodAttacks(), identityAttacks(), headerAttacks(), resetAttacks(), otpAttacks(), oracleAttacks(), storeAttacks(), policyAttacks(),
		ownFormAttacks(), ownJSONAttacks(), ownPathAttacks(), ownHeaderAttacks(), controls(),
	} {
		all = append(all, class...)
	}
	return all
}

func TestAttacks(t *testing.T) {
	t.Parallel()
	service := startLenient(t)
	a := &arena{
		startNode(t, options(maxAttempts(attackLimit))+siteBlock(attackSite, "metrics /metrics\n\t"+proxyTo(service.URL))), service,
		startOTPArena(t, boundSteps+resetSteps, "names {\n\t\t\talias o098v@example.com o098v\n\t\t}"),
	}
	t.Run("rows", func(t *testing.T) {
		for _, row := range attacks() {
			t.Run(row.id+"_"+strings.ReplaceAll(row.name, " ", "_"), func(t *testing.T) {
				t.Parallel()
				row.run(t, a, strings.ToLower(row.id)+"v")
			})
		}
	})
}

// publicList is the ids of the public attack list.
const publicList = "1-48 50-65 70-87 90-103 110-116 120-125 130-137 140-145 150-156 160-168 170-171"

// notHere are the rows that are tests of their own, or belong to what is not
// built yet.
var notHere = map[string]string{
	"P003": "TestParallelWrongGuesses, two nodes over one Redis",
	"P016": "TestLoginServiceDown",
	"P017": "TestLoginServiceTooSlow",
	"P113": "internal/keyspace: TestSubjectsDoNotCollide",
	"P142": "BenchmarkLockedAnswer reports the times",
	"P143": "TestMetricsOfABurst",
	"P151": "TestRedisKeepsLocksThroughKill and README.md, Redis",
	"P152": "README.md, Redis: an asynchronous replica loses what was not copied",
	"P153": "TestFindingsOfServers, evicts everything",
	"P154": "counter: TestConformanceOverRedis, counters of a user who is not locked live for the counter TTL",
	"P160": "policyapi: TestBodies",
	"P161": "policyapi: TestBodies",
	"P162": "policyapi: TestBodies",
	"P165": "TestAPIGovernsLogins",
	"P170": "policyapi: TestPathWithoutSlash, TestRPCRouting and TestEveryMethodIsGuarded",
	"P171": "policyapi: TestEveryRouteIsGuarded and TestPermissions",
}

// testSources is the text of all tests that notHere points to.
func testSources(t *testing.T) string {
	var all strings.Builder
	for _, folder := range []string{".", "../policyapi", "../counter", "../internal/keyspace"} {
		files, err := filepath.Glob(folder + "/*_test.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%d files in %s: %v", len(files), folder, err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
	}
	return all.String()
}

// No row of the list is dropped.
func TestEveryAttackIsATestOrExplained(t *testing.T) {
	t.Parallel()
	here := map[string]int{}
	own := 0
	for _, list := range [][]attack{attacks(), optionsAttacks()} {
		known := map[string]bool{}
		for _, row := range list {
			here[row.id]++
			if strings.HasPrefix(row.id, "X") || strings.HasPrefix(row.id, "O") {
				own++
			}
			if known[row.id] {
				t.Errorf("%s is there twice", row.id)
			}
			known[row.id] = true
		}
	}
	for span := range strings.SplitSeq(publicList, " ") {
		var from, to int
		if _, err := fmt.Sscanf(span, "%d-%d", &from, &to); err != nil {
			t.Fatal(err)
		}
		for i := from; i <= to; i++ {
			id := fmt.Sprintf("P%03d", i)
			if _, explained := notHere[id]; here[id] == 0 && !explained || here[id] > 0 && explained {
				t.Errorf("%s: %d tests, explained %t", id, here[id], explained)
			}
		}
	}
	sources := testSources(t)
	for id, where := range notHere {
		for _, name := range regexp.MustCompile(`(Test|Benchmark)\w+`).FindAllString(where, -1) {
			if !strings.Contains(sources, "func "+name+"(") {
				t.Errorf("%s: there is no %s", id, name)
			}
		}
	}
	if own < 60 {
		t.Errorf("%d attacks of our own, want at least 60", own)
	}
}
