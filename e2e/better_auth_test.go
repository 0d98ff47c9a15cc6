// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// betterAuth is a better-auth behind its example. It counts the codes that reach
// it, by path.
type betterAuth struct {
	site string

	mu     sync.Mutex
	checks int
	totp   map[string]string   // secret, by user
	backup map[string][]string // codes, by user
	mails  map[string]string   // last code, by user
}

// told is a line of the server.
type told struct {
	Ready                     bool
	User, TotpURI, Mail, Code string
	BackupCodes               []string
}

func startBetterAuth(t *testing.T, names ...string) *betterAuth {
	t.Helper()
	directory := t.TempDir()
	for _, name := range []string{".npmrc", "package.json", "package-lock.json", "server.mjs"} {
		content, err := os.ReadFile(filepath.Join("better-auth", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(directory, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runIn(t, directory, "npm", "ci")
	b := &betterAuth{totp: map[string]string{}, backup: map[string][]string{}, mails: map[string]string{}}
	upstream := b.run(t, directory, names)
	config, err := os.ReadFile("../examples/better_auth.Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	b.site = "http://127.0.0.1:" + strconv.Itoa(freePort(t))
	t.Setenv("SITE", b.site)
	t.Setenv("UPSTREAM", upstream)
	startCaddy(t, string(config))
	if err := app(t).SetPolicy(t.Context(), "", policyapi.Limits{MaxPasswordAttempts: codePasswords, MaxOTPAttempts: codeLimit}); err != nil {
		t.Fatal(err)
	}
	return b
}

// run starts the server, waits until it is ready, and returns the address of
// what counts in front of it.
func (b *betterAuth) run(t *testing.T, directory string, names []string) string {
	t.Helper()
	port := strconv.Itoa(freePort(t))
	ctx, stop := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, "node", append([]string{"server.mjs", port}, names...)...)
	server.Dir = directory
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			b.listen(lines.Bytes(), ready)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-ended
		_ = server.Wait() // killed
	})
	select {
	case <-ready:
	case <-ended:
		t.Fatal("better-auth ended before it was ready")
	case <-time.After(2 * time.Minute):
		t.Fatal("better-auth is not ready")
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "127.0.0.1:" + port})
	counting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/two-factor/verify-") {
			b.mu.Lock()
			b.checks++
			b.mu.Unlock()
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(counting.Close)
	return strings.TrimPrefix(counting.URL, "http://")
}

func (b *betterAuth) listen(line []byte, ready chan struct{}) {
	var said told
	if json.Unmarshal(line, &said) != nil {
		return // a log line
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case said.Ready:
		close(ready)
	case said.User != "":
		uri, _ := url.Parse(said.TotpURI)
		b.totp[said.User], b.backup[said.User] = uri.Query().Get("secret"), said.BackupCodes
	case said.Mail != "":
		b.mails[said.Mail] = said.Code
	}
}

// code returns a right code of a user.
func (b *betterAuth) code(t *testing.T, user, kind, cookie string) string {
	t.Helper()
	if kind == "otp" {
		if status, _ := b.send(t, "two-factor/send-otp", cookie, map[string]string{}); status != http.StatusOK {
			t.Fatalf("asking for a mail: status %d", status)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch kind {
	case "totp":
		key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(b.totp[user], "="))
		if err != nil {
			t.Fatal(err)
		}
		return totpAt(key, time.Now())
	case "backup-code":
		return b.backup[user][0]
	}
	return b.mails[user]
}

// totpAt is RFC 6238 with its defaults.
func totpAt(key []byte, now time.Time) string {
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, now.Unix()/30)
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1_000_000)
}

func (b *betterAuth) send(t *testing.T, path, cookie string, fields map[string]string) (status int, cookies []*http.Cookie) {
	t.Helper()
	in, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	r := post(b.site+"/api/auth/"+path, "application/json", string(in))
	r.Header.Set("Origin", b.site)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Cookies()
}

// begin gives the right password and returns the cookie for the code.
func (b *betterAuth) begin(t *testing.T, user string) string {
	t.Helper()
	status, cookies := b.send(t, "sign-in/email", "", map[string]string{"email": user, "password": "wonderland-1865"})
	for _, c := range cookies {
		if c.Name == "better-auth.two_factor" && status == http.StatusOK {
			return c.Name + "=" + c.Value
		}
	}
	t.Fatalf("the right password of %s: status %d, cookies %v", user, status, cookies)
	return ""
}

func (b *betterAuth) expect(t *testing.T, want int, kind, cookie, code string) {
	t.Helper()
	if got, _ := b.send(t, "two-factor/verify-"+kind, cookie, map[string]string{"code": code}); got != want {
		t.Errorf("%s: status %d, want %d", kind, got, want)
	}
}

func (b *betterAuth) arrived() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.checks
}

func (b *betterAuth) locked(t *testing.T, user string) bool {
	t.Helper()
	state, err := app(t).User(t.Context(), "default", user)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lock != nil
}

