// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// realms are two logins whose users are not the same people.
const realms = `
		org acme
		step password {
			match path /login
			user field username
			secret field password
			success status 200 & set_cookie sid
			failure status 401
		}
		step password {
			match path /admin/login
			org {org}-admins
			user field username
			secret field password
			success status 200 & set_cookie sid
			failure status 401
		}`

// expectIn compares the failures of a user of an organization.
func (n *node) expectIn(t testing.TB, organization, user string, failures uint32, locked bool) {
	t.Helper()
	var got reply
	eventually(t, "the end of what is in flight", func() bool {
		got = n.order(t, order{Do: "user", Organization: organization, User: user})
		return got.InFlight == 0
	})
	if got.Failures != failures || got.Locked != locked {
		t.Errorf("%s of %s has %d failures, locked %t, want %d, %t", user, organization, got.Failures, got.Locked, failures, locked)
	}
}

func TestRealmsOfOneSite(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	n := startNode(t, options(maxAttempts(3), "organization acme-admins {\n\t\t\tnames {\n\t\t\t\tkeep_case\n\t\t\t}\n\t\t}")+siteBlock(realms, proxyTo(service.URL)))
	c := client(t)
	for _, step := range []struct {
		path, user, password string
		status               int
	}{
		{"/admin/login", "alice", "wrong", 401},
		{"/admin/login", "alice", "wrong", 401},
		{"/login", "alice", "wrong", 401},
		{"/login", "ALICE", "wrong", 401}, // the same user there
		{"/login", "alice", "right", 200}, // forgives nothing of the other alice
		{"/admin/login", "ALICE", "wrong", 401},
		{"/admin/login", "alice", "wrong", 401},
		{"/admin/login", "alice", "right", 403},
		{"/login", "alice", "right", 200},
	} {
		if got := post(c, n.URL+step.path, step.user, step.password); got.status != step.status {
			t.Errorf("%s as %s: status %d, want %d", step.path, step.user, got.status, step.status)
		}
	}
	n.expectIn(t, "acme", "alice", 0, false)
	n.expectIn(t, "acme-admins", "alice", 3, true)
	n.expectIn(t, "acme-admins", "ALICE", 1, false)
	n.order(t, order{Do: "unlock", Organization: "acme-admins", User: "alice"})
	if got := post(c, n.URL+"/admin/login", "alice", "right"); got.status != http.StatusOK {
		t.Errorf("unlocked: status %d", got.status)
	}
}

// A key keeps the organization of whom it was bound to, each with the limit of
// its own policy.
func TestKeysKeepTheirRealm(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, `
		step password {
			match path /web/login
			match field realm staff
			org staff
			user field username
			secret field password
			success status 200
			failure status 401
			bind cookie web
		}
		step password {
			match path /web/login
			match field realm users
			user field username
			secret field password
			success status 200
			failure status 401
			bind cookie web
		}
		step totp {
			match path /web/mfa
			user bind cookie web
			secret field code
			success status 200
			failure status 401
			identity json account.name
		}`)
	a.order(t, order{Do: "policy", Organization: "staff", Limits: policyapi.Limits{MaxPasswordAttempts: 5, MaxOTPAttempts: 1}})
	login := func(realm, user, session string) {
		t.Helper()
		a.expect(t, http.StatusOK, "/web/login", "web="+session, "realm="+realm, "username="+user, "password=right")
	}
	login("staff", "alice", "s1")
	a.expect(t, http.StatusUnauthorized, "/web/mfa", "web=s1", "code=wrong")
	a.expectIn(t, "staff", "alice", 1, true)
	a.expectIn(t, "default", "alice", 0, false)

	// One session, one name in two realms: both are charged, and nobody knows whom
	// a right code is about.
	login("users", "bob", "s2")
	login("staff", "bob", "s2")
	a.expect(t, http.StatusOK, "/web/mfa", "web=s2", "code=right")
	a.expectIn(t, "staff", "bob", 0, false)
	a.expectIn(t, "default", "bob", 0, false)
	a.expect(t, http.StatusUnauthorized, "/web/mfa", "web=s2", "code=wrong")
	a.expectIn(t, "staff", "bob", 1, true)
	a.expectIn(t, "default", "bob", 1, false)
	a.expect(t, http.StatusForbidden, "/web/mfa", "web=s2", "code=right")
}

func TestStepOrganizationErrors(t *testing.T) {
	t.Parallel()
	n := startNode(t, options()+siteBlock(formStep, "respond ok"))
	for name, org := range map[string]string{"control character": "a\x01", "too long with the organization of the site": "{org}" + strings.Repeat("x", 197)} {
		steps := strings.Replace(formStep, "match path /login", "match path /login\n\t\t\torg \""+org+"\"", 1)
		got := n.try(t, order{Do: "validate", Caddyfile: n.config(siteBlock(steps, "respond ok"))})
		if !strings.Contains(got.Error, "compiling step 1: checking org") {
			t.Errorf("%s: %q", name, got.Error)
		}
	}
}
