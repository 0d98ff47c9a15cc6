// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
)

func TestOpenOnStoreError(t *testing.T) {
	t.Parallel()
	for _, outage := range outages {
		t.Run(outage.name, func(t *testing.T) {
			t.Parallel()
			service, r, c := startLoginService(t, nil), newDurableRedis(t), client(t)
			r.start(t)
			n := startNode(t, withOptions(withMetrics(siteConfig(service.URL, r.addr, 3)), "on_store_error open"))
			guess(t, n.URL, "alice", 1)
			n.settled(t, "alice")
			outage.away(t, r)
			var wg sync.WaitGroup
			for i := range 6 {
				wg.Go(func() {
					password, want := "wrong", http.StatusUnauthorized
					if i%2 == 0 {
						password, want = "right", http.StatusOK
					}
					if status, err := login(c, n.URL, "alice", password); err != nil || status != want {
						t.Errorf("%s password: status %d, %v", password, status, err)
					}
				})
			}
			pageWorks(t, c, n.URL)
			wg.Wait()
			if got := metric(t, n.URL, "degraded"); got != 1 {
				t.Errorf("caddy_lockout_degraded is %v while Redis is away", got)
			}
			outage.back(t, r)
			soon(t, "the metric knows that Redis is back", func() bool {
				_, _ = login(c, n.URL, "carol", "right")
				return metric(t, n.URL, "degraded") == 0
			})
			soon(t, "nothing is in flight", func() bool { return n.user(t, "alice").InFlight == 0 })
			if state := n.user(t, "alice"); state.Failures != 1 {
				t.Errorf("attempts during the outage were counted: %+v", state)
			}
			guess(t, n.URL, "alice", 2)
			mustLogin(t, c, n.URL, "alice", "right", http.StatusForbidden)
			if times := strings.Count(n.stderr.String(), "attempts pass uncounted"); times != 1 {
				t.Errorf("the log tells %d times that attempts pass uncounted", times)
			}
		})
	}
}
