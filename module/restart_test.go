// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// stored returns the files that the embedded store keeps in a data folder.
func stored(t testing.TB, data string) map[string]string {
	t.Helper()
	files := map[string]string{}
	root := filepath.Join(data, "caddy", "lockout", "embedded")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && d.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		files[filepath.ToSlash(name)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// storedWith returns the file below folder that contains text.
func storedWith(t testing.TB, data, folder, text string) string {
	t.Helper()
	for name, content := range stored(t, data) {
		if strings.HasPrefix(name, folder) && strings.Contains(content, text) {
			return filepath.Join(data, "caddy", "lockout", "embedded", name)
		}
	}
	return ""
}

// soon polls, gently, for what another process does in its own time.
func soon(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(nodeDeadline); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func guess(t testing.TB, site, user string, times int) {
	t.Helper()
	for range times {
		mustLogin(t, patientClient(t), site, user, "wrong", http.StatusUnauthorized)
	}
}

// Whoever was told of a lock, an unlock or a policy finds it after a crash.
func TestEmbeddedStoreSurvivesKill(t *testing.T) {
	t.Parallel()
	service, data, c := startLoginService(t, nil), t.TempDir(), client(t)
	config := siteConfig(service.URL, "", 5)

	n := startNodeIn(t, data, config)
	guess(t, n.URL, "alice", 5)
	mustLogin(t, c, n.URL, "alice", "right", http.StatusForbidden)
	n.order(t, order{Do: "lock", User: "bob"})
	n.order(t, order{Do: "lock", User: "carol"})
	n.order(t, order{Do: "unlock", User: "carol"})
	n.order(t, order{Do: "policy", Organization: "default", Limits: policyapi.Limits{MaxPasswordAttempts: 2}})
	n.order(t, order{Do: "policy", Limits: policyapi.Limits{MaxPasswordAttempts: 9, MaxOTPAttempts: 9}})
	n.kill(t)

	n = startNodeIn(t, data, config)
	mustLogin(t, c, n.URL, "alice", "right", http.StatusForbidden)
	mustLogin(t, c, n.URL, "bob", "right", http.StatusForbidden)
	mustLogin(t, c, n.URL, "carol", "right", http.StatusOK)
	guess(t, n.URL, "dave", 2)
	mustLogin(t, c, n.URL, "dave", "right", http.StatusForbidden)
	n.order(t, order{Do: "unlock", User: "alice"})
	n.order(t, order{Do: "policy", Organization: "default", Limits: policyapi.Limits{MaxPasswordAttempts: 3}})
	n.kill(t)
	if storedWith(t, data, "policies/", `"sequence":3,`) == "" {
		t.Errorf("the sequence of the policies did not go on: %q", stored(t, data))
	}

	n = startNodeIn(t, data, config)
	mustLogin(t, c, n.URL, "bob", "right", http.StatusForbidden)
	guess(t, n.URL, "alice", 3)
	mustLogin(t, c, n.URL, "alice", "right", http.StatusForbidden)
	for name := range stored(t, data) {
		for _, user := range []string{"alice", "bob", "carol", "dave"} {
			if strings.Contains(name, user) {
				t.Errorf("the key %s in the storage names a user", name)
			}
		}
	}
}

func TestCountersSurviveAStop(t *testing.T) {
	t.Parallel()
	service, data, c := startLoginService(t, nil), t.TempDir(), client(t)
	config := siteConfig(service.URL, "", 5)
	n := startNodeIn(t, data, config)
	guess(t, n.URL, "alice", 4)
	n.stop(t)
	n = startNodeIn(t, data, config)
	guess(t, n.URL, "alice", 1)
	mustLogin(t, c, n.URL, "alice", "right", http.StatusForbidden)
	n.order(t, order{Do: "unlock", User: "alice"})
	n.kill(t) // the snapshot still holds four failures

	n = startNodeIn(t, data, config)
	if r := n.user(t, "alice"); r.Locked || r.Failures != 0 {
		t.Errorf("an older snapshot undid the unlock: %+v", r)
	}
	guess(t, n.URL, "alice", 4)
	mustLogin(t, c, n.URL, "alice", "right", http.StatusOK)
}

// A crash is a failure of the attempts in flight.
func TestAttemptsOfACrashFailed(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	service, data := startLoginService(t, func() time.Duration { <-release; return 0 }), t.TempDir()
	config := siteConfig(service.URL, "", 5)
	n := startNodeIn(t, data, config)
	for range 3 {
		go func() { _, _ = login(client(t), n.URL, "alice", "right") }()
	}
	soon(t, "a snapshot shows three attempts in flight", func() bool {
		return strings.Count(stored(t, data)["counters"], `,p0/5"`) == 3
	})
	n.kill(t)
	n = startNodeIn(t, data, config)
	if r := n.user(t, "alice"); r.InFlight != 0 || r.Failures != 3 {
		t.Errorf("after the crash: %+v", r)
	}
}

func TestInstancesShareTheEmbeddedStore(t *testing.T) {
	t.Parallel()
	service, data, c := startLoginService(t, nil), t.TempDir(), client(t)
	config := func(instance string) string {
		return strings.Replace(siteConfig(service.URL, "", 5), "lockout {\n", "lockout {\n\t\tinstance "+instance+"\n", 1)
	}
	n := startNodeIn(t, data, config("one"))
	guess(t, n.URL, "alice", 2)
	n.order(t, order{Do: "lock", User: "bob"})
	n.stop(t)
	n = startNodeIn(t, data, config("two"))
	mustLogin(t, c, n.URL, "bob", "right", http.StatusOK)
	guess(t, n.URL, "alice", 4) // and so a new snapshot
	n.stop(t)
	n = startNodeIn(t, data, config("one"))
	mustLogin(t, c, n.URL, "bob", "right", http.StatusForbidden)
	if r := n.user(t, "alice"); r.Failures != 2 {
		t.Errorf("alice of the first instance: %+v", r)
	}
}

func TestDamagedObjectsAreSetAside(t *testing.T) {
	t.Parallel()
	service, data, c := startLoginService(t, nil), t.TempDir(), client(t)
	config := siteConfig(service.URL, "", 5)
	n := startNodeIn(t, data, config)
	for _, user := range []string{"alice", "bob", "carol"} {
		n.order(t, order{Do: "lock", User: user})
	}
	n.stop(t)
	spoil := func(path string, f func([]byte) []byte) string {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		content = f(content)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	alice, bob := storedWith(t, data, "users/", `"alice"`), storedWith(t, data, "users/", `"bob"`)
	spoiled := []string{
		spoil(alice, func(b []byte) []byte { return bytes.Replace(b, []byte("admin"), []byte("nobod"), 1) }),
		spoil(bob, func(b []byte) []byte { return bytes.Replace(b, []byte(" 1 "), []byte(" 99 "), 1) }),
		spoil(filepath.Join(filepath.Dir(filepath.Dir(alice)), "counters"), func([]byte) []byte { return nil }),
	}

	before := stored(t, data)
	n = startNodeIn(t, data, "SITE {\n\trespond ok\n}\n")
	n.order(t, order{Do: "validate", Caddyfile: n.config(config)})
	if after := stored(t, data); !maps.Equal(before, after) {
		t.Errorf("validate wrote %q", after)
	}
	n.stop(t)

	n = startNodeIn(t, data, config)
	mustLogin(t, c, n.URL, "carol", "right", http.StatusForbidden)
	mustLogin(t, c, n.URL, "alice", "right", http.StatusOK)
	n.order(t, order{Do: "lock", User: "bob"})
	soon(t, "the damaged objects are set aside", func() bool {
		aside := 0
		for name, content := range stored(t, data) {
			for _, s := range spoiled {
				if strings.HasPrefix(name, "damaged/") && content == s {
					aside++
				}
			}
		}
		return aside == len(spoiled)
	})
	log := n.stderr.String()
	for _, want := range []string{filepath.Base(alice), filepath.Base(bob), "lockout/embedded/counters", "checksum", "version", "set the policy again"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not tell %q", want)
		}
	}
}

// A storage that takes nothing blocks nobody, and is tried again.
func TestStorageThatIsFull(t *testing.T) {
	t.Parallel()
	service, data, c := startLoginService(t, nil), t.TempDir(), client(t)
	folder := filepath.Join(data, "caddy", "lockout", "embedded")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	// No file can be made below a file.
	obstacle := filepath.Join(folder, "users")
	if err := os.WriteFile(obstacle, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	n := startNodeIn(t, data, siteConfig(service.URL, "", 1))
	for i := range 10 {
		guess(t, n.URL, fmt.Sprint("user", i), 1)
		mustLogin(t, c, n.URL, fmt.Sprint("user", i), "right", http.StatusForbidden)
	}
	const complaint = "Caddy's storage does not take"
	soon(t, "the log complains", func() bool { return strings.Contains(n.stderr.String(), complaint) })
	if err := os.Remove(obstacle); err != nil {
		t.Fatal(err)
	}
	soon(t, "all locks are written", func() bool { return len(stored(t, data)) >= 10 })
	soon(t, "the log gives the all-clear", func() bool { return strings.Contains(n.stderr.String(), "must not forget again") })
	if times := strings.Count(n.stderr.String(), complaint); times != 1 {
		t.Errorf("the log complains %d times", times)
	}
}

// Nobody may log in while it is not known who is locked.
func TestStorageThatCannotBeRead(t *testing.T) {
	t.Parallel()
	service, data, c := startLoginService(t, nil), t.TempDir(), client(t)
	config := siteConfig(service.URL, "", 5)
	n := startNodeIn(t, data, config)
	n.order(t, order{Do: "lock", User: "alice"})
	n.stop(t)
	counters := filepath.Join(data, "caddy", "lockout", "embedded", "counters")
	if err := os.Rename(counters, counters+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(counters, 0o700); err != nil { // which no program can read as a file
		t.Fatal(err)
	}
	n = startNodeIn(t, data, config)
	mustLogin(t, c, n.URL, "alice", "right", http.StatusServiceUnavailable)
	mustLogin(t, c, n.URL, "bob", "right", http.StatusServiceUnavailable)
	if err := os.Remove(counters); err != nil {
		t.Fatal(err)
	}
	soon(t, "the store is restored", func() bool {
		status, err := login(c, n.URL, "bob", "right")
		return err == nil && status == http.StatusOK
	})
	mustLogin(t, c, n.URL, "alice", "right", http.StatusForbidden)
}