func TestCodesOfBetterAuth(t *testing.T) {
	kinds := []string{"totp", "otp", "backup-code"}
	b := startBetterAuth(t, "totp", "otp", "backup-code", "burst", "turn", "alice", "bob")
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			user := kind + "@example.test"
			begin := func() string {
				cookie := b.begin(t, user)
				_ = b.code(t, user, kind, cookie) // a mail has to be sent before one is wrong
				return cookie
			}
			cookie := begin()
			for range codeLimit - 1 {
				b.expect(t, 401, kind, cookie, "000000")
			}
			b.expect(t, 200, kind, cookie, b.code(t, user, kind, cookie)) // forgives
			before := b.arrived()
			for range codeLimit {
				cookie = begin() // a fresh session gives no fresh guesses
				b.expect(t, 401, kind, cookie, "000000")
			}
			b.expect(t, 403, kind, cookie, "000000")
			for _, other := range kinds {
				b.expect(t, 403, other, cookie, "000000")
			}
			if status, _ := b.send(t, "sign-in/email", "", map[string]string{"email": user, "password": "wonderland-1865"}); status != 403 {
				t.Errorf("the password of a locked user: status %d", status)
			}
			if got := b.arrived() - before; got != codeLimit || !b.locked(t, user) {
				t.Errorf("%d codes reached better-auth, want %d; locked %t", got, codeLimit, b.locked(t, user))
			}
			if err := app(t).Unlock(t.Context(), "default", user); err != nil {
				t.Fatal(err)
			}
			cookie = b.begin(t, user)
			b.expect(t, 200, "totp", cookie, b.code(t, user, "totp", cookie))
		})
	}
	t.Run("50 at once", func(t *testing.T) {
		cookie, before := b.begin(t, "burst@example.test"), b.arrived()
		var running sync.WaitGroup
		for i := range 50 {
			running.Go(func() {
				_, _ = b.send(t, "two-factor/verify-totp", cookie, map[string]string{"code": fmt.Sprintf("%06d", i)})
			})
		}
		running.Wait()
		if got := b.arrived() - before; got != codeLimit || !b.locked(t, "burst@example.test") {
			t.Errorf("%d codes reached better-auth, want %d", got, codeLimit)
		}
	})
	t.Run("types in turn", func(t *testing.T) {
		cookie, before := b.begin(t, "turn@example.test"), b.arrived()
		for range 3 * codeLimit {
			for _, kind := range kinds {
				_, _ = b.send(t, "two-factor/verify-"+kind, cookie, map[string]string{"code": "000000"})
			}
		}
		if got := b.arrived() - before; got != len(kinds)*(codeLimit-1)+1 {
			t.Errorf("%d codes reached better-auth, want %d of each type and one more", got, codeLimit-1)
		}
	})
	t.Run("forged and swapped cookies", func(t *testing.T) {
		alice, bob := b.begin(t, "alice@example.test"), b.begin(t, "bob@example.test")
		before := b.arrived()
		b.expect(t, 403, "totp", strings.Replace(alice, "=", "=x", 1), "000000")
		b.expect(t, 400, "totp", "", "000000")
		b.expect(t, 400, "totp", alice+"; "+bob, "000000")
		if got := b.arrived() - before; got != 0 {
			t.Errorf("%d codes under forged cookies reached better-auth", got)
		}
		// Some decoders look at nothing behind the padding of a signature, so this
		// may be alice's session, and counts for her.
		b.expect(t, 401, "totp", alice+"x", "000000")
		for range codeLimit - 1 {
			b.expect(t, 401, "totp", alice, "000000")
		}
		if !b.locked(t, "alice@example.test") || b.locked(t, "bob@example.test") {
			t.Error("the codes did not count for alice alone")
		}
		b.expect(t, 200, "totp", bob, b.code(t, "bob@example.test", "totp", bob))
	})
}

// The code says whose the session is, so what is guessed under the user name and
// under the e-mail address has one limit from then on.
func TestAliasesOfBetterAuth(t *testing.T) {
	b := startBetterAuth(t, "alice", "bob")
	in := func(want int, name, password string) (cookie string) {
		t.Helper()
		kind := "username"
		if strings.Contains(name, "@") {
			kind = "email"
		}
		status, cookies := b.send(t, "sign-in/"+kind, "", map[string]string{kind: name, "password": password})
		if status != want {
			t.Fatalf("%s with %q: status %d, want %d", name, password, status, want)
		}
		for _, c := range cookies {
			if c.Name == "better-auth.two_factor" {
				cookie = c.Name + "=" + c.Value
			}
		}
		return cookie
	}
	const email, right = "alice@example.test", "wonderland-1865"
	cookie := in(200, "alice", right)
	b.expect(t, 200, "totp", cookie, b.code(t, email, "totp", cookie))

	for i := range codePasswords - 1 {
		in(401, []string{"alice", email}[i%2], "wrong")
	}
	in(200, "alice", right) // forgives what came by the user name
	for range codePasswords - (codePasswords-1)/2 {
		in(401, "alice", "wrong")
	}
	in(403, "alice", right)
	in(403, email, right)
	if !b.locked(t, email) || !b.locked(t, "alice") || b.locked(t, "bob@example.test") {
		t.Error("not alice alone is locked")
	}
	if err := app(t).Unlock(t.Context(), "default", "alice"); err != nil {
		t.Fatal(err)
	}
	before := b.arrived()
	for i := range codeLimit {
		b.expect(t, 401, "totp", in(200, []string{"alice", email}[i%2], right), "000000")
	}
	in(403, email, right)
	in(403, "alice", right)
	if got := b.arrived() - before; got != codeLimit {
		t.Errorf("%d wrong codes reached better-auth, want %d", got, codeLimit)
	}
}
