// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// series reads the counters and gauges of the plugin that are not 0.
func series(t testing.TB, c *http.Client, n *node) map[string]string {
	t.Helper()
	got := read(c.Get(n.URL + "/metrics"))
	if got.status != http.StatusOK {
		t.Fatalf("metrics: status %d", got.status)
	}
	values := map[string]string{}
	for line := range strings.Lines(got.body) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		for _, family := range []string{"attempts_total{", "locks_total{", "unlocks_total{", "inflight_attempts", "store_errors_total{"} {
			if strings.HasPrefix(name, "caddy_lockout_"+family) && value != "0" {
				values[strings.TrimPrefix(name, "caddy_lockout_")] = value
			}
		}
	}
	return values
}

func expectSeries(t testing.TB, c *http.Client, n *node, want map[string]string) {
	t.Helper()
	if got := series(t, c, n); !maps.Equal(got, want) {
		t.Errorf("metrics\n%v, want\n%v", got, want)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	second := freeAddress(t)
	site := "metrics /metrics\n\tlockout {" + formStep + basicStep + "\n\t\tqueue 1 1ms\n\t}\n\t" + proxyTo(service.URL) + "\n}\n"
	// Two handlers share one set.
	config := options(maxAttempts(2)) + "SITE {\n\t" + site + "http://" + second + " {\n\t" + site
	n := startNode(t, config)
	c := client(t)

	const attempts = `attempts_total{factor="password",outcome="%s"}`
	outcome := func(name string) string { return fmt.Sprintf(attempts, name) }
	want := map[string]string{}
	expectSeries(t, c, n, want)
	if body := read(c.Get(n.URL + "/metrics")).body; !strings.Contains(body, `caddy_lockout_attempts_total{factor="totp",outcome="success"} 0`) {
		t.Error("a series that has seen nothing is missing")
	}

	// Nothing of this is an attempt.
	_ = read(c.Get(n.URL + "/"))
	_ = read(c.Get(n.URL + "/login"))
	_ = read(c.Head(n.URL + "/login"))
	expectSeries(t, c, n, want)

	mustLogin(t, c, n.URL, "alice", "right", 200)
	mustLogin(t, c, "http://"+second, "alice", "right", 200)
	want[outcome("success")] = "2"
	mustLogin(t, c, n.URL, "alice", "wrong", 401)
	want[outcome("failure")] = "1"
	for _, code := range []int{204, 404} {
		user := fmt.Sprint("user", code)
		service.script(user, status(code))
		mustLogin(t, c, n.URL, user, "right", code)
		n.expectUser(t, user, 1, false)
	}
	service.script("user500", status(500))
	mustLogin(t, c, n.URL, "user500", "right", 500)
	n.expectUser(t, "user500", 1, false)
	want[outcome("failure")] = "2"
	want[outcome("unclassified")] = "2"
	mustLogin(t, c, n.URL, "", "wrong", 400)
	want[outcome("refused_ambiguous")] = "1"
	mustLogin(t, c, n.URL, "alice", "wrong", 401)
	want[outcome("failure")] = "3"
	n.expectUser(t, "alice", 2, true)
	want[`locks_total{factor="password"}`] = "1"
	mustLogin(t, c, n.URL, "alice", "right", 403)
	want[outcome("refused_locked")] = "1"
	expectSeries(t, c, n, want)

	n.order(t, order{Do: "unlock", User: "alice"})
	want[`unlocks_total{reason="admin"}`] = "1"
	n.order(t, order{Do: "lock", User: "alice"})
	want[`locks_total{factor="admin"}`] = "1"
	expectSeries(t, c, n, want)

	// One in flight, and one too many for the queue.
	n.order(t, passwordLimit(1))
	g := newGate(t)
	service.script("bob", g.before(verdict))
	done := make(chan result, 1)
	go func() { done <- post(client(t), n.URL+"/login", "bob", "right") }()
	await(t, g.arrived, "the check")
	mustLogin(t, c, n.URL, "bob", "right", 429)
	want[outcome("refused_busy")] = "1"
	want["inflight_attempts"] = "1"
	expectSeries(t, c, n, want)

	// The values are those of the process, not of its configuration.
	n.load(t, strings.Replace(config, "queue 1 1ms", "queue 1 2ms", 1))
	c = client(t) // the server before closes its connections
	expectSeries(t, c, n, want)
	g.open()
	if got := await(t, done, "the answer"); got.status != 200 {
		t.Errorf("status %d", got.status)
	}
	delete(want, "inflight_attempts")
	want[outcome("success")] = "3"
	eventually(t, "the end of the attempt", func() bool { return series(t, c, n)["inflight_attempts"] == "" })
	expectSeries(t, c, n, want)
}

// However many guesses lock a user, it is one lock.
func TestMetricsOfABurst(t *testing.T) {
	t.Parallel()
	const guesses, limit = 100, 5
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(limit))+siteBlock(formStep, "metrics /metrics\n\t"+proxyTo(service.URL)))
	c := client(t)
	var wg sync.WaitGroup
	for range guesses {
		wg.Go(func() { _, _ = login(c, n.URL, "victim", "wrong") })
	}
	wg.Wait()
	n.expectUser(t, "victim", limit, true)
	expectSeries(t, c, n, map[string]string{
		`attempts_total{factor="password",outcome="failure"}`:        fmt.Sprint(limit),
		`attempts_total{factor="password",outcome="refused_locked"}`: fmt.Sprint(guesses - limit),
		`locks_total{factor="password"}`:                             "1",
	})
}
