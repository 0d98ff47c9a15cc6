// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	baEmail   = "/api/auth/sign-in/email"
	baName    = "/api/auth/sign-in/username"
	baTOTP    = "/api/auth/two-factor/verify-totp"
	baSession = "better-auth.session_token"
	baPending = "better-auth.two_factor"
)

func TestBetterAuth(t *testing.T) {
	t.Parallel()
	b := &betterAuth{}
	run(t, service{
		preset:   "better-auth",
		start:    b.start,
		identity: func(a account) string { return a.Email },
		login: func(c *client, name, secret string) answer {
			return baSignIn(c, baEmail, "email", name, secret)
		},
		right: func(a answer) bool {
			return a.status == http.StatusOK && (a.setsCookie(baSession) || strings.Contains(a.body, `"twoFactorRedirect":true`))
		},
		wrong: func(a answer) bool {
			return a.status == http.StatusUnauthorized && strings.Contains(a.body, "INVALID_EMAIL_OR_PASSWORD")
		},
		spellings: func(a account) []string {
			return []string{strings.ToUpper(a.Email), strings.ToUpper(a.Email[:1]) + a.Email[1:]}
		},
		doors:  baDoors(),
		passes: baPasses,
		codes: &codes{
			begin: func(c *client, a account) answer { return baSignIn(c, baEmail, "email", a.Email, a.Secret) },
			enter: func(c *client, _ account, code string) answer { return baPost(c, baTOTP, map[string]any{"code": code}) },
			code:  func(t *testing.T, _ *client, a account) string { return b.totp(t, a) },
			wrong: func(n int) string { return fmt.Sprintf("x%05d", n) },
			check: func(a arrival) bool { return strings.Contains(a.target, "/two-factor/verify-") },
			right: func(a answer) bool { return a.status == http.StatusOK && a.setsCookie(baSession) },
		},
		more: func(s *suite, t *testing.T) { (&baSuite{s, b}).run(t) },
	})
}

// betterAuth is the server of the folder better-auth.
type betterAuth struct{ process *process }

func (b *betterAuth) start(t *testing.T, people []account) string {
	t.Helper()
	type withCodes struct {
		account
		Codes bool
	}
	var accounts []withCodes
	for _, a := range people {
		accounts = append(accounts, withCodes{a, slices.Contains([]string{"judy", "niaj", "olivia", "mallory"}, a.Name)})
	}
	in, err := json.Marshal(accounts)
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	b.process = start(t, nodeCommand(npm(t, "better-auth"), "server.mjs", port, string(in)))
	b.process.wait(t, func() bool { return len(b.said("ready")) > 0 })
	return "http://127.0.0.1:" + port
}

// said returns the lines of the server with a member.
func (b *betterAuth) said(member string) (lines []map[string]any) {
	for _, line := range strings.Split(b.process.output(), "\n") {
		var said map[string]any
		if json.Unmarshal([]byte(line), &said) == nil && said[member] != nil {
			lines = append(lines, said)
		}
	}
	return lines
}

// totp returns a code of an account that is right now (RFC 6238).
func (b *betterAuth) totp(t *testing.T, a account) string {
	t.Helper()
	for _, said := range b.said("totpURI") {
		if said["user"] == a.Email {
			return totpOf(t, said["totpURI"].(string))
		}
	}
	t.Fatalf("%s has no app", a.Name)
	return ""
}

func totpOf(t *testing.T, uri string) string {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(u.Query().Get("secret"), "="))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, time.Now().Unix()/30) // into a hash
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[len(sum)-1]&15:])&0x7fffffff%1_000_000)
}

func baPost(c *client, target string, fields any, headers ...string) answer {
	c.t.Helper()
	body, err := json.Marshal(fields)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.post(target, "application/json", string(body), append([]string{"Origin", c.base}, headers...)...)
}

func baSignIn(c *client, target, field, name, secret string) answer {
	return baPost(c, target, map[string]any{field: name, "password": secret})
}

