// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// durableRedis is a redis-server that keeps its address and its data when it
// is killed and started again.
type durableRedis struct {
	addr, dir string
	cmd       *exec.Cmd
}

func newDurableRedis(t testing.TB) *durableRedis {
	return &durableRedis{addr: freeAddress(t), dir: t.TempDir()}
}

func (r *durableRedis) start(t testing.TB) {
	t.Helper()
	_, port, err := net.SplitHostPort(r.addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", r.dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always")
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting redis-server: %v", err)
	}
	r.cmd = cmd
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	c := redis.NewClient(&redis.Options{Addr: r.addr})
	defer c.Close()
	soon(t, "redis-server answers", func() bool { return c.Ping(t.Context()).Err() == nil })
}

func (r *durableRedis) kill(t testing.TB) {
	t.Helper()
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.cmd.Wait()
}

func (r *durableRedis) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// outages are ways to take Redis away and bring it back.
var outages = []struct {
	name       string
	away, back func(t testing.TB, r *durableRedis)
}{
	{"killed", func(t testing.TB, r *durableRedis) { r.kill(t) }, func(t testing.TB, r *durableRedis) { r.start(t) }},
	{
		"stopped",
		func(t testing.TB, r *durableRedis) { r.signal(t, syscall.SIGSTOP) },
		func(t testing.TB, r *durableRedis) { r.signal(t, syscall.SIGCONT) },
	},
}

func refusedByStore(t testing.TB, c *http.Client, site, user, password string) {
	t.Helper()
	resp, err := c.PostForm(site+"/login", url.Values{"username": {user}, "password": {password}})
	if err != nil {
		t.Error(err)
		return
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("without Redis a login got status %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
}

func pageWorks(t testing.TB, c *http.Client, site string) {
	t.Helper()
	resp, err := c.Get(site + "/page")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("without Redis the page got status %d", resp.StatusCode)
	}
}

func loginWorks(t testing.TB, c *http.Client, site, user string) {
	t.Helper()
	soon(t, "logins work again", func() bool {
		status, err := login(c, site, user, "right")
		return err == nil && status == http.StatusOK
	})
}

func TestStartWithoutRedis(t *testing.T) {
	t.Parallel()
	service, r, c := startLoginService(t, nil), newDurableRedis(t), client(t)
	config := siteConfig(service.URL, r.addr, 5)
	n := startNode(t, config)
	n.order(t, order{Do: "validate", Caddyfile: n.config(config)})
	refusedByStore(t, c, n.URL, "alice", "right")
	pageWorks(t, c, n.URL)
	if checks := service.seen("alice"); len(checks) != 0 {
		t.Errorf("%d refused attempts reached the login service", len(checks))
	}
	r.start(t)
	loginWorks(t, c, n.URL, "bob")
	mustLogin(t, c, n.URL, "alice", "right", http.StatusOK)
}

// Who was answered 503 is not charged, whenever Redis comes back; who was
// answered otherwise is charged once.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	const tries = 8
	for _, outage := range outages {
		t.Run(outage.name, func(t *testing.T) {
			t.Parallel()
			service, r, c := startLoginService(t, nil), newDurableRedis(t), client(t)
			r.start(t)
			n := startNode(t, withMetrics(siteConfig(service.URL, r.addr, 5)))
			guess(t, n.URL, "alice", 2)
			n.settled(t, "alice")
			for round := 1; round <= 2; round++ {
				outage.away(t, r)
				var wg sync.WaitGroup
				for i := range tries {
					wg.Go(func() { refusedByStore(t, c, n.URL, []string{"alice", "bob"}[i%2], "wrong") })
				}
				pageWorks(t, c, n.URL)
				wg.Wait()
				if got := metric(t, n.URL, "degraded"); got != 1 {
					t.Errorf("caddy_lockout_degraded is %v while Redis is away", got)
				}
				outage.back(t, r)
				loginWorks(t, c, n.URL, "carol")
				soon(t, "nothing is in flight", func() bool { return n.user(t, "alice").InFlight+n.user(t, "bob").InFlight == 0 })
				if alice, bob := n.user(t, "alice"), n.user(t, "bob"); alice.Failures != 2 || bob.Failures != 0 {
					t.Errorf("after the outage alice has %d failures, bob %d", alice.Failures, bob.Failures)
				}
				soon(t, "the metric knows that Redis is back", func() bool {
					_, _ = login(c, n.URL, "carol", "right")
					return metric(t, n.URL, "degraded") == 0
				})
				if away := strings.Count(n.stderr.String(), "the store does not answer; until"); away != round {
					t.Errorf("after %d outages the log tells of %d", round, away)
				}
			}
			if checks := len(service.seen("alice")); checks != 2 {
				t.Errorf("%d attempts of alice reached the login service", checks)
			}
			guess(t, n.URL, "alice", 3)
			mustLogin(t, c, n.URL, "alice", "right", http.StatusForbidden)
		})
	}
}

// An attempt that was in flight when Redis went is settled when it is back.
func TestRedisAwayWhileAttemptsAreInFlight(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"closed", "open"} {
		for _, outage := range outages {
			t.Run(mode+", "+outage.name, func(t *testing.T) {
				t.Parallel()
				var slow atomic.Bool
				arrived, release := make(chan struct{}, 2), make(chan struct{})
				service := startLoginService(t, func() time.Duration {
					if slow.Load() {
						arrived <- struct{}{}
						<-release
					}
					return 0
				})
				r, c := newDurableRedis(t), client(t)
				r.start(t)
				n := startNode(t, withOptions(siteConfig(service.URL, r.addr, 5), "on_store_error "+mode))
				guess(t, n.URL, "alice", 1)
				n.settled(t, "alice")

				slow.Store(true)
				var wg sync.WaitGroup
				answers := make(chan struct{}, 2)
				for password, want := range map[string]int{"right": http.StatusOK, "wrong": http.StatusUnauthorized} {
					wg.Go(func() {
						if status, err := login(c, n.URL, password+"alice", password); err != nil || status != want {
							t.Errorf("%s password: status %d, %v", password, status, err)
						}
						answers <- struct{}{}
					})
				}
				<-arrived
				<-arrived
				outage.away(t, r)
				close(release)
				slow.Store(false)
				<-answers // of the wrong one, and with `open` of both
				if mode == "open" {
					<-answers
				}
				outage.back(t, r)
				wg.Wait()
				for user, failures := range map[string]uint32{"rightalice": 0, "wrongalice": 1} {
					soon(t, "nothing is in flight", func() bool {
						reply := n.try(t, order{Do: "user", User: user})
						return reply.Error == "" && reply.InFlight == 0
					})
					if state := n.user(t, user); state.Failures != failures {
						t.Errorf("%s: %+v", user, state)
					}
				}
			})
		}
	}
}
