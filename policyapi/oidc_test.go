// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

func base64URL(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Every forgery is refused with the id of the contract, and the reason holds
// nothing of the token.
func TestOIDCRefuses(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	a := i.authenticator(t, fromClaims)
	s := newServer(t, embeddedEnv(t), serverOptions{authenticators: []policyapi.Authenticator{a}})
	s.send(t, "GET", "/management/v1/policies/lockout", "", "Authorization", "Bearer "+i.token(t, nil)).expect(t, 200, 0, "")
	for name, token := range forgeries(t, i) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := authenticate(a, token)
			if !errors.Is(err, policyapi.ErrCredentials) {
				t.Fatalf("error %v", err)
			}
			for part := range strings.SplitSeq(token, ".") {
				if len(part) > 3 && strings.Contains(err.Error(), part) {
					t.Errorf("the error holds the token: %v", err)
				}
			}
			s.send(t, "POST", "/management/v1/users/a/_unlock", "{", "Authorization", "Bearer "+token).
				expect(t, 401, 16, "Errors.Token.Invalid (AUTH-7fs1e)")
		})
	}
	s.send(t, "GET", "/management/v1/policies/lockout", "", "Authorization", "").expect(t, 401, 16, "auth header missing")
	s.send(t, "GET", "/management/v1/policies/lockout", "", "Authorization", "JWT "+i.token(t, nil)).expect(t, 401, 16, "invalid auth header (AUTH-toLo1)")
	if n := i.fetched.Load(); n != 1 {
		t.Errorf("%d fetches of keys", n)
	}
}

func TestOIDCCaller(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	defaults := policyapi.OIDCOptions{
		Name: "sso", Audience: []string{"lockout"}, RolesClaim: "realm_access.roles", Roles: []string{"ORG_OWNER_VIEWER"}, Organization: "home",
	}
	for _, tt := range []struct {
		name         string
		options      policyapi.OIDCOptions
		claims       map[string]any
		organization string
		roles        []string
	}{
		{"claims", fromClaims, nil, "home", []string{"IAM_OWNER"}},
		{"audiences", fromClaims, map[string]any{"aud": []string{"x", "lockout"}}, "home", []string{"IAM_OWNER"}},
		{"text with blanks", fromClaims, map[string]any{"roles": "ORG_OWNER  ORG_OWNER_VIEWER"}, "home", []string{"ORG_OWNER", "ORG_OWNER_VIEWER"}},
		{"within the skew", fromClaims, map[string]any{"exp": i.now().Add(-30 * time.Second).Unix(), "roles": "ORG_OWNER"}, "home", []string{"ORG_OWNER"}},
		{"soon valid", fromClaims, map[string]any{"nbf": i.now().Add(30 * time.Second).Unix(), "roles": "ORG_OWNER"}, "home", []string{"ORG_OWNER"}},
		{"no roles", fromClaims, map[string]any{"roles": nil}, "home", nil},
		{"roles are an object", fromClaims, map[string]any{"roles": map[string]any{"IAM_OWNER": "x"}}, "home", nil},
		{"roles are numbers", fromClaims, map[string]any{"roles": []any{"IAM_OWNER", 1}}, "home", nil},
		{"roles are empty", fromClaims, map[string]any{"roles": []any{}}, "home", []string{}},
		{"no organization", fromClaims, map[string]any{"org": nil}, "", []string{"IAM_OWNER"}},
		{"organization is a list", fromClaims, map[string]any{"org": []string{"home"}}, "", []string{"IAM_OWNER"}},
		{"default", defaults, nil, "home", []string{"ORG_OWNER_VIEWER"}},
		{"path", defaults, map[string]any{"realm_access": map[string]any{"roles": []string{"ORG_OWNER"}}}, "home", []string{"ORG_OWNER"}},
		{"claim with a dot", defaults, map[string]any{"realm_access.roles": "ORG_OWNER"}, "home", []string{"ORG_OWNER"}},
		{"path into a text", defaults, map[string]any{"realm_access": "roles"}, "home", []string{"ORG_OWNER_VIEWER"}},
		{"path with empty list", defaults, map[string]any{"realm_access": map[string]any{"roles": []string{}}}, "home", []string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			caller, err := authenticate(i.authenticator(t, tt.options), i.token(t, tt.claims))
			if err != nil {
				t.Fatal(err)
			}
			name := "sso someone"
			if tt.options.Name == "" {
				name = i.URL + " someone"
			}
			if want := (policyapi.Caller{Name: name, Organization: tt.organization, Roles: tt.roles}); !reflect.DeepEqual(caller, want) {
				t.Errorf("caller %+v, want %+v", caller, want)
			}
		})
	}
}

