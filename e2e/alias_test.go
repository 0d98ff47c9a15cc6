// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// nameUsers lets users log in by a name as well as by e-mail: alice@example.test
// is alice.
func (pb *pocketBase) nameUsers(t *testing.T) {
	t.Helper()
	users, err := pb.app.FindCollectionByNameOrId("users")
	if err != nil {
		t.Fatal(err)
	}
	users.Fields.Add(&core.TextField{Name: "username"})
	users.AddIndex("idx_username", true, "username", "username != ''")
	users.PasswordAuth.IdentityFields = []string{"email", "username"}
	if err := pb.app.Save(users); err != nil {
		t.Fatalf("giving users of PocketBase names: %v", err)
	}
	for _, u := range []user{pb.Alice, pb.Bob} {
		record, err := pb.app.FindAuthRecordByEmail("users", u.Identity)
		if err != nil {
			t.Fatal(err)
		}
		record.Set("username", u.name())
		if err := pb.app.Save(record); err != nil {
			t.Fatal(err)
		}
	}
}

// name is the user name of an account.
func (u user) name() string {
	name, _, _ := strings.Cut(u.Identity, "@")
	return name
}

// by returns the user under another name.
func (u user) by(name string) user { return user{name, u.Password} }

func TestAliasesOfPocketBase(t *testing.T) {
	pb := startPocketBase(t)
	pb.nameUsers(t)
	site := "http://127.0.0.1:" + strconv.Itoa(freePort(t))
	startCaddy(t, fmt.Sprintf(`
		{
			lockout {
				default_policy {
					max_password_attempts %d
				}
			}
		}
		%s {
			bind 127.0.0.1
			lockout {
				step password {
					match path /api/collections/users/auth-with-password
					accept json
					user field identity
					secret field password
					identity json record.email
					success status 200 & json token
					failure status 400
				}
			}
			reverse_proxy %s
		}
	`, pocketBaseLimit, site, strings.TrimPrefix(pb.URL, "http://")))
	name := pb.Alice.by("alice")

	// Nothing is known before a success, and a failure says nothing.
	expectLogin(t, site, name.wrong(), http.StatusBadRequest)
	expectLogin(t, site, pb.Alice.wrong(), http.StatusBadRequest)
	expectLogin(t, site, name, http.StatusOK)
	expectLogin(t, site, pb.Alice, http.StatusOK)

	// From now on guesses under both names have one limit.
	before := pb.Arrived()
	var running sync.WaitGroup
	for i := range 40 {
		running.Go(func() { _, _ = login(t, site, []user{pb.Alice, name}[i%2].wrong()) })
	}
	running.Wait()
	if got := pb.Arrived() - before; got != pocketBaseLimit {
		t.Errorf("%d of 40 parallel guesses reached PocketBase, want %d", got, pocketBaseLimit)
	}
	expectLogin(t, site, name, http.StatusForbidden)
	expectLogin(t, site, pb.Alice, http.StatusForbidden)
	expectLogin(t, site, pb.Bob.by("bob"), http.StatusOK)

	if err := app(t).Unlock(t.Context(), "default", "alice"); err != nil {
		t.Fatal(err)
	}
	expectLogin(t, site, pb.Alice, http.StatusOK)
	expectLogin(t, site, name, http.StatusOK)

	// Who is locked by e-mail does not get in by a name that was never used.
	if err := app(t).SetPolicy(t.Context(), "", policyapi.Limits{MaxPasswordAttempts: pocketBaseLimit}); err != nil {
		t.Fatal(err)
	}
	pb.add(t, user{"carol@example.test", "carol-Pass1!"})
	record, err := pb.app.FindAuthRecordByEmail("users", "carol@example.test")
	if err != nil {
		t.Fatal(err)
	}
	record.Set("username", "carol")
	if err := pb.app.Save(record); err != nil {
		t.Fatal(err)
	}
	if err := app(t).Lock(t.Context(), "default", "carol@example.test"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		expectLogin(t, site, user{"carol", "carol-Pass1!"}, http.StatusForbidden)
	}
}

// The README's example, in front of a service with names of both kinds.
func TestReadmeIdentity(t *testing.T) {
	var example string
	for _, text := range snippets(t, "caddyfile") {
		if strings.Contains(text, "identity json user.email") {
			example = text
		}
	}
	var arrived atomic.Int64
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.PostFormValue("password") == "wonderland" {
			fmt.Fprint(w, `{"token":"t","user":{"name":"alice","email":"alice@example.test"}}`)
			return
		}
		arrived.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(service.Close)
	site := "http://127.0.0.1:" + strconv.Itoa(freePort(t))
	example = strings.Replace(example, "login.example.com {", site+" {\n\tbind 127.0.0.1", 1)
	startCaddy(t, strings.Replace(example, "127.0.0.1:9000", strings.TrimPrefix(service.URL, "http://"), 1))
	in := func(want int, name, password string) {
		t.Helper()
		resp, err := http.PostForm(site+"/login", url.Values{"username": {name}, "password": {password}})
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Fatalf("%s with %q: status %d, want %d", name, password, resp.StatusCode, want)
		}
	}
	in(200, "alice", "wonderland")
	for i := range 10 {
		in(401, []string{"alice", "alice@example.test"}[i%2], "wrong")
	}
	in(403, "alice", "wonderland")
	in(403, "alice@example.test", "wonderland")
	if got := arrived.Load(); got != 10 {
		t.Errorf("%d wrong passwords reached the service, want 10", got)
	}
}
