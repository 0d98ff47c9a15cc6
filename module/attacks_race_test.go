// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// burst sends guesses in parallel over so many connections and returns how many
// got each status.
func (a *arena) burst(t testing.TB, victim string, guesses, connections int, g shot) map[int]int {
	t.Helper()
	c := client(t)
	c.Transport.(*http.Transport).MaxConnsPerHost = connections
	kind, body := formType, "username=VICTIM&password=GUESS"
	if g.kind != "" {
		kind, body = g.kind, g.body
	}
	var mu sync.Mutex
	statuses := map[int]int{}
	var wg sync.WaitGroup
	for i := range guesses {
		wg.Go(func() {
			text := strings.NewReplacer("VICTIM", victim, "GUESS", fmt.Sprint("guess", i)).Replace(body)
			got := read(c.Post(a.URL+"/login", kind, strings.NewReader(text)))
			mu.Lock()
			defer mu.Unlock()
			statuses[got.status]++
		})
	}
	wg.Wait()
	return statuses
}

// Races: P001-P009. P003 has two nodes, see TestParallelWrongGuesses.
func raceAttacks() []attack {
	exactly := func(id, name string, guesses, connections int, g shot) attack {
		return attack{id, name, func(t *testing.T, a *arena, victim string) {
			statuses := a.burst(t, victim, guesses, connections, g)
			if got := a.service.count(victim); got != attackLimit || statuses[http.StatusForbidden] != guesses-attackLimit {
				t.Errorf("%d checks, want %d; answers %v", got, attackLimit, statuses)
			}
			a.expectUser(t, victim, attackLimit, true)
		}}
	}
	return []attack{
		exactly("P001", "200 guesses over 50 connections", 200, 50, shot{}),
		exactly("P002", "200 JSON guesses over 2 connections", 200, 2, shot{kind: jsonType, body: plainJSON}),
		{"P004", "one failure less than the limit and then 50", func(t *testing.T, a *arena, victim string) {
			for i := range attackLimit - 1 {
				a.send(t, shot{}.bytes(a.address(), victim, i))
			}
			a.burst(t, victim, 50, 50, shot{})
			if got := a.service.count(victim); got != attackLimit {
				t.Errorf("%d checks, want %d", got, attackLimit)
			}
		}},
		{"P006", "slow checks", func(t *testing.T, a *arena, victim string) {
			a.service.answer(victim, func(w http.ResponseWriter, r *http.Request, right bool) {
				time.Sleep(100 * time.Millisecond) // what the check takes
				verdict(w, r, right)
			})
			a.burst(t, victim, 50, 50, shot{})
			if got := a.service.count(victim); got != attackLimit {
				t.Errorf("%d checks, want %d", got, attackLimit)
			}
		}},
		{"P007", "three users at once", func(t *testing.T, a *arena, victim string) {
			var wg sync.WaitGroup
			for i := range 3 {
				wg.Go(func() { a.burst(t, fmt.Sprint(victim, i), 50, 20, shot{}) })
			}
			wg.Wait()
			for user, n := range a.service.of(victim) {
				if n != attackLimit {
					t.Errorf("%s: %d checks", user, n)
				}
			}
		}},
		{"P009", "the right password behind the limit", func(t *testing.T, a *arena, victim string) {
			var welcome atomic.Int32
			for i := range 40 {
				password := fmt.Sprint("guess", i)
				if i == attackLimit+7 {
					password = "right"
				}
				if got := post(client(t), a.URL+"/login", victim, password); got.status == http.StatusOK {
					welcome.Add(1)
				}
			}
			if welcome.Load() != 0 {
				t.Error("the right password was accepted behind the limit")
			}
			a.most(t, victim)
		}},
		{"X500", "HTTP/2 in one connection", func(t *testing.T, a *arena, victim string) {
			c := http2Client(t)
			var wg sync.WaitGroup
			for i := range 100 {
				wg.Go(func() { post(c, a.URL+"/login", victim, fmt.Sprint("guess", i)) })
			}
			wg.Wait()
			if got := a.service.count(victim); got != attackLimit {
				t.Errorf("%d checks, want %d", got, attackLimit)
			}
		}},
		{"X501", "all doors at once", func(t *testing.T, a *arena, victim string) {
			var wg sync.WaitGroup
			for i := range 60 {
				g := []shot{{}, {target: "/api/session", kind: jsonType, body: plainJSON}, basicGuess(basicHead(victim, fmt.Sprint("w", i)))}[i%3]
				wg.Go(func() { a.send(t, g.bytes(a.address(), victim, i)) })
			}
			wg.Wait()
			if got := a.service.count(victim); got != attackLimit {
				t.Errorf("%d checks, want %d", got, attackLimit)
			}
		}},
	}
}