// A caller acts in the organization that its token names, and nowhere else.
func TestOIDCOrganizations(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	s := newServer(t, embeddedEnv(t), serverOptions{
		authenticators: []policyapi.Authenticator{i.authenticator(t, fromClaims)},
		organizations:  []string{"home", "other"},
	})
	owner := map[string]any{"roles": []string{"ORG_OWNER"}}
	nowhere := map[string]any{"roles": []string{"ORG_OWNER"}, "org": nil}
	for _, tt := range []struct {
		name         string
		claims       map[string]any
		organization string
		target       string
		status, code int
		message      string
	}{
		{"own", owner, "", "/management/v1/policies/lockout", 200, 0, ""},
		{"foreign", owner, "other", "/management/v1/policies/lockout", 404, 5, "membership not found (AUTHZ-cdgFk)"},
		{"unknown", owner, "x", "/management/v1/policies/lockout", 403, 7, "Organisation doesn't exist (AUTH-Bs7Ds)"},
		{"default of the instance", owner, "", "/admin/v1/policies/lockout", 403, 7, "No matching permissions found (AUTH-5mWD2)"},
		{"unknown in the token", map[string]any{"org": "x"}, "", "/management/v1/policies/lockout", 403, 7, "Organisation doesn't exist (AUTH-Bs7Ds)"},
		{"none", nowhere, "", "/management/v1/policies/lockout", 404, 5, "membership not found (AUTHZ-cdgFk)"},
		{"none, named", nowhere, "home", "/management/v1/policies/lockout", 404, 5, "membership not found (AUTHZ-cdgFk)"},
		{"instance, foreign", nil, "other", "/management/v1/policies/lockout", 200, 0, ""},
		{"instance, none", map[string]any{"org": nil}, "", "/management/v1/policies/lockout", 400, 3, "Resource Owner Organisation missing"},
		{"instance, none, user", map[string]any{"org": nil}, "", "/management/v1/users/a", 400, 3, "Resource Owner Organisation missing"},
		{"instance, none, named", map[string]any{"org": nil}, "other", "/management/v1/policies/lockout", 200, 0, ""},
		{"instance, none, default", map[string]any{"org": nil}, "", "/admin/v1/policies/lockout", 200, 0, ""},
		{"no roles", map[string]any{"roles": nil}, "", "/management/v1/policies/lockout", 404, 5, "membership not found (AUTHZ-cdgFk)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s.send(t, "GET", tt.target, "", "Authorization", "Bearer "+i.token(t, tt.claims), "x-zitadel-orgid", tt.organization).
				expect(t, tt.status, tt.code, tt.message)
		})
	}
}

// Tokens with invented key ids cost the issuer one request in 30 seconds, and
// do not keep its new keys out for longer.
func TestOIDCKeyIDs(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	a := i.authenticator(t, fromClaims)
	if _, err := authenticate(a, i.token(t, nil)); err != nil {
		t.Fatal(err)
	}
	forge := func() {
		var wg sync.WaitGroup
		for n := range 100 {
			token := sign(t, jose.JSONWebKey{Key: rsaKey(), KeyID: fmt.Sprint("unknown", n)}, jose.RS256, "JWT", i.claims(nil))
			wg.Go(func() {
				if _, err := authenticate(a, token); !errors.Is(err, policyapi.ErrCredentials) {
					t.Errorf("error %v", err)
				}
			})
		}
		wg.Wait()
	}
	forge()
	if n := i.fetched.Load(); n != 1 {
		t.Fatalf("%d fetches at once", n)
	}
	i.wait(31 * time.Second)
	forge()
	if n := i.fetched.Load(); n != 2 {
		t.Fatalf("%d fetches after 31 s", n)
	}
	if n := i.discovered.Load(); n != 1 {
		t.Errorf("%d discoveries", n)
	}

	// The issuer turns to a key of another kind.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	second := jose.JSONWebKey{Key: key, KeyID: "second"}
	i.change(func() { i.keys = append(i.keys, second) })
	token := sign(t, second, jose.ES256, "at+jwt", i.claims(nil))
	if _, err := authenticate(a, token); !errors.Is(err, policyapi.ErrCredentials) {
		t.Errorf("error %v", err)
	}
	i.wait(31 * time.Second)
	if _, err := authenticate(a, token); err != nil {
		t.Errorf("after 31 s: %v", err)
	}

	// And withdraws the first: its tokens end with the lifetime of the set.
	i.change(func() { i.keys = i.keys[1:] })
	i.wait(11 * time.Minute)
	old := sign(t, jose.JSONWebKey{Key: rsaKey(), KeyID: "first"}, jose.RS256, "JWT", i.claims(nil))
	eventually(t, "the withdrawn key to be forgotten", func() bool {
		_, err := authenticate(a, old)
		return errors.Is(err, policyapi.ErrCredentials)
	})
	if _, err := authenticate(a, sign(t, second, jose.ES256, "at+jwt", i.claims(nil))); err != nil {
		t.Error(err)
	}
}

