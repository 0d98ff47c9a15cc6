// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// With on_store_error local a node goes on by itself: the limit holds for the
// node, who is locked stays locked, and nothing that it counted is lost.
func TestLocalOnStoreError(t *testing.T) {
	t.Parallel()
	for _, outage := range outages {
		t.Run(outage.name, func(t *testing.T) {
			t.Parallel()
			service, r, c := startLoginService(t, nil), newDurableRedis(t), client(t)
			r.start(t)
			config := withOptions(withMetrics(siteConfig(service.URL, r.addr, 3)), "on_store_error local")
			n, other := startNode(t, config), startNode(t, config)
			guess(t, n.URL, "alice", 1)
			n.settled(t, "alice")
			other.order(t, order{Do: "lock", User: "mallory"})

			// The node reads who is locked, or hears of it, a moment later.
			soon(t, "the node knows who is locked", func() bool {
				outage.away(t, r)
				if status, err := login(c, n.URL, "mallory", "right"); err == nil && status == http.StatusForbidden {
					return true
				}
				outage.back(t, r)
				loginWorks(t, c, n.URL, "bob")
				return false
			})
			var wrong, refused atomic.Int64
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					switch status, err := login(c, n.URL, "alice", "wrong"); {
					case err == nil && status == http.StatusUnauthorized:
						wrong.Add(1)
					case err == nil && status == http.StatusForbidden:
						refused.Add(1)
					default:
						t.Errorf("wrong password: status %d, %v", status, err)
					}
				})
			}
			wg.Wait()
			if wrong.Load() != 3 || refused.Load() != 17 {
				t.Errorf("without Redis %d wrong passwords were checked and %d refused, want 3 and 17", wrong.Load(), refused.Load())
			}
			mustLogin(t, c, n.URL, "alice", "right", http.StatusForbidden)
			mustLogin(t, c, n.URL, "bob", "right", http.StatusOK)
			guess(t, n.URL, "carol", 2)
			if got := metric(t, n.URL, "degraded"); got != 1 {
				t.Errorf("caddy_lockout_degraded is %v while Redis is away", got)
			}

			outage.back(t, r)
			soon(t, "the store knows what was counted without it", func() bool {
				alice := other.try(t, order{Do: "user", User: "alice"})
				carol := other.try(t, order{Do: "user", User: "carol"})
				return alice.Error == "" && alice.Locked && carol.Error == "" && carol.Failures == 2
			})
			soon(t, "the metric knows that Redis is back", func() bool { return metric(t, n.URL, "degraded") == 0 })
			mustLogin(t, c, other.URL, "alice", "right", http.StatusForbidden)
			if checks := len(service.seen("alice")); checks != 4 {
				t.Errorf("%d attempts of alice reached the login service, want 1 before and 3 during the outage", checks)
			}
			if locks := metric(t, n.URL, `locks_total{factor="password"}`); locks != 1 {
				t.Errorf("%v locks were reported, want 1", locks)
			}
			log := n.stderr.String()
			if away, back := strings.Count(log, "the store does not answer; until"), strings.Count(log, "the store answers again"); away != back {
				t.Errorf("the log tells of the beginning of %d outages and of the end of %d", away, back)
			}
		})
	}
}

// What a login binds cannot be stored. Its answer must not tell a right password
// from a wrong one by that, and the key that went out leads nowhere.
func TestLocalLoginsThatBind(t *testing.T) {
	t.Parallel()
	for _, outage := range outages {
		t.Run(outage.name, func(t *testing.T) {
			t.Parallel()
			service, r := startOTPService(t), newDurableRedis(t)
			r.start(t)
			n := startNode(t, options("on_store_error local", "redis {\n\t\t\taddress "+r.addr+"\n\t\t\ttimeout 100ms\n\t\t}")+siteBlock(boundSteps, proxyTo(service.URL)))
			a := &otpArena{n, service}
			old := a.begin(t, "/login", "bob")
			outage.away(t, r)
			a.expect(t, 401, "/login", "", "username=alice", "password=wrong")
			s := a.begin(t, "/login", "alice")
			a.expect(t, 503, "/mfa", s.cookie, "type=totp", "code=right")
			// A cookie that stands for bob already must not become alice's unseen.
			a.expect(t, 503, "/login", old.cookie, "username=alice", "password=right")
			outage.back(t, r)
			soon(t, "the store is back", func() bool { return a.send(t, "/mfa", s.cookie, "type=totp", "code=right").status == 403 })
			a.expect(t, 403, "/mfa", "", "flow="+s.id, "type=totp", "code=right")
			if got := service.accepted("alice"); got != 0 {
				t.Errorf("%d codes under unbound keys reached the service", got)
			}
			s = a.begin(t, "/login", "alice")
			a.expect(t, 200, "/mfa", s.cookie, "type=totp", "code=right")
		})
	}
}

// A reload in an outage makes another backend of the same store. The outage ends
// for both.
func TestReloadWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	service, r, c := startLoginService(t, nil), newDurableRedis(t), client(t)
	r.start(t)
	config := withMetrics(siteConfig(service.URL, r.addr, 3))
	n := startNode(t, withOptions(config, "on_store_error closed"))
	loginWorks(t, c, n.URL, "alice")
	r.kill(t)
	for range 2 {
		for range 5 {
			refusedByStore(t, c, n.URL, "alice", "right")
		}
		n.load(t, withOptions(config, "on_store_error closed", "deny_cache 2s"))
	}
	r.start(t)
	loginWorks(t, c, n.URL, "alice")
	soon(t, "the metric knows that Redis is back", func() bool {
		mustLogin(t, c, n.URL, "alice", "right", http.StatusOK)
		return metric(t, n.URL, "degraded") == 0
	})
}

// A flood at a locked user costs the store nothing, and the unlock is in force
// on every node.
func TestDenyCache(t *testing.T) {
	t.Parallel()
	service, r, c := startLoginService(t, nil), newDurableRedis(t), client(t)
	r.start(t)
	config := withOptions(withMetrics(siteConfig(service.URL, r.addr, 3)), "deny_cache 1m")
	n, other := startNode(t, config), startNode(t, config)
	guess(t, n.URL, "alice", 3)
	soon(t, "the node asks the store no more", func() bool {
		before := metric(t, n.URL, `store_duration_seconds_count{op="reserve"}`)
		for range 20 {
			mustLogin(t, c, n.URL, "alice", "wrong", http.StatusForbidden)
		}
		return metric(t, n.URL, `store_duration_seconds_count{op="reserve"}`) == before
	})
	other.order(t, order{Do: "unlock", User: "alice"})
	loginWorks(t, c, n.URL, "alice")
	if checks := len(service.seen("alice")); checks != 4 {
		t.Errorf("%d attempts reached the login service, want 3 wrong ones and a right one", checks)
	}
}
