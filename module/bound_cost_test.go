// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"testing"
)

// calls returns how often the node has called its store, by operation. Settling
// is left out where it happens in the background.
func (a *otpArena) calls(t *testing.T, success bool) map[string]int {
	t.Helper()
	calls := map[string]int{}
	body := read(client(t).Get(a.URL + "/metrics")).body
	for _, m := range regexp.MustCompile(`caddy_lockout_store_duration_seconds_count{op="(reserve|settle|bind|find|link)"} (\d+)`).FindAllStringSubmatch(body, -1) {
		if m[1] != "settle" || success {
			calls[m[1]], _ = strconv.Atoi(m[2])
		}
	}
	return calls
}

// idSteps lead codes back by an id that the service gives out anew each time.
const idSteps = pendingStep + `
		step identify {
			match path /name
			user field username
			bind json mfa.id
		}
		step otp {
			match path /mfa
			accept form
			user bind field flow` + factorField + codeOutcomes + `
		}`

// A code takes two calls before it goes to the service: whom the key stands for,
// and the slot. Only a success waits for a third, which settles it. A password
// costs what it did: what it binds goes beside the settling.
func TestCallsOfTheStore(t *testing.T) {
	t.Parallel()
	const times = 10
	for _, tc := range []struct {
		name, steps string
		success     bool
		want        map[string]int // for each attempt
		attempt     func(a *otpArena, s session, i int)
	}{
		{"wrong code, keys of the service", idSteps, false, map[string]int{"find": 1, "reserve": 1}, func(a *otpArena, s session, _ int) {
			a.expect(t, 401, "/mfa", "", "flow="+s.id, "type=totp", "code=wrong")
		}},
		{"right code, keys of the service", idSteps, true, map[string]int{"find": 1, "reserve": 1, "settle": 1}, func(a *otpArena, s session, _ int) {
			a.expect(t, 200, "/mfa", "", "flow="+s.id, "type=totp", "code=right")
		}},
		// A cookie is looked up again: behind the answer if the code was wrong.
		{"wrong code", boundSteps, false, map[string]int{"find": 2, "reserve": 1}, func(a *otpArena, s session, _ int) {
			a.expect(t, 401, "/mfa", s.cookie, "type=totp", "code=wrong")
		}},
		{"right code", boundSteps, true, map[string]int{"find": 2, "reserve": 1, "settle": 1}, func(a *otpArena, s session, _ int) {
			a.expect(t, 200, "/mfa", s.cookie, "type=totp", "code=right")
		}},
		{"wrong password", boundSteps, false, map[string]int{"reserve": 1}, func(a *otpArena, _ session, i int) {
			a.expect(t, 401, "/login", "", fmt.Sprint("username=u", i), "password=wrong")
		}},
		{"right password, three keys", boundSteps, true, map[string]int{"reserve": 1, "settle": 1, "bind": 3}, func(a *otpArena, _ session, i int) {
			a.begin(t, "/login", fmt.Sprint("u", i))
		}},
		{"right password, nothing to bind", factorSteps(), true, map[string]int{"reserve": 1, "settle": 1}, func(a *otpArena, _ session, i int) {
			a.begin(t, "/login", fmt.Sprint("u", i))
		}},
		{"wrong code, keys of the browser", webSteps, false, map[string]int{"find": 2, "reserve": 1}, func(a *otpArena, _ session, _ int) {
			a.expect(t, 401, "/web/mfa", "web=s", "type=totp", "code=wrong")
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			service := startOTPService(t)
			policy := "default_policy {\n\t\t\tmax_otp_attempts 1000\n\t\t}"
			a := &otpArena{startNode(t, options(policy)+"SITE {\n\tmetrics /metrics\n\tlockout {"+tc.steps+"\n\t}\n\t"+proxyTo(service.URL)+"\n}\n"), service}
			var s session
			switch tc.steps {
			case webSteps:
				a.expect(t, 200, "/web/login", "web=s", "username=alice", "password=right")
			case idSteps:
				s = a.begin(t, "/name", "alice")
			default:
				s = a.begin(t, "/login", "alice")
			}
			before := a.calls(t, tc.success)
			for i := range times {
				tc.attempt(a, s, i)
			}
			want := maps.Clone(tc.want)
			for op := range want {
				want[op] *= times
			}
			eventually(t, fmt.Sprintf("as many calls as %v", want), func() bool {
				got := a.calls(t, tc.success)
				for op := range got {
					if got[op] -= before[op]; got[op] == 0 {
						delete(got, op)
					}
				}
				return maps.Equal(got, want)
			})
		})
	}
}
