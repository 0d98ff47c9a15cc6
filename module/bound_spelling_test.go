// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"net/http"
	"strings"
	"testing"
)

// A service that decodes its cookies, as PHP and Node do, or whose database
// compares without case, takes several spellings for one session. Who is led to
// himself by one of them must not guess at the codes of whoever logged in under
// another.
func TestSpellingsOfAKeyAreOneKey(t *testing.T) {
	t.Parallel()
	for name, spelled := range map[string]string{
		"escaped":       "web=%61bc-1F",
		"escaped twice": "web=%2561bc-1F",
		"other case":    "web=ABC-1f",
		"no dashes":     "web=abc1F",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := startOTPArena(t, webSteps)
			a.expect(t, 200, "/web/login", spelled, "username=mallory", "password=right")
			a.expect(t, 200, "/web/login", "web=abc-1F", "username=victim", "password=right")
			// This one stands for mallory alone if it is compared byte by byte.
			a.expect(t, 401, "/web/mfa", spelled, "type=totp", "code=wrong")
			a.expectUser(t, "mallory", 1, false)
			a.expectUser(t, "victim", 1, false)
		})
	}
}

// While a code is at the service, another user logs in under the same session.
// The answer sets a new one: it may be that user's.
func TestSessionThatRotatesAndChangesHandsMeanwhile(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, strings.Replace(webSteps, "user bind cookie web", "user bind cookie web | cookie tf", 1))
	a.service.rotates = true
	a.expect(t, 200, "/web/login", "web=s", "username=mallory", "password=right")
	g := newGate(t)
	a.service.before = func(*http.Request) {
		select {
		case <-g.wide:
		default:
			g.arrived <- struct{}{}
			<-g.wide
		}
	}
	done := make(chan result, 1)
	go func() { done <- a.send(t, "/web/mfa", "web=s", "type=totp", "code=wrong") }()
	await(t, g.arrived, "the code at the service")
	a.expect(t, 200, "/web/login", "web=s", "username=victim", "password=right")
	g.open()
	cookie := cookieOf(t, await(t, done, "the answer to the code"))
	eventually(t, "the failure of the victim", func() bool { return a.settled(t, "victim").Failures == 1 })
	a.expect(t, http.StatusUnauthorized, "/web/mfa", cookie, "type=totp", "code=wrong")
	a.expectUser(t, "victim", 2, false)
	a.expectUser(t, "mallory", 2, false)
}
