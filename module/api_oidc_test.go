// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// tokenIssuer is an OpenID Connect issuer in the process of the test.
type tokenIssuer struct {
	*httptest.Server
	key     *rsa.PrivateKey
	fetched atomic.Int32
}

func startIssuer(t testing.TB) *tokenIssuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &tokenIssuer{key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, i.URL, i.URL+"/keys")
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		i.fetched.Add(1)
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "first"}}})
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

// token is one that is taken, unless changes of its claims or another key id
// make it another.
func (i *tokenIssuer) token(t testing.TB, keyID string, changes map[string]any) string {
	t.Helper()
	claims := map[string]any{
		"iss": i.URL, "sub": "carol", "aud": "lockout", "exp": time.Now().Add(time.Hour).Unix(),
		"roles": []string{"ORG_OWNER"}, "tenant": "default",
	}
	maps.Copy(claims, changes)
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: i.key, KeyID: keyID}}, nil)
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

func (i *tokenIssuer) config(address string) string {
	return "{\n\tdebug\n}\nhttp://" + address + ` {
	log
	lockout_api {
		token ` + apiToken + ` {
			name operator
			roles IAM_OWNER
		}
		oidc ` + i.URL + ` {
			name staff
			audience lockout
			roles_claim roles
			organization_claim tenant
		}
		organizations default other
	}
}
`
}

// A Caddy takes the tokens of an issuer and refuses every other, at no cost
// that grows, and not even its debug log holds one.
func TestAPITokensOfAnIssuer(t *testing.T) {
	t.Parallel()
	i := startIssuer(t)
	address := freeAddress(t)
	config := i.config(address)
	n := startNode(t, config)
	c := client(t)
	var mu sync.Mutex
	var sent []string
	send := func(want int, id, authorization string, headers ...string) {
		t.Helper()
		r, err := http.NewRequest("POST", "http://"+address+"/management/v1/users/alice/_unlock", strings.NewReader("{"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", authorization)
		for h := 0; h < len(headers); h += 2 {
			r.Header.Set(headers[h], headers[h+1])
		}
		resp, err := c.Do(r)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want || !strings.Contains(string(body), id) {
			t.Errorf("%.40s…: status %d, want %d: %s, %v", authorization, resp.StatusCode, want, body, err)
		}
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, strings.TrimPrefix(authorization, "Bearer "))
	}
	right := i.token(t, "first", nil)
	parts := strings.Split(right, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."

	// The body is broken, so the right token gets as far as that.
	send(400, "", "Bearer "+right)
	send(404, "AUTHZ-cdgFk", "Bearer "+right, "x-zitadel-orgid", "other")
	send(403, "AUTH-Bs7Ds", "Bearer "+right, "x-zitadel-orgid", "none")
	send(403, "AUTH-5mWD2", "Bearer "+i.token(t, "first", map[string]any{"roles": "ORG_OWNER_VIEWER"}))
	send(401, "AUTH-7fs1e", "Bearer "+i.token(t, "first", map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}))
	send(401, "AUTH-7fs1e", "Bearer "+i.token(t, "first", map[string]any{"aud": "else"}))
	send(401, "AUTH-7fs1e", "Bearer "+none)
	send(401, "AUTH-toLo1", "DPoP "+right)
	send(401, "AUTH-toLo1", "Basic "+base64.StdEncoding.EncodeToString([]byte("s3cret-user:s3cret-password")))
	send(400, "", "Bearer "+apiToken)

	// A reload keeps the keys.
	n.load(t, strings.Replace(config, "name staff", "name others", 1))
	c.CloseIdleConnections() // which the reload has closed at the other end
	send(400, "", "Bearer "+right)
	forge := func(from, to int) {
		var wg sync.WaitGroup
		for worker := range 10 {
			wg.Go(func() {
				for k := from + worker; k < to; k += 10 {
					send(401, "AUTH-7fs1e", "Bearer "+i.token(t, fmt.Sprint("unknown", k), nil))
				}
			})
		}
		wg.Wait()
	}
	forge(0, 300) // what the process needs at all
	before := n.resident(t)
	forge(300, 1300)
	grown := n.resident(t) - before
	t.Logf("1,000 requests with unknown key ids: resident memory %+d KiB, %d fetches of keys", grown, i.fetched.Load())
	if grown > 20<<10 {
		t.Errorf("1,000 refused requests grew the process by %d KiB", grown)
	}
	// One for the first token. Another if this took longer than 30 s.
	if fetched := i.fetched.Load(); fetched < 1 || fetched > 2 {
		t.Errorf("%d fetches of keys", fetched)
	}

	// The line of the last request is the last; it comes through a pipe.
	for _, want := range []string{`"caller":"staff carol"`, "it has expired", "it is for another audience", "the issuer has no such key", "REDACTED"} {
		n.waitLog(t, want)
	}
	log := n.stderr.String()
	for _, token := range append(sent, "s3cret-password") {
		for part := range strings.SplitSeq(token, ".") {
			if len(part) > 30 && strings.Contains(log, part) {
				t.Fatalf("the log holds a token: %.60s", part)
			}
		}
	}
}

// waitLog waits until the node has logged a text.
func (n *node) waitLog(t testing.TB, text string) {
	t.Helper()
	for deadline := time.Now().Add(nodeDeadline); !strings.Contains(n.stderr.String(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log lacks %q", text)
		}
	}
}

// resident is the memory of the node's process in KiB.
func (n *node) resident(t testing.TB) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		t.Fatal(errors.New("no VmRSS"))
	}
	kib, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kib
}

// Caddy starts while the issuer is away, and says so to whoever has a token.
func TestAPIStartsWithoutIssuer(t *testing.T) {
	t.Parallel()
	i := startIssuer(t)
	token := i.token(t, "first", nil)
	i.Close()
	address := freeAddress(t)
	n := &apiNode{node: startNode(t, i.config(address)), api: "http://" + address, client: client(t)}
	n.call(t, 200, "GET", "/admin/v1/policies/lockout", "")
	a := n.callAs(t, 503, "Bearer "+token, "GET", "/management/v1/policies/lockout")
	if a["code"] != 14.0 || a["message"] != "the token issuer does not answer" {
		t.Errorf("answer %v", a)
	}
	n.waitLog(t, "the keys of a token issuer could not be fetched")
}
