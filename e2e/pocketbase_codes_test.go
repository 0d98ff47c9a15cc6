// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// PocketBase answers 429 to the sixth code of a user within three minutes, so
// each case has users of its own.
const codeLimit, codePasswords = 3, 5

// guarded is a PocketBase with codes by mail behind the example.
type guardedCodes struct {
	*pocketBase
	site string
}

func startCodes(t *testing.T) *guardedCodes {
	t.Helper()
	pb := startPocketBase(t)
	pb.sendCodes(t)
	config, err := os.ReadFile("../examples/pocketbase.Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	site := "http://127.0.0.1:" + strconv.Itoa(freePort(t))
	t.Setenv("SITE", site)
	t.Setenv("UPSTREAM", strings.TrimPrefix(pb.URL, "http://"))
	startCaddy(t, string(config))
	if err := app(t).SetPolicy(t.Context(), "", policyapi.Limits{MaxPasswordAttempts: codePasswords, MaxOTPAttempts: codeLimit}); err != nil {
		t.Fatal(err)
	}
	return &guardedCodes{pb, site}
}

// sendCodes turns on codes and the need for two factors. No mail leaves.
func (pb *pocketBase) sendCodes(t *testing.T) {
	t.Helper()
	users, err := pb.app.FindCollectionByNameOrId("users")
	if err != nil {
		t.Fatal(err)
	}
	users.OTP.Enabled, users.MFA.Enabled = true, true
	if err := pb.app.Save(users); err != nil {
		t.Fatalf("turning on codes: %v", err)
	}
	pb.codes = map[string]string{}
	pb.app.OnMailerSend().BindFunc(func(*core.MailerEvent) error { return nil })
	pb.app.OnRecordRequestOTPRequest().BindFunc(func(e *core.RecordCreateOTPRequestEvent) error {
		if e.Record != nil {
			pb.mu.Lock()
			pb.codes[e.Record.Email()] = e.Password
			pb.mu.Unlock()
		}
		return e.Next()
	})
}

// code returns the last code that was sent to a user.
func (pb *pocketBase) code(u user) string {
	pb.mu.Lock()
	defer pb.mu.Unlock()
	return pb.codes[u.Identity]
}

// Checks returns how many codes have reached PocketBase.
func (pb *pocketBase) Checks() int {
	pb.mu.Lock()
	defer pb.mu.Unlock()
	return pb.checks
}

func (g *guardedCodes) send(t *testing.T, path string, fields map[string]string) (status int, answer map[string]any) {
	t.Helper()
	in, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(g.site+"/api/collections/users/"+path, "application/json", bytes.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(out, &answer) // a refusal of Caddy has no body
	return resp.StatusCode, answer
}

// begin gives the right password and asks for a code.
func (g *guardedCodes) begin(t *testing.T, u user) (mfa, otp string) {
	t.Helper()
	status, answer := g.send(t, "auth-with-password", map[string]string{"identity": u.Identity, "password": u.Password})
	mfa, _ = answer["mfaId"].(string)
	if status != http.StatusUnauthorized || mfa == "" {
		t.Fatalf("the right password of %s: status %d, %v", u.Identity, status, answer)
	}
	status, answer = g.send(t, "request-otp", map[string]string{"email": u.Identity})
	otp, _ = answer["otpId"].(string)
	if status != http.StatusOK || otp == "" {
		t.Fatalf("asking for a code of %s: status %d, %v", u.Identity, status, answer)
	}
	return mfa, otp
}

func (g *guardedCodes) expect(t *testing.T, want int, mfa, otp, code string) {
	t.Helper()
	if got, answer := g.send(t, "auth-with-otp", map[string]string{"mfaId": mfa, "otpId": otp, "password": code}); got != want {
		t.Errorf("code: status %d, want %d: %v", got, want, answer)
	}
}

// expectFailures compares what is counted for a user.
func (g *guardedCodes) expectFailures(t *testing.T, u user, passwords, codes uint32, locked bool) {
	t.Helper()
	state, err := app(t).User(t.Context(), "default", u.Identity)
	if err != nil {
		t.Fatal(err)
	}
	p, c := state.Factors[counter.Password].Failures, state.Factors[counter.OTPEmail].Failures
	if p != passwords || c != codes || (state.Lock != nil) != locked {
		t.Errorf("%s: %d wrong passwords, %d wrong codes, lock %v; want %d, %d, %t", u.Identity, p, c, state.Lock, passwords, codes, locked)
	}
}

func TestCodesOfPocketBase(t *testing.T) {
	g := startCodes(t)
	account := func(t *testing.T, name string) user {
		t.Helper()
		u := user{name + "@example.test", "wonderland-1865"}
		g.add(t, u)
		return u
	}
	t.Run("lock at the limit, and unlock", func(t *testing.T) {
		u := account(t, "lock")
		mfa, otp := g.begin(t, u)
		before := g.Checks()
		for range codeLimit {
			g.expect(t, 400, mfa, otp, "wrong")
		}
		g.expect(t, 403, mfa, otp, g.code(u))
		expectLogin(t, g.site, u, 403)
		if got := g.Checks() - before; got != codeLimit {
			t.Errorf("%d codes reached PocketBase, want %d", got, codeLimit)
		}
		g.expectFailures(t, u, 0, codeLimit, true)
		if err := app(t).Unlock(context.Background(), "default", u.Identity); err != nil {
			t.Fatal(err)
		}
		g.expect(t, 200, mfa, otp, g.code(u))
	})
	t.Run("a right code forgives", func(t *testing.T) {
		u := account(t, "forgive")
		mfa, otp := g.begin(t, u)
		g.expect(t, 400, mfa, otp, "wrong")
		g.expect(t, 400, mfa, otp, "wrong")
		g.expectFailures(t, u, 0, 2, false)
		g.expect(t, 200, mfa, otp, g.code(u))
		g.expectFailures(t, u, 0, 0, false)
		mfa, otp = g.begin(t, u)
		g.expect(t, 400, mfa, otp, "wrong")
		g.expectFailures(t, u, 0, 1, false)
	})
	t.Run("50 at once", func(t *testing.T) {
		u := account(t, "burst")
		mfa, otp := g.begin(t, u)
		before := g.Checks()
		done := make(chan int, 50)
		for i := range cap(done) {
			go func() {
				body := fmt.Sprintf(`{"mfaId":%q,"otpId":%q,"password":"%08d"}`, mfa, otp, i)
				resp, err := http.Post(g.site+"/api/collections/users/auth-with-otp", "application/json", strings.NewReader(body))
				if err != nil {
					done <- 0
					return
				}
				_ = resp.Body.Close()
				done <- resp.StatusCode
			}()
		}
		answers := map[int]int{}
		for range cap(done) {
			answers[<-done]++
		}
		if got := g.Checks() - before; got != codeLimit || answers[400] != codeLimit || answers[403] != cap(done)-codeLimit {
			t.Errorf("%d codes reached PocketBase, want %d; answers %v", got, codeLimit, answers)
		}
		g.expectFailures(t, u, 0, codeLimit, true)
	})
	t.Run("fresh sessions and codes", func(t *testing.T) {
		u := account(t, "fresh")
		before := g.Checks()
		for range codeLimit {
			mfa, otp := g.begin(t, u)
			g.expect(t, 400, mfa, otp, "wrong")
		}
		expectLogin(t, g.site, u, 403)
		// Asking for a code is no guess; what comes of it is refused.
		status, answer := g.send(t, "request-otp", map[string]string{"email": u.Identity})
		otp, _ := answer["otpId"].(string)
		if status != http.StatusOK || otp == "" {
			t.Fatalf("asking for a code: status %d", status)
		}
		g.expect(t, 403, "", otp, g.code(u))
		if got := g.Checks() - before; got != codeLimit {
			t.Errorf("%d codes reached PocketBase, want %d", got, codeLimit)
		}
	})
	t.Run("factors in turn", func(t *testing.T) {
		u := account(t, "turn")
		mfa, otp := g.begin(t, u)
		for range codeLimit - 1 {
			expectLogin(t, g.site, u.wrong(), 400)
			g.expect(t, 400, mfa, otp, "wrong")
		}
		g.expectFailures(t, u, codeLimit-1, codeLimit-1, false)
		g.begin(t, u) // a right password forgives passwords alone
		g.expectFailures(t, u, 0, codeLimit-1, false)
		g.expect(t, 400, mfa, otp, "wrong")
		g.expectFailures(t, u, 0, codeLimit, true)
	})
	t.Run("a password lock closes the codes", func(t *testing.T) {
		u := account(t, "closed")
		mfa, otp := g.begin(t, u)
		before := g.Checks()
		for range codePasswords {
			expectLogin(t, g.site, u.wrong(), 400)
		}
		g.expect(t, 403, mfa, otp, g.code(u))
		if got := g.Checks() - before; got != 0 {
			t.Errorf("%d codes reached PocketBase", got)
		}
	})
	t.Run("forged and swapped keys", func(t *testing.T) {
		u, v := account(t, "forged"), account(t, "swapped")
		mfaU, otpU := g.begin(t, u)
		mfaV, _ := g.begin(t, v)
		before := g.Checks()
		g.expect(t, 403, mfaU, strings.Repeat("a", 15), g.code(u))
		g.expect(t, 403, mfaU, mfaU, g.code(u))
		g.expect(t, 400, mfaU, "", g.code(u))
		if got := g.Checks() - before; got != 0 {
			t.Errorf("%d codes under forged keys reached PocketBase", got)
		}
		// The code is checked for whom the otpId is, whatever else is there.
		g.expect(t, 400, mfaV, otpU, "wrong")
		g.expectFailures(t, u, 0, 1, false)
		g.expectFailures(t, v, 0, 0, false)
	})
	t.Run("a completed reset", func(t *testing.T) {
		u := account(t, "reset")
		for range codePasswords - 1 {
			expectLogin(t, g.site, u.wrong(), 400)
		}
		mfa, otp := "", ""
		record, err := g.app.FindAuthRecordByEmail("users", u.Identity)
		if err != nil {
			t.Fatal(err)
		}
		token, err := record.NewPasswordResetToken()
		if err != nil {
			t.Fatal(err)
		}
		reset := func(want int, token string) {
			t.Helper()
			if got, answer := g.send(t, "confirm-password-reset", map[string]string{"token": token, "password": "new-Pass-1!", "passwordConfirm": "new-Pass-1!"}); got != want {
				t.Errorf("reset: status %d, want %d: %v", got, want, answer)
			}
		}
		reset(400, token[:len(token)-4]+"AAAA")
		g.expectFailures(t, u, codePasswords-1, 0, false)
		reset(204, token)
		g.expectFailures(t, u, 0, 0, false)
		u.Password = "new-Pass-1!"
		mfa, otp = g.begin(t, u)
		g.expect(t, 200, mfa, otp, g.code(u))
	})
}
