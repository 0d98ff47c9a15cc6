// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

func at(from credentials.From, name string) credentials.Place {
	return credentials.Place{From: from, Name: name}
}

// request is one without a body, or with a form.
func request(method, target, form string, header ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(form))
	if form != "" {
		r.Header.Set("Content-Type", formType)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header[header[i]] = append(r.Header[header[i]], header[i+1])
	}
	return r
}

func TestReadQueryPlace(t *testing.T) {
	t.Parallel()
	merged := newRule(t, credentials.LoginConfig{
		Form: true, JSON: true,
		User:   []credentials.Place{at("field", "username"), at("query", "username")},
		Secret: []credentials.Place{at("field", "password"), at("query", "password")},
	})
	rewritten := request("GET", "/login?username=alice&password=x", "")
	rewritten.URL.RawQuery = "username=bob&password=x"
	jsonBody := request("POST", "/login?username=alice&password=x", `{"UserName":"victim"}`)
	jsonBody.Header.Set("Content-Type", jsonType)
	for _, tc := range []struct {
		name string
		r    *http.Request
		want string
	}{
		{"GET", request("GET", "/login?username=al%69ce&password=x+y&flow=1", ""), "alice:x y"},
		{"POST with an empty body", request("POST", "/login?username=alice&password=x", ""), "alice:x"},
		{"body", request("POST", "/login?flow=1", "username=alice&password=x"), "alice:x"},
		{"split", request("POST", "/login?username=alice", "password=x"), "alice:x"},
		{"user in both", request("POST", "/login?username=victim", "username=decoy&password=x"), "ambiguous_credentials"},
		{"same user in both", request("POST", "/login?username=alice", "username=alice&password=x"), "ambiguous_credentials"},
		{"secret in both", request("POST", "/login?password=y", "username=alice&password=x"), "ambiguous_credentials"},
		{"empty user in the query", request("POST", "/login?username=", "username=alice&password=x"), "ambiguous_credentials"},
		{"twice in the query", request("GET", "/login?username=decoy&username=victim&password=x", ""), "ambiguous_credentials"},
		{"other case", request("GET", "/login?username=decoy&UserName=victim&password=x", ""), "ambiguous_credentials"},
		{"array", request("GET", "/login?username[]=victim&password=x", ""), "ambiguous_credentials"},
		{"semicolon", request("GET", "/login?username=decoy;username=victim&password=x", ""), "malformed_query"},
		{"broken escape", request("GET", "/login?a=%25zz&b=%zz&username=a&password=x", ""), "malformed_query"},
		{"fragment", request("GET", "/login?username=decoy&password=x%23", ""), "decoy:x#"},
		{"path parameter", request("GET", "/login;username=victim?username=decoy&password=x", ""), "query_credentials"},
		{"encoded question mark", request("GET", "/login%3fusername=victim?username=decoy&password=x", ""), "query_credentials"},
		{"rewritten", rewritten, "ambiguous_credentials"},
		{"JSON body imitates", jsonBody, "ambiguous_credentials"},
		{"body without a type", request("POST", "/login?username=alice&password=x", "", "Content-Length", "0"), "alice:x"},
		{"nothing", request("POST", "/login", ""), "missing_user"},
		{"another target in a header", request("GET", "/login?username=decoy&password=x", "", "X-Original-Url", "/login?username=victim"), "duplicate_header"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(t, merged, tc.r); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
	t.Run("raw fragment", func(t *testing.T) {
		t.Parallel()
		r := request("GET", "/login", "")
		r.RequestURI, r.URL.RawQuery = "/login?username=decoy&password=x#&username=victim", "username=decoy&password=x#&username=victim"
		if got := outcome(t, merged, r); got != "malformed_query" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("query alone takes no body", func(t *testing.T) {
		t.Parallel()
		rule := newRule(t, credentials.LoginConfig{User: []credentials.Place{at("query", "u")}, Secret: []credentials.Place{at("query", "p")}})
		if got := outcome(t, rule, request("POST", "/login?u=alice&p=x", "")); got != "alice:x" {
			t.Errorf("no body: %s", got)
		}
		if got := outcome(t, rule, request("POST", "/login?u=alice&p=x", "u=victim")); got != "unexpected_body" {
			t.Errorf("a body: %s", got)
		}
	})
}

func TestReadPathPlace(t *testing.T) {
	t.Parallel()
	vault := newRule(t, credentials.LoginConfig{JSON: true, User: []credentials.Place{at("path", "5")}, Secret: field("password")})
	for target, want := range map[string]string{
		"/v1/auth/userpass/login/alice":                      "alice:x",
		"/v1/auth/userpass/login/alice/":                     "alice:x",
		"/v1/auth/userpass/login/alice?x=1":                  "alice:x",
		"/v1/auth/userpass/login/al%69ce%40example.test":     "alice@example.test:x",
		"/v1/auth/userpass/login/alice+x":                    "alice+x:x",
		"/v1/auth/userpass/login/jos%C3%A9":                  "jos\u00e9:x",
		"http://example.test/v1/auth/userpass/login/alice":   "alice:x",
		"/v1/auth/userpass/login/john.doe":                   "john.doe:x",
		"/v1/auth/userpass/login/alice/mfa":                  "alice:x",
		"/v1/auth/userpass/login/":                           "missing_user",
		"/v1/auth/userpass/login":                            "missing_user",
		"/v1/auth/userpass/login//alice":                     "malformed_path",
		"/v1/auth/userpass/login/./alice":                    "malformed_path",
		"/v1/auth/userpass/login/decoy/../alice":             "malformed_path",
		"/v1/auth/userpass/login/decoy/%2e%2e/alice":         "malformed_path",
		"/v1/auth/userpass/login/decoy%2f..%2falice":         "malformed_path",
		"/v1/auth/userpass/login/decoy%5calice":              "malformed_path",
		"/v1/auth/userpass/login/alice;a=1":                  "malformed_path",
		"/v1/auth/userpass/login/alice%3ba":                  "malformed_path",
		"/v1/auth/userpass/login/al%2569ce":                  "malformed_path",
		"/v1/auth/userpass/login/alice%00x":                  "malformed_path",
		"/v1/auth/userpass/login/alice%23x":                  "malformed_path",
		"/v1/auth/userpass/login/jos%e9":                     "malformed_path",
		"/v1/auth/userpass/login/alice%zz":                   "malformed_path",
		"/v1/auth/userpass/login/alice.":                     "malformed_path",
		"/v1/auth/userpass/login/alice%20":                   "malformed_path",
		"/v1/auth/userpass/login/alice.JSON":                 "malformed_path",
		"/v1/auth/userpass/login/alice//":                    "malformed_path",
		"/v1//auth/userpass/login/alice":                     "malformed_path",
		"/v1/auth/userpass/login/alice?password=y":           "query_credentials",
		"http://user@example.test/v1/auth/userpass/login/al": "malformed_path",
	} {
		r := post(jsonType, `{"password":"x"}`)
		r.RequestURI = target
		if got := outcome(t, vault, r); got != want {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
	}
	r := post(jsonType, `{"password":"x"}`)
	r.RequestURI = "/v1/auth/userpass/login/decoy"
	r.Header.Set("X-Rewrite-Url", "/v1/auth/userpass/login/victim")
	if got := outcome(t, vault, r); got != "duplicate_header" {
		t.Errorf("another target in a header: %s", got)
	}
}

func TestReadHeaderAndCookiePlaces(t *testing.T) {
	t.Parallel()
	headers := newRule(t, credentials.LoginConfig{User: []credentials.Place{at("header", "X-Auth-User")}, Secret: []credentials.Place{at("header", "X-Auth-Key")}})
	cookies := newRule(t, credentials.LoginConfig{Form: true, User: []credentials.Place{at("cookie", "login")}, Secret: field("password")})
	cookie := func(value string) *http.Request { return request("POST", "/login", "password=x", "Cookie", value) }
	trailer := request("GET", "/auth", "", "X-Auth-User", "alice", "X-Auth-Key", "x")
	trailer.Trailer = http.Header{"X-Auth-User": nil}
	for _, tc := range []struct {
		name string
		rule *credentials.LoginRule
		r    *http.Request
		want string
	}{
		{"headers", headers, request("GET", "/auth", "", "X-Auth-User", "alice", "X-Auth-Key", "x y"), "alice:x y"},
		{"blanks around", headers, request("GET", "/auth", "", "X-Auth-User", " alice ", "X-Auth-Key", "x"), "alice:x"},
		{"user twice", headers, request("GET", "/auth", "", "X-Auth-User", "decoy", "X-Auth-User", "victim", "X-Auth-Key", "x"), "duplicate_header"},
		{"user with an underscore", headers, request("GET", "/auth", "", "X-Auth-User", "decoy", "X_auth_user", "victim", "X-Auth-Key", "x"), "duplicate_header"},
		{"user in a trailer", headers, trailer, "duplicate_header"},
		{"Latin-1", headers, request("GET", "/auth", "", "X-Auth-User", "jos\xe9", "X-Auth-Key", "x"), "malformed_header"},
		{"UTF-8", headers, request("GET", "/auth", "", "X-Auth-User", "jos\u00e9", "X-Auth-Key", "x"), "malformed_header"},
		{"no user", headers, request("GET", "/auth", "", "X-Auth-Key", "x"), "missing_user"},
		{"no secret", headers, request("GET", "/auth", "", "X-Auth-User", "alice"), "missing_secret"},
		{"headers and a body", headers, request("POST", "/auth", "a=1", "X-Auth-User", "alice", "X-Auth-Key", "x"), "unexpected_body"},
		{"cookie", cookies, cookie("a=1; login=alice; b=\"2\""), "alice:x"},
		{"cookie, escaped", cookies, cookie("login=al%69ce%40example.test"), "alice@example.test:x"},
		{"cookie twice", cookies, cookie("login=decoy; login=victim"), "ambiguous_credentials"},
		{"cookie in other case", cookies, cookie("login=decoy; Login=victim"), "ambiguous_credentials"},
		{"cookie, escaped name", cookies, cookie("login=decoy; log%69n=victim"), "ambiguous_credentials"},
		{"cookie as array", cookies, cookie("login=decoy; login[0]=victim"), "ambiguous_credentials"},
		{"quoted cookie", cookies, cookie(`login="alice"`), "malformed_header"},
		{"cookie with a comma", cookies, cookie("login=decoy,login=victim"), "malformed_header"},
		{"cookie with a plus sign", cookies, cookie("login=a+b"), "malformed_header"},
		{"cookie with a broken escape", cookies, cookie("login=a%zz"), "malformed_header"},
		{"two Cookie headers", cookies, request("POST", "/login", "password=x", "Cookie", "login=a", "Cookie", "b=1"), "duplicate_header"},
		{"no cookie", cookies, request("POST", "/login", "password=x"), "missing_user"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(t, tc.rule, tc.r); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestReadAlternatives(t *testing.T) {
	t.Parallel()
	rule := newRule(t, credentials.LoginConfig{Form: true, JSON: true, Secret: field("password"), User: append(field("user[login]"), field("user[email]")...)})
	nested := newRule(t, credentials.LoginConfig{JSON: true, Secret: field("checks.password"), User: append(field("checks.user.loginName"), field("checks.user.userId")...)})
	for _, tc := range []struct {
		name string
		rule *credentials.LoginRule
		r    *http.Request
		want string
	}{
		{"first", rule, post(formType, "user%5Blogin%5D=alice&password=x"), "alice:x"},
		{"second", rule, post(formType, "user%5Bemail%5D=alice&password=x"), "alice:x"},
		{"both", rule, post(formType, "user%5Bemail%5D=decoy&user%5Blogin%5D=victim&password=x"), "ambiguous_credentials"},
		{"both, one empty", rule, post(formType, "user%5Bemail%5D=&user%5Blogin%5D=victim&password=x"), "ambiguous_credentials"},
		{"part of both", rule, post(formType, "user=decoy&user%5Blogin%5D=victim&password=x"), "ambiguous_credentials"},
		{"JSON, first", nested, post(jsonType, `{"checks":{"user":{"loginName":"alice"},"password":"x"}}`), "alice:x"},
		{"JSON, second", nested, post(jsonType, `{"checks":{"user":{"userId":"alice"},"password":"x"}}`), "alice:x"},
		{"JSON, both", nested, post(jsonType, `{"checks":{"user":{"userId":"a","loginName":"b"},"password":"x"}}`), "ambiguous_credentials"},
		{"JSON, imitated", nested, post(jsonType, `{"checks":{"user":{"userId":"a","LoginName":"b"},"password":"x"}}`), "ambiguous_credentials"},
		{"JSON, no string", nested, post(jsonType, `{"checks":{"user":{"userId":1},"password":"x"}}`), "wrong_type"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(t, tc.rule, tc.r); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func compress(tb testing.TB, plain string) string {
	tb.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(plain)); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

func TestReadGzip(t *testing.T) {
	t.Parallel()
	rule := newRule(t, credentials.LoginConfig{Form: true, Gzip: true, User: field("username"), Secret: field("password"), MaxBytes: 1000})
	const plain = "username=alice&password=x"
	packed := compress(t, plain)
	pad := func(n int) string { return plain + "&a=" + strings.Repeat("a", n-len(plain)-3) }
	for _, tc := range []struct{ name, coding, body, want string }{
		{"P050 gzip", "gzip", packed, "alice:x"},
		{"plain", "", plain, "alice:x"},
		{"upper case", "GZIP", packed, "alice:x"},
		{"P051 twice", "gzip, gzip", compress(t, packed), "content_encoding"},
		{"P051 twice, said once", "gzip", compress(t, packed), "malformed_body"},
		{"P052 deflate", "deflate", packed, "content_encoding"},
		{"P053 identity", "identity", plain, "content_encoding"},
		{"P050 gzip, unsaid", "", packed, "malformed_body"},
		{"gzip said, not done", "gzip", plain, "content_encoding"},
		{"cut", "gzip", packed[:len(packed)-3], "content_encoding"},
		{"wrong sum", "gzip", packed[:len(packed)-8] + "\x00\x00\x00\x00" + packed[len(packed)-4:], "content_encoding"},
		{"two members", "gzip", packed + compress(t, "&username=victim"), "content_encoding"},
		{"something behind", "gzip", packed + "x", "content_encoding"},
		{"empty", "gzip", "", "content_encoding"},
		{"decoded, exactly the limit", "gzip", compress(t, pad(1000)), "alice:x"},
		{"decoded, one byte more", "gzip", compress(t, pad(1001)), "too_large"},
		{"P057 bomb", "gzip", compress(t, pad(500<<10)), "too_large"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := post(formType, tc.body)
			if tc.coding != "" {
				r.Header.Set("Content-Encoding", tc.coding)
			}
			if got := outcome(t, rule, r); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
	r := post(formType, packed)
	r.Header.Set("Content-Encoding", "gzip")
	login, err := rule.Read(r, "/login")
	if err != nil || login.Body != plain || forwarded(t, login, login.User) != plain {
		t.Errorf("got %+v, %v", login, err)
	}
}

func TestNewLoginRuleRefusesPlaces(t *testing.T) {
	t.Parallel()
	for _, p := range []credentials.Place{
		at("", "x"), at("basic", ""), at("path", "0"), at("path", "01"), at("path", "x"), at("path", "61"),
		at("header", ""), at("header", "X Y"), at("header", "X_Y"), at("header", "cookie"), at("header", "Authorization"),
		at("cookie", "a b"), at("query", ""), at("query", "a=b"),
	} {
		c := credentials.LoginConfig{User: []credentials.Place{p}, Secret: []credentials.Place{at("header", "X-Key")}}
		if _, err := credentials.NewLoginRule(c); err == nil {
			t.Errorf("accepted %+v", p)
		}
	}
	for name, c := range map[string]credentials.LoginConfig{
		"fields without a type": {User: field("u"), Secret: field("p")},
		"a type without fields": {Form: true, User: []credentials.Place{at("query", "u")}, Secret: []credentials.Place{at("query", "p")}},
		"same header":           {User: []credentials.Place{at("header", "X-A")}, Secret: []credentials.Place{at("header", "x-a")}},
		"alternatives collide":  {Form: true, User: append(field("user"), field("USER")...), Secret: field("p")},
		"nine places":           {Form: true, User: []credentials.Place{at("query", "a"), at("query", "b"), at("query", "c"), at("query", "d"), at("query", "e"), at("query", "f"), at("query", "g"), at("query", "h")}, Secret: field("p")},
	} {
		if _, err := credentials.NewLoginRule(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