// While the issuer gives no keys, nobody can tell: that is no wrong token.
func TestOIDCIssuerAway(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]http.HandlerFunc{
		"error":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"no keys": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"keys":[]}`) },
		"secret key": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"keys":[{"kty":"oct","kid":"first","k":"AAAA"}]}`)
		},
		"too large": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"x":%q,"keys":[]}`, strings.Repeat("x", 2<<20))
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			i.change(func() { i.broken = broken })
			a := i.authenticator(t, fromClaims)
			s := newServer(t, embeddedEnv(t), serverOptions{authenticators: []policyapi.Authenticator{a}})
			for range 20 {
				if _, err := authenticate(a, i.token(t, nil)); !errors.Is(err, policyapi.ErrIssuer) {
					t.Fatalf("error %v", err)
				}
			}
			if n := i.fetched.Load(); n != 1 {
				t.Errorf("%d fetches", n)
			}
			s.send(t, "GET", "/management/v1/policies/lockout", "", "Authorization", "Bearer "+i.token(t, nil)).
				expect(t, 503, 14, "the token issuer does not answer")
			// A static token works all the same.
			s.send(t, "GET", "/management/v1/policies/lockout", "").expect(t, 200, 0, "")

			i.change(func() { i.broken = nil })
			i.wait(6 * time.Second)
			if _, err := authenticate(a, i.token(t, nil)); err != nil {
				t.Errorf("after it came back: %v", err)
			}
			// Known keys outlive the issuer.
			i.CloseClientConnections()
			i.Close()
			i.wait(time.Hour)
			if _, err := authenticate(a, i.token(t, nil)); err != nil {
				t.Errorf("after it went away: %v", err)
			}
		})
	}
}

// Each algorithm and each way to publish a key that issuers use.
func TestOIDCAlgorithms(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve := func(c elliptic.Curve) any {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name      string
		key       jose.JSONWebKey
		algorithm jose.SignatureAlgorithm
		kid       string // in the token
		taken     bool
	}{
		{"RS512", jose.JSONWebKey{Key: rsaKey(), KeyID: "k"}, jose.RS512, "k", true},
		{"PS256", jose.JSONWebKey{Key: rsaKey(), KeyID: "k", Algorithm: "PS256"}, jose.PS256, "k", true},
		{"ES256", jose.JSONWebKey{Key: curve(elliptic.P256()), KeyID: "k"}, jose.ES256, "k", true},
		{"ES384", jose.JSONWebKey{Key: curve(elliptic.P384()), KeyID: "k"}, jose.ES384, "k", true},
		{"ES512", jose.JSONWebKey{Key: curve(elliptic.P521()), KeyID: "k"}, jose.ES512, "k", true},
		{"EdDSA", jose.JSONWebKey{Key: edwards, KeyID: "k"}, jose.EdDSA, "k", true},
		{"token without key id", jose.JSONWebKey{Key: rsaKey(), KeyID: "k"}, jose.RS256, "", true},
		{"neither has a key id", jose.JSONWebKey{Key: rsaKey()}, jose.RS256, "", true},
		{"key for encryption", jose.JSONWebKey{Key: rsaKey(), KeyID: "k", Use: "enc"}, jose.RS256, "k", false},
		{"short key", jose.JSONWebKey{Key: weak, KeyID: "k"}, jose.RS256, "k", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			// Another key keeps the set from being empty.
			i.change(func() { i.keys = []jose.JSONWebKey{{Key: curve(elliptic.P256()), KeyID: "other"}, tt.key} })
			token := sign(t, jose.JSONWebKey{Key: tt.key.Key, KeyID: tt.kid}, tt.algorithm, "JWT", i.claims(nil))
			_, err := authenticate(i.authenticator(t, fromClaims), token)
			if tt.taken && err != nil || !tt.taken && !errors.Is(err, policyapi.ErrCredentials) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestOIDCOptionsRefused(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{
		"", "issuer.example.com", "http://issuer.example.com", "ftp://127.0.0.1", "https://", "https://a@issuer.example.com",
		"https://issuer.example.com?x=1", "https://issuer.example.com#x", "http://127.0.0.1.example.com",
	} {
		if _, err := policyapi.NewIssuer(issuer, policyapi.IssuerOptions{}); !errors.Is(err, policyapi.ErrIssuerURL) {
			t.Errorf("issuer %q: %v", issuer, err)
		}
	}
	i, err := policyapi.NewIssuer("https://issuer.example.com/realms/a", policyapi.IssuerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	for name, o := range map[string]policyapi.OIDCOptions{
		"no audience":    {Roles: []string{"IAM_OWNER"}},
		"empty audience": {Audience: []string{"a", ""}, Roles: []string{"IAM_OWNER"}},
		"no roles":       {Audience: []string{"a"}},
		"negative skew":  {Audience: []string{"a"}, Roles: []string{"IAM_OWNER"}, ClockSkew: -1},
	} {
		if _, err := policyapi.NewOIDC(i, o); !errors.Is(err, policyapi.ErrOIDC) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A closed issuer fetches nothing, and waits for nobody.
func TestOIDCClosed(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	keys, err := policyapi.NewIssuer(i.URL, policyapi.IssuerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := policyapi.NewOIDC(keys, fromClaims)
	if err != nil {
		t.Fatal(err)
	}
	keys.Close()
	if _, err := authenticate(a, i.token(t, nil)); !errors.Is(err, policyapi.ErrIssuer) || i.discovered.Load() > 0 {
		t.Errorf("error %v, %d discoveries", err, i.discovered.Load())
	}
}
