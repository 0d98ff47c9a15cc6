// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

const (
	pbUsers    = "/api/collections/users/"
	pbPassword = pbUsers + "auth-with-password"
)

func TestPocketBase(t *testing.T) {
	t.Parallel()
	var pb *pocketBase
	run(t, service{
		preset: "pocketbase",
		start: func(t *testing.T, people []account) string {
			pb = startPocketBase(t, people)
			return pb.url
		},
		identity: func(a account) string { return a.Email },
		login: func(c *client, name, secret string) answer {
			return c.json(pbPassword, map[string]string{"identity": name, "password": secret})
		},
		right: func(a answer) bool {
			return a.status == http.StatusOK && strings.Contains(a.body, `"token"`) || a.status == http.StatusUnauthorized && strings.Contains(a.body, `"mfaId"`)
		},
		wrong: func(a answer) bool {
			return a.status == http.StatusBadRequest && strings.Contains(a.body, "Failed to authenticate.")
		},
		doors:   pbDoors(),
		targets: pbTargets,
		passes:  pbPasses,
		codes: &codes{
			begin: pbBegin,
			enter: func(c *client, _ account, code string) answer {
				fields := map[string]string{"password": code}
				if session, ok := pbSessions.Load(c); ok {
					fields["mfaId"], fields["otpId"] = session.([2]string)[0], session.([2]string)[1]
				}
				return c.json(pbUsers+"auth-with-otp", fields)
			},
			code:  func(_ *testing.T, _ *client, a account) string { return pb.code(a) },
			wrong: func(n int) string { return fmt.Sprintf("wrong%03d", n) },
			check: func(a arrival) bool { return strings.HasSuffix(a.target, "/auth-with-otp") },
			right: func(a answer) bool { return a.status == http.StatusOK && strings.Contains(a.body, `"token"`) },
		},
		more: func(s *suite, t *testing.T) { (&pbSuite{s, pb}).run(t) },
	})
}

// pbSessions holds mfaId and otpId of clients who are asked for a code.
var pbSessions sync.Map

func pbBegin(c *client, a account) answer {
	var mfa struct{ MfaID string }
	var otp struct{ OtpID string }
	got := c.json(pbPassword, map[string]string{"identity": a.Email, "password": a.Secret})
	_ = json.Unmarshal([]byte(got.body), &mfa) // a refusal has no body
	asked := c.json(pbUsers+"request-otp", map[string]string{"email": a.Email})
	_ = json.Unmarshal([]byte(asked.body), &otp)
	pbSessions.Store(c, [2]string{mfa.MfaID, otp.OtpID})
	return got
}

// pbTargets are other names of the collection: PocketBase folds letters, and a
// long s is an s there.
var pbTargets = []string{
	"/api/collections/_pb_users_auth_/auth-with-password",
	"/api/collections/USERS/auth-with-password",
	"/api/collections/u\u017fers/auth-with-password",
	"/api/collections/u%C5%BFers/auth-with-password",
	"/api/collections/%75sers/auth-with-password",
	"/api/collections/members/auth-with-password",
	pbPassword + "?fields=record.name",
	pbPassword + "?fields=token&expand=x",
	pbPassword + "?identity=decoy@example.test&password=x",
	pbPassword + "?@jsonPayload=%7B%22identity%22%3A%22decoy%22%7D",
}

func pbDoors() []door {
	doors := encodings(pbPassword, "identity", "password", func(a account) string { return a.Email }, nil)
	body := func(name, kind, format string) door {
		return door{name: name, try: func(c *client, a account, secret string) answer {
			return c.post(pbPassword, kind, fmt.Sprintf(format, a.Email, secret))
		}}
	}
	const jsonType, xmlType = "application/json", "application/xml"
	return append(doors,
		body("JSON", jsonType, `{"identity": %q, "password": %q}`),
		body("capitals", jsonType, `{"Identity": %q, "PASSWORD": %q}`),
		body("folded", jsonType, `{"identity": "decoy", "\u0069dentity": %q, "pa\u017f\u017fword": %q}`),
		body("two names", jsonType, `{"identity": "decoy", "identity": %q, "password": %q}`),
		body("two documents", jsonType, `{"identity": %q, "password": %q} {"identity": "decoy"}`),
		body("more behind", jsonType, `{"identity": %q, "password": %q},x`),
		body("another type of JSON", "application/json-patch+json", `{"identity": %q, "password": %q}`),
		body("identityField", jsonType, `{"identityField": "email", "identity": %q, "password": %q}`),
		body("mfaId", jsonType, `{"mfaId": "", "identity": %q, "password": %q}`),
		body("XML", xmlType, `<x><Identity>%s</Identity><Password>%s</Password></x>`),
		body("XML as text", "text/xml", `<x><Identity>%s</Identity><Password>%s</Password></x>`),
		door{name: "@jsonPayload", try: func(c *client, a account, secret string) answer {
			in, _ := json.Marshal(map[string]string{"identity": a.Email, "password": secret}) // strings can be marshalled
			return c.form(pbPassword, "identity", "decoy", "password", "x", "@jsonPayload", string(in))
		}},
		door{name: "@jsonPayload of a multipart", try: func(c *client, a account, secret string) answer {
			in, _ := json.Marshal(map[string]string{"identity": a.Email, "password": secret})
			return c.post(pbPassword, "multipart/form-data; boundary=b", multipart([]string{"identity", "decoy", "password", "x", "@jsonPayload", string(in)}))
		}},
		door{name: "batch", try: func(c *client, a account, secret string) answer {
			return c.json("/api/batch", map[string]any{"requests": []any{map[string]any{
				"method": "POST", "url": pbPassword, "body": map[string]string{"identity": a.Email, "password": secret},
			}}})
		}},
		door{name: "admins", try: func(c *client, a account, secret string) answer {
			return c.json("/api/admins/auth-with-password", map[string]string{"identity": a.Email, "password": secret})
		}},
	)
}

