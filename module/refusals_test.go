// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

func passwordLimit(n uint32) order {
	return order{Do: "policy", Limits: policyapi.Limits{MaxPasswordAttempts: n, MaxOTPAttempts: n}}
}

func TestLimitZeroNeverLocks(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(0))+siteBlock(formStep, proxyTo(service.URL)))
	c := client(t)
	for range 30 {
		mustLogin(t, c, n.URL, "alice", "wrong", http.StatusUnauthorized)
	}
	n.expectUser(t, "alice", 0, false)
	mustLogin(t, c, n.URL, "alice", "right", http.StatusOK)
	// Somebody whom an administrator has locked stays locked.
	n.order(t, order{Do: "lock", User: "alice"})
	mustLogin(t, c, n.URL, "alice", "right", http.StatusForbidden)
	n.order(t, order{Do: "unlock", User: "alice"})
	mustLogin(t, c, n.URL, "alice", "right", http.StatusOK)
	// From now on it counts.
	n.order(t, passwordLimit(2))
	mustLogin(t, c, n.URL, "alice", "wrong", http.StatusUnauthorized)
	mustLogin(t, c, n.URL, "alice", "wrong", http.StatusUnauthorized)
	mustLogin(t, c, n.URL, "alice", "wrong", http.StatusForbidden)
	n.expectUser(t, "alice", 2, true)
}

func TestPolicyChanges(t *testing.T) {
	t.Parallel()
	type step struct {
		order  order  // when Do is set
		try    string // else this password
		status int
	}
	wrong, right := step{try: "wrong", status: 401}, step{try: "right", status: 200}
	refused, refusedRight := step{try: "wrong", status: 403}, step{try: "right", status: 403}
	limit := func(n uint32) step { return step{order: passwordLimit(n)} }
	unlock := step{order: order{Do: "unlock"}}
	service := startScripted(t)
	for _, tt := range []struct {
		name     string
		steps    []step
		failures uint32
		locked   bool
	}{
		{"a success forgives", []step{wrong, wrong, right, wrong, wrong, right}, 0, false},
		{"the last failure locks", []step{wrong, wrong, wrong, refused, refusedRight}, 3, true},
		{"unlock forgives", []step{wrong, wrong, wrong, refusedRight, unlock, right, wrong, wrong}, 2, false},
		{"as many again after an unlock", []step{wrong, wrong, wrong, unlock, wrong, wrong, wrong, refused}, 3, true},
		{"lowered below the failures", []step{wrong, wrong, limit(1), refusedRight, refused}, 2, true},
		{"lowered above the failures", []step{wrong, limit(2), wrong, refusedRight}, 2, true},
		{"raised in time", []step{wrong, wrong, limit(4), wrong, wrong, refused}, 4, true},
		{"raised too late", []step{wrong, wrong, wrong, limit(100), refusedRight, unlock, wrong, right}, 0, false},
		{"switched off", []step{wrong, wrong, limit(0), wrong, wrong, wrong, right}, 2, false},
		{"switched off and on", []step{wrong, wrong, limit(0), wrong, wrong, limit(3), wrong, refused}, 3, true},
		{"switched off is no unlock", []step{wrong, wrong, wrong, limit(0), refusedRight, refused}, 3, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := startNode(t, options(maxAttempts(3))+siteBlock(formStep, proxyTo(service.URL)))
			c := client(t)
			user := strings.ReplaceAll(tt.name, " ", "-")
			for i, s := range tt.steps {
				if s.order.Do != "" {
					if s.order.Do == "unlock" {
						s.order.User = user
					}
					n.settled(t, user)
					n.order(t, s.order)
					continue
				}
				if got, err := login(c, n.URL, user, s.try); err != nil || got != s.status {
					t.Fatalf("step %d: %s got %d, %v, want %d", i, s.try, got, err, s.status)
				}
			}
			n.expectUser(t, user, tt.failures, tt.locked)
		})
	}
}