func baDoors() []door {
	doors := encodings(baEmail, "email", "password", func(a account) string { return a.Email }, nil)
	for i, d := range doors {
		doors[i].try = func(c *client, a account, secret string) answer {
			c.http.Transport = originOf{c}
			return d.try(c, a, secret)
		}
	}
	body := func(name, format string) door {
		return door{name: name, try: func(c *client, a account, secret string) answer {
			return c.post(baEmail, "application/json", fmt.Sprintf(format, a.Email, secret), "Origin", c.base)
		}}
	}
	return append(doors,
		body("JSON", `{"email": %q, "password": %q}`),
		body("two names", `{"email": "decoy@example.test", "email": %q, "password": %q}`),
		body("escaped", `{"email": "decoy@example.test", "\u0065mail": %q, "password": %q}`),
		body("both names", `{"username": "decoy", "email": %q, "password": %q}`),
		body("prototype", `{"__proto__": {"email": %q}, "password": %q}`),
		body("redirect", `{"callbackURL": "/", "rememberMe": false, "email": %q, "password": %q}`),
		door{name: "another type of JSON", try: func(c *client, a account, secret string) answer {
			return c.post(baEmail, "application/problem+json", fmt.Sprintf(`{"email": %q, "password": %q}`, a.Email, secret), "Origin", c.base)
		}},
		door{name: "bearer", try: func(c *client, a account, secret string) answer {
			return baPost(c, baEmail, map[string]any{"email": a.Email, "password": secret}, "Authorization", "Bearer x")
		}},
	)
}

// originOf adds the header without which better-auth refuses a browser.
type originOf struct{ c *client }

func (o originOf) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("Origin", o.c.base)
	return http.DefaultTransport.RoundTrip(r)
}

var baPasses = []pass{
	{"the session", func(c *client, a account) answer {
		baSignIn(c, baEmail, "email", a.Email, a.Secret)
		return c.get("/api/auth/get-session")
	}},
	{"what a browser asks before a login from another site", func(c *client, _ account) answer {
		return c.do(c.request(http.MethodOptions, baEmail, "", "Origin", "https://app.example.test", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type"))
	}},
	{"health", func(c *client, _ account) answer { return c.get("/api/auth/ok") }},
	{"registration", func(c *client, _ account) answer {
		name := wrongSecret()
		return baPost(c, "/api/auth/sign-up/email", map[string]any{"name": name, "email": name + "@example.test", "password": "wonderland-1865"})
	}},
	{"sign-out", func(c *client, a account) answer {
		baSignIn(c, baEmail, "email", a.Email, a.Secret)
		return baPost(c, "/api/auth/sign-out", map[string]any{})
	}},
	{"the profile", func(c *client, a account) answer {
		baSignIn(c, baEmail, "email", a.Email, a.Secret)
		return baPost(c, "/api/auth/update-user", map[string]any{"name": "Me"})
	}},
	{"lost password", func(c *client, a account) answer {
		return baPost(c, "/api/auth/request-password-reset", map[string]any{"email": a.Email, "redirectTo": "/"})
	}},
	{"reset", func(c *client, _ account) answer {
		return baPost(c, "/api/auth/reset-password", map[string]any{"token": "unknown", "newPassword": "wonderland-1865"})
	}},
	{"a free name", func(c *client, a account) answer {
		return baPost(c, "/api/auth/is-username-available", map[string]any{"username": a.Name})
	}},
	{"a provider", func(c *client, _ account) answer {
		return baPost(c, "/api/auth/sign-in/social", map[string]any{"provider": "google"})
	}},
	{"a mail with a code", func(c *client, _ account) answer {
		a := who("niaj")
		baSignIn(c, baEmail, "email", a.Email, a.Secret)
		return baPost(c, "/api/auth/two-factor/send-otp", map[string]any{})
	}},
}
