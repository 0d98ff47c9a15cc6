// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// probe runs `caddy lockout probe` and returns what it prints.
func probe(t *testing.T, url string, u user) (block, told string, err error) {
	t.Helper()
	binary, err := caddyBinary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "lockout", "probe", url, "--user", u.Identity)
	cmd.Env = append(os.Environ(), "LOCKOUT_PROBE_PASSWORD="+u.Password)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	return out.String(), said.String(), err
}

// What the command prints of PocketBase goes into a Caddyfile as it is.
func TestProbeOfPocketBase(t *testing.T) {
	const limit = 3
	pb := startPocketBase(t)
	block, told, err := probe(t, pb.URL+loginPath, pb.Alice)
	if err != nil {
		t.Fatalf("%v\n%s", err, told)
	}
	for _, want := range []string{"user field identity", "`lockout pocketbase`", "success status 200 & json token", "failure status 400"} {
		if !strings.Contains(block, want) {
			t.Errorf("the block does not say %q:\n%s", want, block)
		}
	}
	site := "http://127.0.0.1:" + strconv.Itoa(freePort(t))
	startCaddy(t, fmt.Sprintf("{\nlockout {\ndefault_policy {\nmax_password_attempts %d\n}\n}\n}\n%s {\nbind 127.0.0.1\n%sreverse_proxy %s\n}\n",
		limit, site, block, strings.TrimPrefix(pb.URL, "http://")))

	for range 2 { // a success in between forgives
		for range limit - 1 {
			expectLogin(t, site, pb.Alice.wrong(), http.StatusBadRequest)
		}
		expectLogin(t, site, pb.Alice, http.StatusOK)
	}
	for range limit {
		expectLogin(t, site, pb.Alice.wrong(), http.StatusBadRequest)
	}
	before := pb.Arrived()
	expectLogin(t, site, pb.Alice.wrong(), http.StatusForbidden)
	expectLogin(t, site, pb.Alice, http.StatusForbidden)
	if got := pb.Arrived() - before; got != 0 {
		t.Errorf("%d logins of a locked user reached PocketBase", got)
	}
	expectLogin(t, site, pb.Bob, http.StatusOK)
	if err := app(t).Unlock(t.Context(), "default", pb.Alice.Identity); err != nil {
		t.Fatal(err)
	}
	expectLogin(t, site, pb.Alice, http.StatusOK)
}

// With MFA a right password is answered with 401, as a wrong one elsewhere.
func TestProbeNamesMFAOfPocketBase(t *testing.T) {
	pb := startPocketBase(t)
	users, err := pb.app.FindCollectionByNameOrId("users")
	if err != nil {
		t.Fatal(err)
	}
	users.OTP.Enabled, users.MFA.Enabled = true, true
	if err := pb.app.Save(users); err != nil {
		t.Fatal(err)
	}
	block, told, err := probe(t, pb.URL+loginPath, pb.Alice)
	if err == nil || block != "" || !strings.Contains(told, "it looks like a second factor is due, because the right password was answered with json mfaId") {
		t.Errorf("got %v, %s\n%s", err, told, block)
	}
}

// Caddy starts with every block that the tests of the command have printed.
func TestCaddyStartsWithBlocksOfProbe(t *testing.T) {
	files, err := filepath.Glob("../internal/probe/testdata/*.Caddyfile")
	if err != nil || len(files) == 0 {
		t.Fatalf("finding the blocks: %v, %v", files, err)
	}
	var config strings.Builder
	for _, file := range files {
		block, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&config, "http://127.0.0.1:%d {\nbind 127.0.0.1\n%srespond 204\n}\n", freePort(t), block)
	}
	startCaddy(t, config.String())
}
