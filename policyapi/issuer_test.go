// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// issuer is an OpenID Connect issuer in the process of the test, with a clock.
type issuer struct {
	*httptest.Server

	mu     sync.Mutex
	keys   []jose.JSONWebKey // private
	broken http.HandlerFunc  // answers instead of the keys
	offset time.Duration

	discovered, fetched atomic.Int32
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	i := &issuer{keys: []jose.JSONWebKey{{Key: rsaKey(), KeyID: "first", Algorithm: "RS256", Use: "sig"}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.discovered.Add(1)
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, i.URL, i.URL+"/keys")
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
		i.fetched.Add(1)
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.broken != nil {
			i.broken(w, r)
			return
		}
		set := jose.JSONWebKeySet{}
		for _, key := range i.keys {
			set.Keys = append(set.Keys, key.Public())
		}
		_ = json.NewEncoder(w).Encode(set)
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

// change replaces what the issuer answers.
func (i *issuer) change(f func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f()
}

func (i *issuer) now() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return time.Now().Add(i.offset)
}

func (i *issuer) wait(d time.Duration) { i.change(func() { i.offset += d }) }

// token is one that is taken, with claims changed: nil takes one away.
func (i *issuer) token(t testing.TB, changes map[string]any) string {
	t.Helper()
	return sign(t, i.keys[0], jose.RS256, "JWT", i.claims(changes))
}

func (i *issuer) claims(changes map[string]any) map[string]any {
	c := map[string]any{
		"iss": i.URL, "sub": "someone", "aud": "lockout", "roles": []string{"IAM_OWNER"}, "org": "home",
		"exp": i.now().Add(time.Hour).Unix(), "iat": i.now().Unix(),
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func sign(t testing.TB, key any, algorithm jose.SignatureAlgorithm, kind jose.ContentType, claims any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, (&jose.SignerOptions{}).WithType(kind))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// authenticator takes the tokens of the issuer.
func (i *issuer) authenticator(t testing.TB, o policyapi.OIDCOptions) *policyapi.OIDC {
	t.Helper()
	keys, err := policyapi.NewIssuer(i.URL, policyapi.IssuerOptions{Now: i.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	a, err := policyapi.NewOIDC(keys, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var fromClaims = policyapi.OIDCOptions{Audience: []string{"other", "lockout"}, RolesClaim: "roles", OrganizationClaim: "org", ClockSkew: time.Minute}

func authenticate(a policyapi.Authenticator, token string) (policyapi.Caller, error) {
	r := httptest.NewRequest("GET", "/", http.NoBody)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return a.Authenticate(r)
}

// forgeries are tokens of which each must be refused.
func forgeries(t testing.TB, i *issuer) map[string]string {
	t.Helper()
	public := i.keys[0].Public()
	der, err := x509.MarshalPKIXPublicKey(public.Key)
	if err != nil {
		t.Fatal(err)
	}
	hmac := func(secret []byte) string {
		return sign(t, jose.JSONWebKey{Key: secret, KeyID: "first"}, jose.HS256, "JWT", i.claims(nil))
	}
	jwk, err := public.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	right := strings.Split(i.token(t, nil), ".")
	other := strings.Split(i.token(t, map[string]any{"sub": "other"}), ".")
	return map[string]string{
		"expired":             i.token(t, map[string]any{"exp": i.now().Add(-61 * time.Second).Unix()}),
		"without end":         i.token(t, map[string]any{"exp": nil}),
		"not yet valid":       i.token(t, map[string]any{"nbf": i.now().Add(2 * time.Minute).Unix()}),
		"from the future":     i.token(t, map[string]any{"iat": i.now().Add(2 * time.Minute).Unix()}),
		"nbf is text":         i.token(t, map[string]any{"nbf": "now"}),
		"wrong audience":      i.token(t, map[string]any{"aud": "lockout2"}),
		"no audience":         i.token(t, map[string]any{"aud": nil}),
		"wrong audiences":     i.token(t, map[string]any{"aud": []string{"a", "Lockout"}}),
		"wrong issuer":        i.token(t, map[string]any{"iss": i.URL + "/"}),
		"no issuer":           i.token(t, map[string]any{"iss": nil}),
		"no subject":          i.token(t, map[string]any{"sub": nil}),
		"alg none":            noneToken(t, i, "none", ""),
		"alg none, signed":    noneToken(t, i, "none", right[2]),
		"alg None":            noneToken(t, i, "None", ""),
		"alg empty":           noneToken(t, i, "", ""),
		"HS256, public DER":   hmac(der),
		"HS256, public PEM":   hmac(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		"HS256, public JWK":   hmac(jwk),
		"key of a stranger":   sign(t, jose.JSONWebKey{Key: stranger, KeyID: "first"}, jose.ES256, "JWT", i.claims(nil)),
		"algorithm of others": sign(t, i.keys[0], jose.PS256, "JWT", i.claims(nil)),
		"logout token":        sign(t, i.keys[0], jose.RS256, "logout+jwt", i.claims(nil)),
		"payload of another":  right[0] + "." + other[1] + "." + right[2],
		"no signature":        right[0] + "." + right[1] + ".",
		"JSON serialization":  fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, right[0], right[1], right[2]),
		"opaque":              "s3cret-that-is-no-token",
		"too long":            i.token(t, map[string]any{"x": strings.Repeat("x", 17<<10)}),
	}
}

// noneToken is one that claims an algorithm without signing.
func noneToken(t testing.TB, i *issuer, algorithm, signature string) string {
	t.Helper()
	payload, err := json.Marshal(i.claims(nil))
	if err != nil {
		t.Fatal(err)
	}
	return base64URL(fmt.Appendf(nil, `{"alg":%q,"kid":"first"}`, algorithm)) + "." + base64URL(payload) + "." + signature
}
