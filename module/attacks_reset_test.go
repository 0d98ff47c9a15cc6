// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Resets and locks: P008, P120-P122, P125.
func resetAttacks() []attack {
	between := func(id, name string, requests ...shot) attack {
		return attack{id, name, func(t *testing.T, a *arena, victim string) {
			for i := range 3 * attackLimit {
				a.send(t, shot{}.bytes(a.address(), victim, i))
				for _, g := range requests {
					a.send(t, g.bytes(a.address(), victim, i))
				}
			}
			if got := a.service.count(victim); got != attackLimit {
				t.Errorf("%d checks, want %d", got, attackLimit)
			}
			a.expectUser(t, victim, attackLimit, true)
		}}
	}
	page := func(method, target string) shot { return shot{method: method, target: target, bare: true} }
	return []attack{
		{"P008", "right and wrong side by side", rightAmongWrong},
		between("P120", "success of the attacker's own account", shot{body: "username=own-VICTIM&password=right"}),
		between("P121", "login page", page("GET", "/login"), page("HEAD", "/login"), page("OPTIONS", "/login")),
		between("P122", "logout, pages and files", page("GET", "/logout"), page("GET", "/"), page("GET", "/style.css"), shot{target: "/logout", body: none}),
		{"P125", "the lock holds", func(t *testing.T, a *arena, victim string) {
			a.storm(t, victim, counted, shot{})
			for range 3 {
				if got := post(client(t), a.URL+"/login", victim, "right"); got.status != http.StatusForbidden {
					t.Errorf("the right password got %d", got.status)
				}
			}
			a.order(t, order{Do: "unlock", User: victim})
			if got := post(client(t), a.URL+"/login", victim, "right"); got.status != http.StatusOK {
				t.Errorf("after the unlock: %d", got.status)
			}
		}},
		between("X520", "public file with HTTP Basic", shot{method: "GET", target: "/robots.txt", bare: true, head: "Authorization: Bearer abc"}),
		between("X521", "refresh of a token", shot{target: "/token", body: "grant_type=refresh_token&refresh_token=x"}),
		between("X522", "refused requests", shot{method: "PUT"}, shot{target: "/login/"}, shot{kind: "text/plain"}),
	}
}

func rightAmongWrong(t *testing.T, a *arena, victim string) {
	for round := range 5 {
		user := fmt.Sprint(victim, "n", round)
		done := make(chan result, 11)
		for i := range 11 {
			password := fmt.Sprint("guess", i)
			if i == 5 {
				password = "right"
			}
			go func() { done <- post(client(t), a.URL+"/login", user, password) }()
		}
		welcome := 0
		for range 11 {
			if got := await(t, done, "an answer"); got.status == http.StatusOK {
				welcome++
			}
		}
		// One success may lie between two times N failures.
		if got := a.service.count(user); got > 2*attackLimit+welcome || welcome == 0 && got > attackLimit {
			t.Errorf("round %d: %d checks with %d successes", round, got, welcome)
		}
		if state := a.settled(t, user); state.Locked && post(client(t), a.URL+"/login", user, "right").status != http.StatusForbidden {
			t.Error("a lock was undone")
		}
	}
}

// Oracles, metrics and logs: P140, P141, P144, P145.
func oracleAttacks() []attack {
	return []attack{
		{"P140", "right and wrong after the lock", func(t *testing.T, a *arena, victim string) {
			a.storm(t, victim, counted, shot{})
			sameAnswers(t, a, []string{victim}, 2)
		}},
		{"P141", "unknown users", func(t *testing.T, a *arena, victim string) {
			var first []int
			for _, user := range []string{victim, victim + "-unknown"} {
				var statuses []int
				for i := range 2 * attackLimit {
					statuses = append(statuses, post(client(t), a.URL+"/login", user, fmt.Sprint("guess", i)).status)
				}
				if first == nil {
					first = statuses
				}
				if !reflect.DeepEqual(statuses, first) {
					t.Errorf("%s: %v differs from %v", user, statuses, first)
				}
			}
			sameAnswers(t, a, []string{victim, victim + "-unknown"}, 1)
		}},
		{"P144", "lockout by a stranger", func(t *testing.T, a *arena, victim string) {
			a.storm(t, victim, counted, shot{})
			a.expectUser(t, victim, attackLimit, true)
			a.order(t, order{Do: "unlock", User: victim})
			if got := post(client(t), a.URL+"/login", victim, "right"); got.status != http.StatusOK {
				t.Errorf("after the unlock: %d", got.status)
			}
		}},
		{"P145", "names in logs and labels", func(t *testing.T, a *arena, victim string) {
			for i := range 300 {
				a.send(t, shot{body: fmt.Sprintf("username=VICTIM%%22%%1b[31m%d&password=x", i)}.bytes(a.address(), victim, i))
				a.send(t, shot{body: fmt.Sprintf("username=VICTIM%%22[31m%d&password=x", i)}.bytes(a.address(), victim, i))
			}
			a.settled(t, victim)
			if strings.Contains(a.stderr.String(), victim) {
				t.Error("a name is in the log")
			}
			if got := read(client(t).Get(a.URL + "/metrics")); !strings.Contains(got.body, "caddy_lockout_attempts_total") || strings.Contains(got.body, victim) {
				t.Errorf("status %d: no metrics, or a name is in a label", got.status)
			}
		}},
	}
}