var pbPasses = []pass{
	{"what a browser asks before a login from another site", func(c *client, _ account) answer {
		return c.do(c.request(http.MethodOptions, pbPassword, "", "Origin", "https://app.example.test", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type"))
	}},
	{"health", func(c *client, _ account) answer { return c.get("/api/health") }},
	{"the dashboard", func(c *client, _ account) answer { return c.get("/_/") }},
	{"auth methods", func(c *client, _ account) answer { return c.get(pbUsers + "auth-methods") }},
	{"registration", func(c *client, _ account) answer {
		return c.json(pbUsers+"records", map[string]string{"email": strings.ToLower(wrongSecret()) + "@example.test", "password": "wonderland-1865", "passwordConfirm": "wonderland-1865"})
	}},
	{"auth-refresh", func(c *client, a account) answer {
		return c.post(pbUsers+"auth-refresh", "application/json", "", "Authorization", pbToken(c, a).Token)
	}},
	{"auth-with-oauth2", func(c *client, _ account) answer {
		return c.json(pbUsers+"auth-with-oauth2", map[string]string{"provider": "google", "code": "x", "codeVerifier": "x", "redirectURL": "http://127.0.0.1"})
	}},
	{"a list of records", func(c *client, a account) answer {
		return c.get(pbUsers+"records", "Authorization", pbToken(c, a).Token)
	}},
	{"the profile", func(c *client, a account) answer {
		me := pbToken(c, a)
		return c.do(c.request(http.MethodPatch, pbUsers+"records/"+me.Record.ID, `{"name": "Me"}`, "Content-Type", "application/json", "Authorization", me.Token))
	}},
	{"a picture", func(c *client, a account) answer {
		me := pbToken(c, a)
		body := strings.Replace(multipart([]string{"avatar", "\x89PNG\r\n\x1a\n" + strings.Repeat("x", 200_000)}), `name="avatar"`, `name="avatar"; filename="a.png"`, 1)
		return c.do(c.request(http.MethodPatch, pbUsers+"records/"+me.Record.ID, body, "Content-Type", "multipart/form-data; boundary=b", "Authorization", me.Token))
	}},
	{"a new password", func(c *client, a account) answer {
		me := pbToken(c, a)
		body, _ := json.Marshal(map[string]string{"oldPassword": a.Secret, "password": a.Secret, "passwordConfirm": a.Secret}) // strings can be marshalled
		return c.do(c.request(http.MethodPatch, pbUsers+"records/"+me.Record.ID, string(body), "Content-Type", "application/json", "Authorization", me.Token))
	}},
	{"verification", func(c *client, a account) answer {
		return c.json(pbUsers+"request-verification", map[string]string{"email": a.Email})
	}},
	{"lost password", func(c *client, a account) answer {
		return c.json(pbUsers+"request-password-reset", map[string]string{"email": a.Email})
	}},
	{"a code", func(c *client, a account) answer {
		return c.json(pbUsers+"request-otp", map[string]string{"email": a.Email})
	}},
	{"a new address", func(c *client, a account) answer {
		return c.post(pbUsers+"request-email-change", "application/json", `{"newEmail": "new@example.test"}`, "Authorization", pbToken(c, a).Token)
	}},
	{"subscription", func(c *client, _ account) answer {
		return c.json("/api/realtime", map[string]any{"clientId": "unknown", "subscriptions": []string{"users/*"}})
	}},
	{"several requests in one", func(c *client, a account) answer {
		return c.post("/api/batch", "application/json", fmt.Sprintf(`{"requests": [{"method": "PATCH", "url": "/api/collections/users/records/%s", "body": {"name": "Me"}}]}`, pbToken(c, a).Record.ID),
			"Authorization", pbToken(c, a).Token)
	}},
	{"a login that asks for few fields", func(c *client, a account) answer {
		return c.json(pbPassword+"?fields=token,record.id&expand=x", map[string]string{"identity": a.Email, "password": a.Secret})
	}},
	{"impersonation", func(c *client, _ account) answer {
		return c.json(pbUsers+"impersonate/unknown", map[string]int{"duration": 60})
	}},
}

// pbSession is what PocketBase answers to a right password.
type pbSession struct {
	Token  string
	Record struct{ ID string }
}

func pbToken(c *client, a account) (s pbSession) {
	c.t.Helper()
	got := c.json(pbPassword, map[string]string{"identity": a.Email, "password": a.Secret})
	if err := json.Unmarshal([]byte(got.body), &s); err != nil || s.Token == "" {
		c.t.Fatalf("the right password of %s: status %d: %s", a.Name, got.status, got.body)
	}
	return s
}
