// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
	"github.com/caddy-lockout/caddy-lockout/module"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

const pocketBaseLimit = 5

// guardPocketBase puts Caddy in front of PocketBase and returns the site.
func guardPocketBase(t *testing.T, pb *pocketBase, store string) string {
	t.Helper()
	site := "http://127.0.0.1:" + strconv.Itoa(freePort(t))
	startCaddy(t, fmt.Sprintf(`
		{
			lockout {
				%s
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
					success status 200 & json token
					failure status 400
				}
			}
			reverse_proxy %s
		}
	`, store, pocketBaseLimit, site, strings.TrimPrefix(pb.URL, "http://")))
	return site
}

// app is the running lockout app, as a program that embeds Caddy sees it.
func app(t *testing.T) *module.App {
	t.Helper()
	loaded, err := caddy.ActiveContext().App("lockout")
	if err != nil {
		t.Fatalf("getting the lockout app: %v", err)
	}
	return loaded.(*module.App)
}

// The whole life of a lock in front of a real login service.
func TestLockoutInFrontOfPocketBase(t *testing.T) {
	stores := map[string]func(*testing.T) string{
		"embedded store": func(*testing.T) string { return "" },
		"redis": func(t *testing.T) string {
			return "redis {\n address " + redistest.Start(t).Addr + "\n}"
		},
	}
	for name, store := range stores {
		t.Run(name, func(t *testing.T) {
			pb := startPocketBase(t)
			site := guardPocketBase(t, pb, store(t))
			ctx := context.Background()

			// A success in between forgives.
			for range pocketBaseLimit - 1 {
				expectLogin(t, site, pb.Alice.wrong(), http.StatusBadRequest)
			}
			expectLogin(t, site, pb.Alice, http.StatusOK)

			for range pocketBaseLimit {
				expectLogin(t, site, pb.Alice.wrong(), http.StatusBadRequest)
			}
			before := pb.Arrived()
			expectLogin(t, site, pb.Alice.wrong(), http.StatusForbidden)
			expectLogin(t, site, pb.Alice, http.StatusForbidden)
			expectLogin(t, site, user{strings.ToUpper(pb.Alice.Identity), pb.Alice.Password}, http.StatusForbidden)
			if got := pb.Arrived() - before; got != 0 {
				t.Fatalf("%d logins of a locked user reached PocketBase", got)
			}
			expectLogin(t, site, pb.Bob, http.StatusOK)

			if err := app(t).Unlock(ctx, "default", pb.Alice.Identity); err != nil {
				t.Fatalf("unlocking: %v", err)
			}
			expectLogin(t, site, pb.Alice, http.StatusOK)

			// Limit 0 never locks.
			if err := app(t).SetPolicy(ctx, "", policyapi.Limits{}); err != nil {
				t.Fatalf("setting the default policy: %v", err)
			}
			for range 3 * pocketBaseLimit {
				expectLogin(t, site, pb.Bob.wrong(), http.StatusBadRequest)
			}
			expectLogin(t, site, pb.Bob, http.StatusOK)
		})
	}
}
