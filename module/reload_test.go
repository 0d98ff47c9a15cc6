// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// withOptions puts lines into the global lockout block of a siteConfig.
func withOptions(config string, lines ...string) string {
	return strings.Replace(config, "\tlockout {\n", "\tlockout {\n\t\t"+strings.Join(lines, "\n\t\t")+"\n", 1)
}

// withMetrics adds a second lockout handler and the metrics to the site.
func withMetrics(config string) string {
	return strings.Replace(config, "SITE {\n", `SITE {
	lockout {
		step password {
			match path /other/login
			accept form
			user field username
			secret field password
			success status 200
			failure status 401
		}
	}
	metrics /metrics
`, 1)
}

// metric reads a series of the node.
func metric(t testing.TB, site, series string) float64 {
	t.Helper()
	resp, err := patientClient(t).Get(site + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^caddy_lockout_` + regexp.QuoteMeta(series) + ` (\S+)$`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("there is no series %s", series)
	}
	value, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// freshClient makes a connection per request: a server that shuts down may
// close an idle one just when a request is sent on it, and that request would
// say nothing about lockout.
func freshClient(t testing.TB) *http.Client {
	c := client(t)
	c.Transport.(*http.Transport).DisableKeepAlives = true
	return c
}

// patientClient sends a request again when its connection broke, as may happen
// right after a reload (see TestReloadsUnderLoad).
func patientClient(t testing.TB) *http.Client {
	c := freshClient(t)
	c.Transport = patient{c.Transport}
	return c
}

type patient struct{ http.RoundTripper }

func (p patient) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	for range 10 {
		again := r.Clone(r.Context())
		if r.GetBody != nil {
			if again.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
		if resp, err = p.RoundTripper.RoundTrip(again); err == nil {
			break
		}
	}
	return resp, err
}

// Reloads repeat and lose nothing: whatever reached the login service was
// answered and counted once, and nothing else was counted.
//
// A reload closes the old socket together with the connections that Caddy has
// not accepted yet, with and without lockout. Such a request breaks off before
// any handler sees it, so it must not have reached the login service.
func TestReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	const reloads, workers, users = 5, 12, 4
	for _, s := range setups[:2] {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			service := startLoginService(t, func() time.Duration { return rand.N(100 * time.Millisecond) })
			redis := ""
			if s.redis {
				redis = redistest.Start(t).Addr
			}
			config := func(i int) string {
				return withMetrics(withOptions(siteConfig(service.URL, redis, 1_000_000+i), fmt.Sprintf("reservation_ttl %ds", 50+i)))
			}
			n := startNode(t, config(0))
			c := freshClient(t)

			var done atomic.Bool
			var wrong [users]atomic.Int64
			var broken atomic.Int64
			var wg sync.WaitGroup
			for w := range workers {
				wg.Go(func() {
					for !done.Load() {
						status, err := login(c, n.URL, fmt.Sprint("user", w%users), "wrong")
						switch {
						case err != nil:
							broken.Add(1)
						case status != http.StatusUnauthorized:
							t.Errorf("an attempt during reloads: status %d", status)
							return
						default:
							wrong[w%users].Add(1)
						}
					}
				})
			}
			for i := 1; i <= reloads; i++ {
				before := wrong[0].Load()
				soon(t, "attempts are under way", func() bool { return wrong[0].Load() > before+2 || t.Failed() })
				n.load(t, config(i))
				n.order(t, order{Do: "lock", User: fmt.Sprint("locked", i)})
				if got := metric(t, n.URL, `locks_total{factor="admin"}`); got != float64(i) {
					t.Errorf("after reload %d there were %v locks", i, got)
				}
			}
			done.Store(true)
			wg.Wait()
			t.Logf("%d connections broke off", broken.Load())
			for u := range users {
				name := fmt.Sprint("user", u)
				state, checks := n.settled(t, name), len(service.seen(name))
				if int64(state.Failures) != wrong[u].Load() || int64(checks) != wrong[u].Load() || state.Locked {
					t.Errorf("%s: %d answers, %d checks, state %+v", name, wrong[u].Load(), checks, state)
				}
			}
		})
	}
}

// A reload to another store takes nothing along and loses nothing. What is in
// flight ends where it began.
func TestReloadToRedisAndBack(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	var slow atomic.Bool
	service := startLoginService(t, func() time.Duration {
		if slow.Load() {
			arrived <- struct{}{}
			<-release
		}
		return 0
	})
	c := patientClient(t)
	embedded := siteConfig(service.URL, "", 5)
	redis := siteConfig(service.URL, redistest.Start(t).Addr, 5)

	n := startNode(t, embedded)
	n.order(t, order{Do: "lock", User: "alice"})
	n.order(t, order{Do: "policy", Limits: policyapi.Limits{MaxPasswordAttempts: 3}})
	guess(t, n.URL, "bob", 1)
	slow.Store(true)
	var wg sync.WaitGroup
	wg.Go(func() {
		if status, err := login(c, n.URL, "bob", "wrong"); err != nil || status != http.StatusUnauthorized {
			t.Errorf("the attempt in flight: status %d, %v", status, err)
		}
	})
	<-arrived
	n.load(t, redis)
	slow.Store(false)
	mustLogin(t, c, n.URL, "alice", "right", http.StatusOK)
	n.order(t, order{Do: "lock", User: "carol"})
	if r := n.user(t, "bob"); r.Failures+r.InFlight != 0 {
		t.Errorf("bob on Redis: %+v", r)
	}
	close(release)
	wg.Wait()

	n.load(t, embedded)
	mustLogin(t, c, n.URL, "alice", "right", http.StatusForbidden)
	mustLogin(t, c, n.URL, "carol", "right", http.StatusOK)
	if r := n.settled(t, "bob"); r.Failures != 2 {
		t.Errorf("bob in the embedded store: %+v", r)
	}
	guess(t, n.URL, "bob", 1)
	mustLogin(t, c, n.URL, "bob", "right", http.StatusForbidden)

	n.load(t, redis)
	mustLogin(t, c, n.URL, "carol", "right", http.StatusForbidden)
	mustLogin(t, c, n.URL, "alice", "right", http.StatusOK)
}

// A site without lockout, for a while, forgets nothing either.
func TestReloadWithoutLockout(t *testing.T) {
	t.Parallel()
	service, c := startLoginService(t, nil), patientClient(t)
	config := siteConfig(service.URL, "", 5)
	n := startNode(t, config)
	n.order(t, order{Do: "lock", User: "alice"})
	guess(t, n.URL, "bob", 4)
	n.load(t, "SITE {\n\trespond ok\n}\n")
	n.load(t, config)
	mustLogin(t, c, n.URL, "alice", "right", http.StatusForbidden)
	guess(t, n.URL, "bob", 1)
	mustLogin(t, c, n.URL, "bob", "right", http.StatusForbidden)
}
