// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

func TestReloadMovesTheStorage(t *testing.T) {
	t.Parallel()
	service, c := startLoginService(t, nil), patientClient(t)
	folders := [2]string{t.TempDir(), t.TempDir()}
	config := func(i int) string {
		return strings.Replace(siteConfig(service.URL, "", 5), "{\n", "{\n\tstorage file_system "+folders[i]+"/caddy\n", 1)
	}
	n := startNode(t, config(0))
	for _, user := range []string{"alice", "bob"} {
		n.order(t, order{Do: "lock", User: user})
	}
	n.order(t, order{Do: "policy", Limits: policyapi.Limits{MaxPasswordAttempts: 2}})
	guess(t, n.URL, "carol", 1)

	n.load(t, config(1))
	soon(t, "everything is in the new storage", func() bool {
		return storedWith(t, folders[1], "users/", `"alice"`) != "" && storedWith(t, folders[1], "users/", `"bob"`) != "" &&
			storedWith(t, folders[1], "policies/", `"password":"2"`) != "" && storedWith(t, folders[1], "counters", `"np":"1"`) != ""
	})
	n.order(t, order{Do: "unlock", User: "alice"})
	n.order(t, order{Do: "lock", User: "dave"})
	if storedWith(t, folders[1], "users/", `"dave"`) == "" || storedWith(t, folders[0], "users/", `"dave"`) != "" {
		t.Error("a lock after the reload was not written to the new storage alone")
	}

	// A configuration that fails leaves the journal where it was.
	if r := n.try(t, order{Do: "load", Caddyfile: n.config(config(0)) + "\nhttp://192.0.2.1:1 {\n\tbind 192.0.2.1\n}\n"}); r.Error == "" {
		t.Fatal("the node listens on an address that it does not have")
	}
	n.order(t, order{Do: "lock", User: "erin"})
	soon(t, "the journal is back", func() bool { return storedWith(t, folders[1], "users/", `"erin"`) != "" })

	n.load(t, config(0))
	soon(t, "the first storage knows of the unlock", func() bool {
		alice := storedWith(t, folders[0], "users/", `"alice"`)
		return alice == "" || storedWith(t, folders[0], "users/", `"alice","lock"`) == ""
	})
	soon(t, "the first storage has the newest locks", func() bool {
		return storedWith(t, folders[0], "users/", `"erin"`) != "" && storedWith(t, folders[0], "counters", `"np":"1"`) != ""
	})
	n.kill(t)
	n = startNode(t, config(0))
	mustLogin(t, c, n.URL, "alice", "right", http.StatusOK)
	for _, user := range []string{"bob", "dave", "erin"} {
		mustLogin(t, c, n.URL, user, "right", http.StatusForbidden)
	}
	guess(t, n.URL, "carol", 1)
	mustLogin(t, c, n.URL, "carol", "right", http.StatusForbidden)
}
