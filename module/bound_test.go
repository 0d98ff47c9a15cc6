// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// boundSteps lead codes back to the password by everything that the service
// gives out.
const boundSteps = `
		step password {
			match path /login
			accept form
			user field username
			secret field password
			pending status 200 & json mfa.id
			failure status 401
			bind set_cookie tf 10m
			bind json mfa.id 10m
			bind location flow 10m
		}
		step identify {
			match path /name
			accept form
			user field username
			bind set_cookie tf
			bind json mfa.id
		}
		step otp {
			match path /mfa
			accept form
			user bind cookie tf | field flow | header X-Session` + factorField + codeOutcomes + `
		}`

// session is what the answer to a right password gives out.
type session struct{ cookie, id, flow string }

// begin gives the right password of a user, or only the name.
func (a *otpArena) begin(t testing.TB, path, user string) session {
	t.Helper()
	got := a.expect(t, http.StatusOK, path, "", "username="+user, "password=right")
	var body struct{ MFA struct{ ID string } }
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Fatalf("%s: %v", got.body, err)
	}
	location, err := url.Parse(got.header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return session{cookieOf(t, got), body.MFA.ID, location.Query().Get("flow")}
}

// cookieOf returns the cookie that an answer sets, as a request sends it.
func cookieOf(t testing.TB, got result) string {
	t.Helper()
	for _, c := range (&http.Response{Header: got.header}).Cookies() {
		if c.Name == "tf" {
			return "tf=" + c.Value
		}
	}
	t.Fatalf("the answer sets no cookie: %+v", got)
	return ""
}

func TestCodesAreLedBackToTheUser(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, boundSteps)
	for _, by := range []string{"cookie", "field", "location", "identify"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			user := "user-" + by
			path := "/login"
			if by == "identify" {
				path = "/name"
			}
			// Every guess has a session of its own: that gives no fresh ones.
			code := func(want int, code string) {
				t.Helper()
				s, cookie := a.begin(t, path, user), ""
				fields := []string{"type=totp", "code=" + code}
				switch by {
				case "cookie", "identify":
					cookie = s.cookie
				case "field":
					fields = append(fields, "flow="+s.id)
				case "location":
					fields = append(fields, "flow="+s.flow)
				}
				a.expect(t, want, "/mfa", cookie, fields...)
			}
			for range 3 {
				for range otpLimit - 1 {
					code(http.StatusUnauthorized, "wrong")
				}
				code(http.StatusOK, "right")
				a.expectUser(t, user, 0, false)
			}
			last := a.begin(t, path, user)
			for range otpLimit {
				code(http.StatusUnauthorized, "wrong")
			}
			a.expectUser(t, user, otpLimit, true)
			a.expect(t, http.StatusForbidden, "/mfa", last.cookie, "type=totp", "code=right")
			a.expect(t, http.StatusForbidden, "/mfa", last.cookie, "type=sms", "code=right")
			a.expect(t, http.StatusForbidden, "/login", "", "username="+user, "password=right")
			a.order(t, order{Do: "unlock", User: user})
			a.expect(t, http.StatusOK, "/mfa", last.cookie, "type=totp", "code=right")
			if got := a.service.wrong(user, "totp"); got != 3*(otpLimit-1)+otpLimit {
				t.Errorf("%d wrong codes were checked", got)
			}
		})
	}
}

func TestKeysThatLeadNowhere(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, boundSteps)
	alice, bob := a.begin(t, "/login", "alice"), a.begin(t, "/login", "bob")
	for name, tc := range map[string]struct {
		status int
		cookie string
		fields []string
	}{
		"nothing":         {400, "", nil},
		"empty cookie":    {400, "tf=", nil},
		"forged":          {403, "tf=" + strings.Repeat("A", 26), nil},
		"escaped NUL":     {403, alice.cookie + "%00", nil},
		"in quotes":       {400, `tf="` + alice.id + `"`, nil},
		"two cookies":     {400, alice.cookie + "; " + bob.cookie, nil},
		"swapped":         {400, alice.cookie, []string{"flow=" + bob.id}},
		"name in its way": {403, "tf=alice", []string{"username=alice"}},
		"very long":       {403, "tf=" + strings.Repeat("A", 8000), nil},
	} {
		t.Run(name, func(t *testing.T) {
			a.expect(t, tc.status, "/mfa", tc.cookie, append([]string{"type=totp", "code=right"}, tc.fields...)...)
		})
	}
	for _, user := range []string{"alice", "bob", "nobody"} {
		if n := a.service.accepted(user) + a.service.wrong(user, "totp"); n != 0 {
			t.Errorf("%d codes of %s reached the service", n, user)
		}
		a.expectUser(t, user, 0, false)
	}
	// A wrong password binds no new key.
	a.expect(t, http.StatusUnauthorized, "/login", "tf=new", "username=carol", "password=wrong")
	a.expect(t, http.StatusForbidden, "/mfa", "tf=new", "type=totp", "code=wrong")
	// But a service that keeps the cookie may mean bob by it from now on.
	a.expect(t, http.StatusUnauthorized, "/login", alice.cookie, "username=bob", "password=wrong")
	a.expect(t, http.StatusUnauthorized, "/mfa", alice.cookie, "type=totp", "code=wrong")
	a.expectUser(t, "bob", 2, false)
	a.expectUser(t, "alice", 1, false)
	a.expectUser(t, "carol", 1, false)
}

