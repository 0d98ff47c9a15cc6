// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// How long a wrong password takes and how long the answer to a locked user,
// with deny_delay set to what the service takes (P142).
func BenchmarkLockedAnswer(b *testing.B) {
	const check = 50 * time.Millisecond
	service := startLoginService(b, func() time.Duration { return check })
	for _, option := range []string{"", "\n\t\tdeny_delay 50ms"} {
		n := startNode(b, options(maxAttempts(1))+siteBlock(formStep+option, proxyTo(service.URL)))
		for _, locked := range []bool{false, true} {
			b.Run(fmt.Sprintf("delay=%t/locked=%t", option != "", locked), func(b *testing.B) {
				c := client(b)
				if got := post(c, n.URL+"/login", "locked", "wrong"); locked && got.status != http.StatusForbidden {
					b.Fatalf("status %d", got.status)
				}
				i := 0
				for b.Loop() {
					user := "locked"
					if !locked {
						user = fmt.Sprint("user", i, "-", len(option))
					}
					i++
					post(c, n.URL+"/login", user, "wrong")
				}
			})
		}
	}
}