// Whoever is refused for a lock learns nothing: not whether the password was
// right, nor whether the user exists.
func TestLockedAnswersAreEqual(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		option, behind string
		status         int
		body           string
	}{
		{"default", "", "", 403, ""},
		{"on_locked 423", "\n\t\ton_locked 423", "", 423, ""},
		{"handle_errors", "", "handle_errors {\n\t\theader X-Reason {http.lockout.reason}\n\t\trespond \"{http.error.status_code} {http.lockout.reason} {http.lockout.factor}\"\n\t}\n\t",
			403, "403 locked password"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			service := startScripted(t)
			service.script("stranger", status(http.StatusUnauthorized))
			n := startNode(t, options(maxAttempts(2))+siteBlock(formStep+tt.option, tt.behind+proxyTo(service.URL)))
			c := client(t)
			var answers []result
			for _, user := range []string{"owner", "stranger"} {
				for range 2 {
					mustLogin(t, c, n.URL, user, "wrong", http.StatusUnauthorized)
				}
				for _, password := range []string{"wrong", "right", "wrong"} {
					got := post(c, n.URL+"/login", user, password)
					got.header.Del("Date")
					answers = append(answers, got)
				}
			}
			for i, got := range answers {
				if got.status != tt.status || got.body != tt.body {
					t.Errorf("answer %d: status %d, body %q, want %d, %q", i, got.status, got.body, tt.status, tt.body)
				}
				if !reflect.DeepEqual(got, answers[0]) {
					t.Errorf("answer %d differs: %+v from %+v", i, got, answers[0])
				}
			}
			if got := service.seen("owner") + service.seen("stranger"); got != 4 {
				t.Errorf("%d checks reached the service, want 4", got)
			}
		})
	}
}

func TestRefusalsAreRendered(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(1))+siteBlock(formStep+"\n\t\tqueue 1 1ms",
		"handle_errors {\n\t\trespond \"{http.error.status_code} {http.lockout.reason} {http.lockout.factor}\"\n\t}\n\t"+proxyTo(service.URL)))
	c := client(t)
	g := newGate(t)
	service.script("busy", g.before(verdict))
	done := make(chan result, 1)
	go func() { done <- post(c, n.URL+"/login", "busy", "right") }()
	await(t, g.arrived, "the check")

	busy := post(c, n.URL+"/login", "busy", "right")
	if busy.status != http.StatusTooManyRequests || busy.body != "429 busy password" || busy.header.Get("Retry-After") == "" {
		t.Errorf("busy: status %d, body %q, Retry-After %q", busy.status, busy.body, busy.header.Get("Retry-After"))
	}
	g.open()
	if got := await(t, done, "the answer"); got.status != http.StatusOK {
		t.Errorf("the one that was first got %d", got.status)
	}
	mustLogin(t, c, n.URL, "busy", "right", http.StatusOK)

	r, err := http.NewRequest(http.MethodPut, n.URL+"/login", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	put := read(c.Do(r))
	if put.status != http.StatusMethodNotAllowed || put.header.Get("Allow") != "GET, HEAD, OPTIONS, POST" || !strings.HasPrefix(put.body, "405 ") {
		t.Errorf("PUT: status %d, Allow %q, body %q", put.status, put.header.Get("Allow"), put.body)
	}
	if got := service.seen("busy"); got != 2 {
		t.Errorf("%d checks reached the service, want 2", got)
	}
}