func TestSessionsThatRotate(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, boundSteps)
	a.service.rotates = true
	cookie := a.begin(t, "/login", "alice").cookie
	for range otpLimit {
		cookie = cookieOf(t, a.expect(t, http.StatusUnauthorized, "/mfa", cookie, "type=totp", "code=wrong"))
	}
	a.expect(t, http.StatusForbidden, "/mfa", cookie, "type=totp", "code=right")
	a.expectUser(t, "alice", otpLimit, true)
}

// webSteps are for a service that keeps the session that the browser brings.
const webSteps = `
		step password {
			match path /web/login
			accept form
			user field username
			secret field password
			pending status 200 & json mfa.id
			failure status 401
			bind cookie web 10m
		}
		step totp {
			match path /web/mfa
			accept form
			user bind cookie web
			identity json account.name` + codeOutcomes + `
		}`

func TestTwoUsersUnderOneSession(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, webSteps)
	in := func(want int, cookie, user, password string) {
		t.Helper()
		a.expect(t, want, "/web/login", cookie, "username="+user, "password="+password)
	}
	code := func(want int, cookie, code string) {
		t.Helper()
		a.expect(t, want, "/web/mfa", cookie, "type=totp", "code="+code)
	}
	t.Run("guesses count for both", func(t *testing.T) {
		in(200, "web=s1", "alice", "right")
		in(200, "web=s1", "bob", "right")
		code(401, "web=s1", "wrong")
		a.expectUser(t, "alice", 1, false)
		a.expectUser(t, "bob", 1, false)
		// The answer names bob: alice is not forgiven by his code.
		code(200, "web=s1", "right")
		a.expectUser(t, "alice", 1, false)
		a.expectUser(t, "bob", 0, false)
		for range otpLimit - 1 {
			code(401, "web=s1", "wrong")
		}
		a.expectUser(t, "alice", otpLimit, true)
		code(403, "web=s1", "right")
	})
	t.Run("whoever is named counts", func(t *testing.T) {
		// The service may take a name before it has seen the password.
		in(200, "web=s2", "carol", "right")
		in(401, "web=s2", "dave", "wrong")
		code(401, "web=s2", "wrong")
		a.expectUser(t, "carol", 1, false)
		a.expectUser(t, "dave", 2, false)
	})
	t.Run("three are too many", func(t *testing.T) {
		in(200, "web=s3", "eve", "right")
		in(401, "web=s3", "invented1", "wrong")
		in(403, "web=s3", "invented2", "wrong")
		// The session still is eve's. Nobody else takes the key over.
		in(403, "web=s3", "invented3", "right")
		in(403, "web=s3", "eve", "right")
		code(403, "web=s3", "right")
		if got := a.service.accepted("eve") + a.service.wrong("invented2", "password"); got != 0 {
			t.Errorf("%d attempts under a refused key reached the service", got)
		}
		in(200, "web=s4", "eve", "right")
		code(200, "web=s4", "right")
	})
	t.Run("no session", func(t *testing.T) {
		in(200, "", "frank", "right")
		code(400, "", "right")
	})
}

// While a code is at the service, another user logs in under the same session,
// and the service checks the code against that one.
func TestSessionThatChangesHandsMeanwhile(t *testing.T) {
	t.Parallel()
	for _, outcome := range []string{"wrong", "right"} {
		t.Run(outcome, func(t *testing.T) {
			t.Parallel()
			a := startOTPArena(t, strings.Replace(webSteps, "identity json account.name", "", 1))
			a.expect(t, 200, "/web/login", "web=s", "username=mallory", "password=right")
			a.expect(t, 401, "/web/mfa", "web=s", "type=totp", "code=wrong")
			g := newGate(t)
			a.service.before = func(*http.Request) {
				g.arrived <- struct{}{}
				<-g.wide
			}
			done := make(chan result, 1)
			go func() { done <- a.send(t, "/web/mfa", "web=s", "type=totp", "code="+outcome) }()
			await(t, g.arrived, "the code at the service")
			a.expect(t, 200, "/web/login", "web=s", "username=victim", "password=right")
			g.open()
			await(t, done, "the answer to the code")
			want := map[string]uint32{"wrong": 1, "right": 0}[outcome]
			// Who shares the key meanwhile is charged when the answer is out.
			eventually(t, "the failure of the victim", func() bool { return a.settled(t, "victim").Failures == want })
			// Whose code it was nobody knows, so mallory is not forgiven.
			a.expectUser(t, "mallory", 1+want, false)
		})
	}
}

func TestKeysAreKnownToEveryNode(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	service := startOTPService(t)
	config := "{\n\tlockout {\n\t\tredis {\n\t\t\taddress " + server.Addr + "\n\t\t\ttimeout 5s\n\t\t}\n\t\tdefault_policy {\n\t\t\tmax_otp_attempts 3\n\t\t}\n\t}\n}\n" +
		siteBlock(boundSteps, proxyTo(service.URL))
	first, second := &otpArena{startNode(t, config), service}, &otpArena{startNode(t, config), service}
	s := first.begin(t, "/login", "alice")
	for i := range otpLimit {
		a := []*otpArena{second, first}[i%2]
		a.expect(t, http.StatusUnauthorized, "/mfa", s.cookie, "type=totp", "code=wrong")
		a.settled(t, "alice")
	}
	for _, a := range []*otpArena{first, second} {
		a.expect(t, http.StatusForbidden, "/mfa", s.cookie, "type=totp", "code=right")
	}
	t.Run("store away", func(t *testing.T) {
		server.Kill()
		first.expect(t, http.StatusServiceUnavailable, "/mfa", s.cookie, "type=totp", "code=right")
		if got := service.accepted("alice"); got != 0 {
			t.Errorf("%d codes reached the service", got)
		}
	})
}
