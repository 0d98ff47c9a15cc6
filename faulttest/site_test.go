// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// limit is the wrong passwords that lock a user in these tests.
const limit = 5

// site is what a Caddyfile of these tests says.
type site struct {
	upstream string
	redis    string   // lines in the block redis; empty means the embedded store
	options  []string // further lines of the global block lockout
	queue    string   // default: 600 60s
}

func (s site) caddyfile(address string) string {
	options := s.options
	if s.redis != "" {
		options = append([]string{"redis {\n" + s.redis + "\n}"}, options...)
	}
	queue := s.queue
	if queue == "" {
		queue = "600 60s"
	}
	return fmt.Sprintf(`{
	admin off
	grace_period 10s
	lockout {
		default_policy {
			max_password_attempts %d
		}
		%s
	}
}
%s {
	lockout {
		step password {
			match path /login
			accept form
			user field username
			secret field password
			success status 200 & set_cookie sid
			failure status 401
		}
		queue %s
	}
	reverse_proxy %s
}
`, limit, strings.Join(options, "\n\t\t"), address, queue, s.upstream)
}

// newClient is an HTTP client with a pool of its own.
func newClient(t testing.TB) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 600}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 2 * patience}
}

// login sends a form login and returns the status, or 0 when there was no
// answer.
func login(c *http.Client, n *node, user, password string) int {
	resp, err := c.PostForm(n.URL+"/login", url.Values{"username": {user}, "password": {password}})
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// mustLogin is login where one answer is right. A busy machine can look like a
// store that is away: who is answered 503 was not charged, and asks again.
func mustLogin(t testing.TB, c *http.Client, n *node, user, password string, want int) {
	t.Helper()
	got := login(c, n, user, password)
	for deadline := time.Now().Add(patience); got == http.StatusServiceUnavailable && time.Now().Before(deadline); {
		got = login(c, n, user, password)
	}
	if got != want {
		t.Fatalf("login of %s with %q: status %d, want %d", user, password, got, want)
	}
}

// answers counts statuses.
type answers struct {
	mu       sync.Mutex
	byStatus map[int]int
}

func (a *answers) add(status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byStatus == nil {
		a.byStatus = map[int]int{}
	}
	a.byStatus[status]++
}

// of returns how many answers had one of the statuses.
func (a *answers) of(statuses ...int) (k int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range statuses {
		k += a.byStatus[s]
	}
	return k
}

// others returns how many answers had none of the statuses.
func (a *answers) others(statuses ...int) int {
	a.mu.Lock()
	all := 0
	for _, k := range a.byStatus {
		all += k
	}
	a.mu.Unlock()
	return all - a.of(statuses...)
}

// attack sends guesses at a user in parallel, spread over the nodes.
func attack(c *http.Client, nodes []*node, user string, guesses int) *answers {
	var got answers
	var wg sync.WaitGroup
	for i := range guesses {
		wg.Go(func() { got.add(login(c, nodes[i%len(nodes)], user, fmt.Sprint("guess", i))) })
	}
	wg.Wait()
	return &got
}

// load is attempts that go on while something else happens.
type load struct {
	sent    atomic.Int64
	answers answers
	stop    chan struct{}
	running sync.WaitGroup
}

// keepGuessing lets workers guess at users until end is called, each at one user
// after the other. name says who is next.
func keepGuessing(c *http.Client, nodes []*node, workers int, name func(k int64) string) *load {
	l := &load{stop: make(chan struct{})}
	for i := range workers {
		l.running.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				k := l.sent.Add(1)
				l.answers.add(login(c, nodes[i%len(nodes)], name(k), "wrong"))
			}
		})
	}
	return l
}

func (l *load) end() {
	close(l.stop)
	l.running.Wait()
}
