// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// betterAuthWithoutCodes is a better-auth whose users have no second factor.
var betterAuthWithoutCodes = service{
	start: func(t *testing.T, people []account) string {
		url := startBetterAuthServer(t)
		for _, a := range people {
			in := map[string]string{"name": a.Name, "email": a.Email, "password": a.Secret}
			if got := fromItself(newClient(t, url), "/api/auth/sign-up/email", in); got.status != http.StatusOK {
				t.Fatalf("adding %s: status %d: %s", a.Name, got.status, got.body)
			}
		}
		return url
	},
	identity: func(a account) string { return a.Email },
	login: func(c *client, name, secret string) answer {
		return fromItself(c, "/api/auth/sign-in/email", map[string]string{"email": name, "password": secret})
	},
	right: func(a answer) bool { return a.status == http.StatusOK && a.setsCookie("better-auth.session_token") },
	wrong: func(a answer) bool {
		return a.status == http.StatusUnauthorized && strings.Contains(a.body, "INVALID_EMAIL_OR_PASSWORD")
	},
}

// fromItself posts JSON as a page of the service does.
func fromItself(c *client, target string, in map[string]string) answer {
	body, err := json.Marshal(in)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.post(target, "application/json", string(body), "Origin", c.base)
}

// startBetterAuthServer starts better-auth with these users, who have a second
// factor and the password of the server's file.
func startBetterAuthServer(t *testing.T, names ...string) (url string) {
	t.Helper()
	directory, port := npm(t, "better-auth"), freePort(t)
	p := start(t, nodeCommand(directory, append([]string{filepath.Join(directory, "server.mjs"), port}, names...)...))
	p.wait(t, func() bool { return strings.Contains(p.output(), `"ready":true`) })
	return "http://127.0.0.1:" + port
}

// A right password that asks for a code is no success.
func TestProbeNamesSecondFactor(t *testing.T) {
	t.Parallel()
	url := startBetterAuthServer(t, "erin")
	block, told, err := probe(t, "wonderland-1865", url+"/api/auth/sign-in/email", "--user", "erin@example.test")
	if err == nil || block != "" || !strings.Contains(told, "it looks like a second factor is due, because the right password was answered with json twoFactor") {
		t.Errorf("got %v, %s\n%s", err, told, block)
	}
}