// While the store is away attempts are refused; the rest of the site works, and
// the node recovers by itself.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	redis := redistest.Start(t)
	n := startNode(t, options("redis {\n\t\t\taddress "+redis.Addr+"\n\t\t}", maxAttempts(3))+siteBlock(formStep+basicStep,
		"handle_errors {\n\t\trespond \"{http.lockout.reason}\"\n\t}\n\t"+proxyTo(service.URL)))
	c := client(t)
	mustLogin(t, c, n.URL, "owner", "right", http.StatusOK)
	if err := redis.Cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the death of redis-server", func() bool { return !listens(redis.Addr) })

	for range 3 {
		got := post(c, n.URL+"/login", "owner", "right")
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" || got.body != "store" {
			t.Errorf("login: status %d, Retry-After %q, body %q", got.status, got.header.Get("Retry-After"), got.body)
		}
	}
	if got := basic(t, c, http.MethodGet, n.URL+"/", "owner", "right"); got.status != http.StatusServiceUnavailable {
		t.Errorf("Basic: status %d", got.status)
	}
	for _, path := range []string{"/", "/login", "/style.css"} {
		if got := read(c.Get(n.URL + path)); got.status != http.StatusOK || got.body != "page" {
			t.Errorf("GET %s: status %d, body %q", path, got.status, got.body)
		}
	}
	if got := service.seen("owner"); got != 1 {
		t.Errorf("%d checks reached the service, want 1", got)
	}

	restart(t, redis)
	eventually(t, "the recovery", func() bool { return post(c, n.URL+"/login", "owner", "right").status == http.StatusOK })
	mustLogin(t, c, n.URL, "owner", "wrong", http.StatusUnauthorized)
	n.expectUser(t, "owner", 1, false)
}

// restart runs a redis-server on the port of one that was killed. For a moment
// somebody else may have the port.
func restart(t testing.TB, s *redistest.Server) {
	t.Helper()
	eventually(t, "the start of redis-server", func() bool {
		cmd := exec.Command(s.Cmd.Path, s.Cmd.Args[1:]...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		exited := make(chan struct{})
		go func() { _ = cmd.Wait(); close(exited) }()
		for {
			select {
			case <-exited:
				return false
			default:
				if listens(s.Addr) {
					t.Cleanup(func() { _ = cmd.Process.Kill(); <-exited })
					return true
				}
			}
		}
	})
}

func listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// A reload does not touch attempts that are under way: they are settled once,
// in the store that they began with.
func TestReloadWhileALoginIsInFlight(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	redis := func() string { return "redis {\n\t\t\taddress " + redistest.Start(t).Addr + "\n\t\t}" }
	first := redis()
	for i, tt := range []struct {
		name          string
		before, after []string
		password      string
		status        int
		failures      uint32
	}{
		{"same settings, wrong", nil, nil, "wrong", 401, 2},
		{"same settings, right", nil, nil, "right", 200, 0},
		{"other limits, wrong", nil, []string{"attempt_timeout 20s", "reservation_ttl 50s"}, "wrong", 401, 2},
		{"other limits, right", nil, []string{"attempt_timeout 20s", "reservation_ttl 50s"}, "right", 200, 0},
		{"same redis, other time-out, wrong", []string{first}, []string{strings.Replace(first, "\n\t\t}", "\n\t\t\ttimeout 2s\n\t\t}", 1)}, "wrong", 401, 2},
		{"another redis and back, wrong", []string{first}, []string{redis()}, "wrong", 401, 2},
		{"another redis and back, right", []string{first}, []string{redis()}, "right", 200, 0},
		{"to the embedded store and back, right", []string{first}, nil, "right", 200, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			site := siteBlock(formStep, proxyTo(service.URL))
			before := options(append(tt.before, maxAttempts(5))...) + site
			after := options(append(tt.after, maxAttempts(5))...) + site
			n := startNode(t, before)
			c := client(t)
			user := fmt.Sprint("traveller", i)
			mustLogin(t, c, n.URL, user, "ordinary", http.StatusUnauthorized)
			g := newGate(t)
			service.script(user, g.before(verdict))
			done := make(chan result, 1)
			go func() { done <- post(client(t), n.URL+"/login", user, tt.password) }()
			await(t, g.arrived, "the check")
			n.load(t, after)
			g.open()
			if got := await(t, done, "the answer"); got.status != tt.status {
				t.Errorf("status %d, want %d", got.status, tt.status)
			}
			if got := service.seen(user); got != 2 {
				t.Errorf("%d checks reached the service, want 2", got)
			}
			n.load(t, before)
			c = client(t) // the server before closes its connections
			n.expectUser(t, user, tt.failures, false)
			service.script(user, nil)
			mustLogin(t, c, n.URL, user, "right", http.StatusOK)
		})
	}
}