// sameAnswers compares the answers to right and wrong passwords byte for byte.
func sameAnswers(t *testing.T, a *arena, users []string, times int) {
	t.Helper()
	var first result
	for _, user := range users {
		for range times {
			for _, password := range []string{"wrong", "right"} {
				got := post(client(t), a.URL+"/login", user, password)
				got.header.Del("Date")
				if first.status == 0 {
					first = got
				}
				if !reflect.DeepEqual(got, first) {
					t.Errorf("%s with %s: %+v differs from %+v", user, password, got, first)
				}
			}
		}
	}
}

// controls are what must keep working.
func controls() []attack {
	ok := func(id, name string, g shot) attack {
		return attack{id, name, func(t *testing.T, a *arena, victim string) {
			for i := range attackLimit * 3 {
				if got := a.send(t, g.bytes(a.address(), victim, i)); got != http.StatusOK {
					t.Fatalf("status %d", got)
				}
			}
		}}
	}
	return []attack{
		ok("C001", "form", shot{body: "username=VICTIM&password=right&remember=1"}),
		ok("C002", "JSON", shot{kind: "application/json; charset=utf-8", body: `{"username":"VICTIM","password":"right","extra":{"a":[1,null,true]}}`}),
		ok("C003", "token", shot{target: "/token", body: "grant_type=password&username=VICTIM&password=right&scope=a+b"}),
		ok("C004", "session", shot{target: "/api/session", kind: jsonType, body: `{"username":"VICTIM","password":"right"}`}),
		ok("C005", "Basic", basicGuess(basicHead("c005v", "right"))),
		ok("C006", "page", shot{method: "GET", target: "/login", bare: true}),
		ok("C007", "page with a query", shot{method: "GET", target: "/login?next=%2Fhome&lang=de", bare: true}),
		ok("C008", "search for a name", shot{method: "GET", target: "/search?username=VICTIM&password=x", bare: true}),
		ok("C009", "upload", shot{method: "PUT", target: "/files/a", kind: "application/octet-stream", body: strings.Repeat("\x00\xff", 100<<10)}),
		ok("C010", "multipart upload", shot{target: "/upload", kind: "multipart/form-data; boundary=b", body: "--b\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nVICTIM\r\n--b--\r\n"}),
		ok("C011", "gzip upload", shot{target: "/upload", head: "Content-Encoding: gzip", body: gzipped("a=b")}),
		ok("C012", "refresh of a token", shot{target: "/token", body: "grant_type=refresh_token&refresh_token=abc"}),
		ok("C013", "other types elsewhere", shot{target: "/comments", kind: "text/plain", body: "username=VICTIM&password=x"}),
		ok("C014", "odd paths", shot{target: "/files/%2e%2e/a%20b;c=1//d.json?x=%00", kind: jsonType, body: "[1]"}),
		ok("C015", "plain chunks", chunkedGuess("username=c015v&password=right", 8, "", "", "")),
		ok("C016", "name with blanks and accents", shot{body: "username=VICTIM+%C3%A9l%C3%A8ve&password=right"}),
		ok("C017", "odd password", shot{body: "username=VICTIM&password=right&note=%26%3D%3B%25%22%7B"}),
		{"C018", "HTTP/2", func(t *testing.T, a *arena, victim string) {
			c := http2Client(t)
			for range 5 {
				if got := post(c, a.URL+"/login", victim, "right"); got.status != http.StatusOK {
					t.Errorf("status %d", got.status)
				}
			}
		}},
		{"C019", "large download behind a login", func(t *testing.T, a *arena, victim string) {
			a.service.answer(victim, func(w http.ResponseWriter, _ *http.Request, _ bool) {
				http.SetCookie(w, &http.Cookie{Name: "sid", Value: "1"})
				_, _ = w.Write(bytes.Repeat([]byte("x"), 4<<20))
			})
			if got := post(client(t), a.URL+"/login", victim, "right"); got.status != http.StatusOK || len(got.body) != 4<<20 || got.cut {
				t.Errorf("status %d, %d bytes, cut %t", got.status, len(got.body), got.cut)
			}
		}},
	}
}

// expectContinue sends the body only when the server asks for it.
func expectContinue(t *testing.T, a *arena, victim string) {
	for i, password := range []string{"right", "wrong", "wrong", "wrong", "wrong", "right"} {
		body := "username=" + victim + "&password=" + password
		r, err := http.NewRequest(http.MethodPost, a.URL+"/login", io.NopCloser(strings.NewReader(body)))
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = int64(len(body))
		r.Header.Set("Content-Type", formType)
		r.Header.Set("Expect", "100-continue")
		c := client(t)
		c.Transport.(*http.Transport).ExpectContinueTimeout = 30 * time.Second
		want := []int{200, 401, 401, 401, 403, 403}[i]
		if got := read(c.Do(r)); got.status != want {
			t.Errorf("attempt %d: status %d, want %d", i, got.status, want)
		}
	}
}