// Clients that leave: P010-P013.
func abortAttacks() []attack {
	return []attack{
		{"P010", "close right after sending", func(t *testing.T, a *arena, victim string) {
			for i := range 20 {
				conn, err := net.Dial("tcp", a.address())
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.WriteString(conn, shot{}.bytes(a.address(), victim, i))
				_ = conn.Close()
			}
			a.afterAborts(t, victim)
		}},
		{"P011", "time-out of 10 ms", func(t *testing.T, a *arena, victim string) {
			for i := range 20 {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
				r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL+"/login", strings.NewReader(fmt.Sprintf("username=%s&password=guess%d", victim, i)))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", formType)
				read(client(t).Do(r))
				cancel()
			}
			a.afterAborts(t, victim)
		}},
		{"P012", "half a body and close", func(t *testing.T, a *arena, victim string) {
			text := shot{}.bytes(a.address(), victim, 1)
			for range 50 {
				conn, err := net.Dial("tcp", a.address())
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.WriteString(conn, text[:len(text)-5])
				_ = conn.Close()
			}
			if got := post(client(t), a.URL+"/login", victim, "right"); got.status != http.StatusOK {
				t.Errorf("the owner got %d", got.status)
			}
			a.expectUser(t, victim, 0, false)
		}},
		{"P013", "50 bodies that do not end", func(t *testing.T, a *arena, victim string) {
			text := shot{}.bytes(a.address(), victim, 1)
			for range 50 {
				conn := rawSend(t, a.node, text[:len(text)-5])
				defer conn.Close()
			}
			for range 3 {
				if got := post(client(t), a.URL+"/login", victim, "right"); got.status != http.StatusOK {
					t.Errorf("the owner got %d", got.status)
				}
			}
			a.expectUser(t, victim, 0, false)
		}},
	}
}

// afterAborts waits for what is in flight and sends plain guesses.
func (a *arena) afterAborts(t *testing.T, victim string) {
	t.Helper()
	a.settled(t, victim)
	a.storm(t, victim, either, shot{})
}

// Outcomes: P014, P015, P018, P019. P016 and P017 have services of their own,
// see TestLoginServiceDown and TestLoginServiceTooSlow.
func outcomeAttacks() []attack {
	by := func(id, name string, answers ...script) attack {
		return attack{id, name, func(t *testing.T, a *arena, victim string) {
			for i, answer := range answers {
				user := fmt.Sprint(victim, "n", i)
				a.service.answer(user, answer)
				a.burst(t, user, 10, 5, shot{})
				if got := a.service.count(user); got != attackLimit {
					t.Errorf("answer %d: %d checks, want %d", i, got, attackLimit)
				}
			}
		}}
	}
	page := func(w http.ResponseWriter, _ *http.Request, _ bool) { fmt.Fprint(w, "wrong password") }
	empty := func(w http.ResponseWriter, _ *http.Request, _ bool) {
		w.Header().Add("Set-Cookie", "sid=; Max-Age=0")
		w.Header().Add("Set-Cookie", "xsid=1")
	}
	return []attack{
		by("P014", "500 after the check", status(500), status(502), status(503)),
		by("P015", "404, 400 and 204 after the check", status(404), status(400), status(204)),
		by("P018", "failure page with status 200", page, empty),
		by("P019", "compressed failure page", func(w http.ResponseWriter, _ *http.Request, _ bool) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, gzipped("wrong"))
		}),
		by("X510", "answers that break off", cut(""), cut("HTTP/1.1 200 OK\r\nSet-Cookie: sid=1\r\nContent-Length: 99\r\n\r\nx"), cut("HTTP/1.1 200")),
		by("X511", "other codes", status(301), status(429), status(418), status(599), status(206)),
	}
}
