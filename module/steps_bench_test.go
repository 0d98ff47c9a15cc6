// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// unlimited are the options of a benchmark: Redis, and nobody is ever locked.
func unlimited(b *testing.B) string {
	return options("redis {\n\t\t\taddress "+redistest.Start(b).Addr+"\n\t\t\ttimeout 5s\n\t\t}",
		"default_policy {\n\t\t\tmax_password_attempts 1000000000\n\t\t\tmax_otp_attempts 1000000000\n\t\t}")
}

// repeat sends one form again and again.
func repeat(b *testing.B, n *node, want int, path, cookie, fields string) {
	b.Helper()
	c := client(b)
	for b.Loop() {
		r, err := http.NewRequest(http.MethodPost, n.URL+path, strings.NewReader(fields))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Content-Type", formType)
		if cookie != "" {
			r.Header.Set("Cookie", cookie)
		}
		resp, err := c.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			b.Fatalf("status %d, want %d", resp.StatusCode, want)
		}
	}
}

// BenchmarkSteps is what one request costs a client, over Redis.
func BenchmarkSteps(b *testing.B) {
	service := startOTPService(b)
	user := func(name, password string) string {
		return url.Values{"username": {name}, "password": {password}}.Encode()
	}
	for _, steps := range []struct{ name, steps string }{{"plain", factorSteps()}, {"bind", boundSteps}} {
		a := &otpArena{startNode(b, unlimited(b)+siteBlock(steps.steps, proxyTo(service.URL))), service}
		b.Run("password/"+steps.name+"/wrong", func(b *testing.B) { repeat(b, a.node, 401, "/login", "", user("alice", "wrong")) })
		b.Run("password/"+steps.name+"/right", func(b *testing.B) { repeat(b, a.node, 200, "/login", "", user("alice", "right")) })
	}
	a := &otpArena{startNode(b, unlimited(b)+siteBlock(idSteps, proxyTo(service.URL))), service}
	id := a.begin(b, "/name", "alice").id
	for _, code := range []struct {
		text string
		want int
	}{{"wrong", 401}, {"right", 200}} {
		b.Run("code/"+code.text, func(b *testing.B) {
			repeat(b, a.node, code.want, "/mfa", "", "type=totp&code="+code.text+"&flow="+id)
		})
	}
}

// BenchmarkAliases is the cost of a password in a step with identity.
func BenchmarkAliases(b *testing.B) {
	user := alice()
	s := startAccountService(b, user)
	config := unlimited(b) + siteBlock(accountSteps, proxyTo(s.URL))
	a := &accountArena{&otpArena{node: startNode(b, config)}, s}
	a.login(b, 200, user.email, "right")
	for _, who := range []struct{ what, name string }{{"account", user.name}, {"alias", user.email}} {
		for password, want := range map[string]int{"wrong": 401, "right": 200} {
			b.Run(fmt.Sprintf("%s/%s", who.what, password), func(b *testing.B) {
				repeat(b, a.node, want, "/login", "", url.Values{"username": {who.name}, "password": {password}}.Encode())
			})
		}
		b.Run(who.what+"/quiet", func(b *testing.B) {
			repeat(b, a.node, 200, "/quiet", "", url.Values{"username": {who.name}, "password": {"right"}}.Encode())
		})
	}
}
