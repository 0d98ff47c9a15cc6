// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// A lock that was confirmed outlives the master that took it, and logins go on
// with the server that takes over.
func TestConfirmedLocksOutliveTheMaster(t *testing.T) {
	t.Parallel()
	for _, mode := range []struct {
		name string
		// start returns the lines of the redis block, and the master of a user.
		start func(t *testing.T) ([]string, func(user string) *redistest.Server)
	}{
		{"sentinel", func(t *testing.T) ([]string, func(string) *redistest.Server) {
			s := redistest.StartSentinel(t)
			return []string{"mode sentinel", "master_name " + redistest.SentinelMaster, "address " + strings.Join(s.SentinelAddrs(), " "), "confirm_lock wait 2"},
				func(string) *redistest.Server { return s.Master }
		}},
		{"cluster", func(t *testing.T) ([]string, func(string) *redistest.Server) {
			s := redistest.StartCluster(t)
			keys, err := keyspace.New("", "")
			if err != nil {
				t.Fatal(err)
			}
			c := s.Client(t)
			return []string{"mode cluster", "address " + strings.Join(s.Addrs(), " "), "confirm_lock wait 1"}, func(user string) *redistest.Server {
				master, err := c.MasterForKey(t.Context(), keys.User(keyspace.Subject{Organization: "default", User: user}).User)
				if err != nil {
					t.Fatal(err)
				}
				return s.Masters[slices.IndexFunc(s.Masters, func(s *redistest.Server) bool { return s.Addr == master.Options().Addr })]
			}
		}},
	} {
		for _, end := range []struct {
			name string
			of   func(t testing.TB, s *redistest.Server)
		}{
			{"killed", func(_ testing.TB, s *redistest.Server) { s.Kill() }},
			{"stopped", func(t testing.TB, s *redistest.Server) { s.Freeze(t) }},
		} {
			t.Run(mode.name+" "+end.name, func(t *testing.T) {
				t.Parallel()
				service, c := startLoginService(t, nil), client(t)
				lines, masterOf := mode.start(t)
				config := strings.Replace(redisConfig(service.URL, 2, lines...), "timeout 5s", "timeout 500ms", 1)
				n := startNode(t, withMetrics(config))
				guess(t, n.URL, "alice", 2)
				n.order(t, order{Do: "lock", User: "bob"})
				soon(t, "both locks are confirmed", func() bool {
					return metric(t, n.URL, `lock_confirmations_total{result="confirmed"}`) == 2
				})
				end.of(t, masterOf("alice"))
				for i := range 6 {
					loginWorks(t, c, n.URL, fmt.Sprint("user", i))
				}
				for _, user := range []string{"alice", "bob"} {
					soon(t, user+" is still locked", func() bool {
						status, err := login(c, n.URL, user, "right")
						if err == nil && status == http.StatusOK {
							t.Fatalf("the lock of %s is lost", user)
						}
						return err == nil && status == http.StatusForbidden
					})
				}
			})
		}
	}
}
