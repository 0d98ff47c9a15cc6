// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// field is one place: a field of the body.
func field(name string) []credentials.Place {
	return []credentials.Place{{From: credentials.FromField, Name: name}}
}

func newRule(tb testing.TB, c credentials.LoginConfig) *credentials.LoginRule {
	tb.Helper()
	b, err := credentials.NewLoginRule(c)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func loginRule(tb testing.TB) *credentials.LoginRule {
	tb.Helper()
	return newRule(tb, credentials.LoginConfig{Form: true, JSON: true, User: field("username"), Secret: field("password")})
}

func post(contentType, body string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/login", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return r
}

// outcome is "user:secret", or the reason of the refusal.
func outcome(t *testing.T, b *credentials.LoginRule, r *http.Request) string {
	t.Helper()
	login, err := b.Read(r, r.RequestURI)
	var refusal *credentials.Refusal
	switch {
	case errors.As(err, &refusal):
		if refusal.Status < 400 || refusal.Status > 499 || refusal.Detail == "" || login != nil {
			t.Errorf("incomplete refusal %+v, login %v", refusal, login)
		}
		return string(refusal.Reason)
	case err != nil:
		return "error: " + err.Error()
	}
	return login.User + ":" + login.Secret
}

func TestReadHeaders(t *testing.T) {
	t.Parallel()
	rule := loginRule(t)
	const ok = "alice:x"
	for _, tc := range []struct {
		name   string
		header http.Header
		want   string
	}{
		{"plain", http.Header{"Content-Type": {jsonType}}, ok},
		{"charset", http.Header{"Content-Type": {jsonType + "; charset=UTF-8"}}, ok},
		{"quoted charset, other case", http.Header{"Content-Type": {`Application/JSON;Charset="utf-8";`}}, ok},
		{"P029 P039 text/plain", http.Header{"Content-Type": {"text/plain"}}, "content_type"},
		{"P039 missing type", http.Header{}, "content_type"},
		{"empty type", http.Header{"Content-Type": {""}}, "content_type"},
		{"two types", http.Header{"Content-Type": {jsonType, jsonType}}, "content_type"},
		{"list of types", http.Header{"Content-Type": {jsonType + ", " + formType}}, "content_type"},
		{"similar type", http.Header{"Content-Type": {jsonType + "-patch"}}, "content_type"},
		{"suffix type", http.Header{"Content-Type": {"application/scim+json"}}, "content_type"},
		{"Kelvin sign in charset", http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8\u212a"}}, "content_type"},
		{"P040 charset utf-16", http.Header{"Content-Type": {jsonType + "; charset=utf-16"}}, "content_type"},
		{"P058 charset utf-7", http.Header{"Content-Type": {formType + "; charset=utf-7"}}, "content_type"},
		{"P058 charset twice", http.Header{"Content-Type": {formType + "; charset=utf-8; charset=utf-7"}}, "content_type"},
		{"P058 charset twice, same", http.Header{"Content-Type": {formType + "; charset=utf-8; charset=utf-8"}}, "content_type"},
		{"extended charset", http.Header{"Content-Type": {formType + "; charset*=utf-8''utf-8"}}, "content_type"},
		{"boundary", http.Header{"Content-Type": {formType + "; boundary=x"}}, "content_type"},
		{"P060 multipart", http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}, "content_type"},
		{"P050 gzip", http.Header{"Content-Type": {jsonType}, "Content-Encoding": {"gzip"}}, "content_encoding"},
		{"P051 gzip twice", http.Header{"Content-Type": {jsonType}, "Content-Encoding": {"gzip, gzip"}}, "content_encoding"},
		{"P052 zstd", http.Header{"Content-Type": {jsonType}, "Content-Encoding": {"zstd"}}, "content_encoding"},
		{"P052 unknown coding", http.Header{"Content-Type": {jsonType}, "Content-Encoding": {"x"}}, "content_encoding"},
		{"P053 identity", http.Header{"Content-Type": {jsonType}, "Content-Encoding": {"identity"}}, "content_encoding"},
		{"base64", http.Header{"Content-Type": {jsonType}, "Content-Transfer-Encoding": {"base64"}}, "content_encoding"},
		{"partial", http.Header{"Content-Type": {jsonType}, "Content-Range": {"bytes 0-9/20"}}, "content_encoding"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := post("", `{"username":"alice","password":"x"}`)
			r.Header = tc.header
			if got := outcome(t, rule, r); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestReadTakesConfiguredTypesOnly(t *testing.T) {
	t.Parallel()
	const form, json = "username=alice&password=x", `{"username":"alice","password":"x"}`
	c := credentials.LoginConfig{User: field("username"), Secret: field("password")}
	c.Form = true
	if got := outcome(t, newRule(t, c), post(jsonType, json)); got != "content_type" {
		t.Errorf("JSON to a form rule: %s", got)
	}
	c.Form, c.JSON = false, true
	if got := outcome(t, newRule(t, c), post(formType, form)); got != "content_type" {
		t.Errorf("form to a JSON rule: %s", got)
	}
}

func TestReadQuery(t *testing.T) {
	t.Parallel()
	rule := loginRule(t)
	for _, tc := range []struct{ name, target, want string }{
		{"other keys", "/login?flow=1&next=%2Fx%3Fusername%3Dbob", "alice:x"},
		{"P022 user", "/login?username=victim", "query_credentials"},
		{"P023 both", "/login?username=victim&password=y", "query_credentials"},
		{"secret", "/login?password=y", "query_credentials"},
		{"no value", "/login?username", "query_credentials"},
		{"other case", "/login?UserName=victim", "query_credentials"},
		{"array", "/login?username[]=victim", "query_credentials"},
		{"array, encoded", "/login?username%5b%5d=victim", "query_credentials"},
		{"encoded", "/login?%75sername=victim", "query_credentials"},
		{"encoded twice", "/login?%2575sername=victim", "query_credentials"},
		{"semicolon", "/login?a=b;username=victim", "query_credentials"},
		{"behind a broken escape", "/login?a=%zz&username=victim", "query_credentials"},
		{"blank behind", "/login?username+=victim", "query_credentials"},
		{"full-width", "/login?%EF%BD%95sername=victim", "query_credentials"},
		{"path parameter", "/login;username=victim", "query_credentials"},
		{"encoded question mark", "/login%3fusername=victim", "query_credentials"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, tc.target, strings.NewReader("username=alice&password=x"))
			r.Header.Set("Content-Type", formType)
			if got := outcome(t, rule, r); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestReadSize(t *testing.T) {
	t.Parallel()
	rule := newRule(t, credentials.LoginConfig{Form: true, User: field("username"), Secret: field("password"), MaxBytes: 1000})
	body := "username=alice&password=x&pad="
	exactly := body + strings.Repeat("p", 1000-len(body))
	chunked := func(body string) *http.Request {
		r := post(formType, "")
		r.Body = io.NopCloser(iotest.OneByteReader(strings.NewReader(body)))
		r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
		return r
	}
	for _, tc := range []struct {
		name string
		r    *http.Request
		want string
	}{
		{"P056 exactly the limit", post(formType, exactly), "alice:x"},
		{"P056 one byte more", post(formType, exactly+"p"), "too_large"},
		{"P054 chunked, byte by byte", chunked(exactly), "alice:x"},
		{"P056 chunked, one byte more", chunked(exactly + "p"), "too_large"},
		{"P055 pad before credentials", chunked("pad=" + strings.Repeat("p", 2<<20) + "&" + body), "too_large"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(t, rule, tc.r); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
	t.Run("limit of another handler", func(t *testing.T) {
		t.Parallel()
		r := chunked(exactly)
		r.Body = http.MaxBytesReader(httptest.NewRecorder(), r.Body, 10)
		if got := outcome(t, rule, r); got != "too_large" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("default limit", func(t *testing.T) {
		t.Parallel()
		pad := strings.Repeat("p", credentials.DefaultMaxBytes-len(body))
		if got := outcome(t, loginRule(t), post(formType, body+pad)); got != "alice:x" {
			t.Errorf("at the limit: %s", got)
		}
		if got := outcome(t, loginRule(t), post(formType, body+pad+"p")); got != "too_large" {
			t.Errorf("over the limit: %s", got)
		}
	})
}

func TestReadBrokenOff(t *testing.T) {
	t.Parallel()
	r := post(formType, "")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader("username=alice&pass"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	r.ContentLength = 40
	_, err := loginRule(t).Read(r, "/login")
	var refusal *credentials.Refusal
	if !errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &refusal) {
		t.Errorf("got %v, want the wrapped I/O error", err)
	}
}

func TestReadReturnsWholeBody(t *testing.T) {
	t.Parallel()
	for contentType, body := range map[string]string{
		formType: "a=1&username=al%69ce&password=x+y&a=2", jsonType: "\n{\"username\":\"al\\u0069ce\", \"password\":\"x y\" }\r\n",
	} {
		login, err := loginRule(t).Read(post(contentType, body), "/login")
		if err != nil {
			t.Fatal(err)
		}
		if login.Body != body || (login.Media == credentials.MediaForm) != (contentType == formType) || login.User != "alice" || login.Secret != "x y" {
			t.Errorf("%s: got %+v", contentType, login)
		}
	}
}

func TestNewLoginRuleRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]credentials.LoginConfig{
		"no type":              {User: field("u"), Secret: field("p")},
		"no user":              {Form: true, Secret: field("p")},
		"no secret":            {Form: true, User: field("u")},
		"same field":           {Form: true, User: field("u"), Secret: field("u")},
		"same but for case":    {Form: true, User: field("u"), Secret: field("U")},
		"one within the other": {Form: true, User: field("u"), Secret: field("u[p]")},
		"JSON one within":      {JSON: true, User: field("u"), Secret: field("u.p")},
		"empty step":           {JSON: true, User: field("u..x"), Secret: field("p")},
		"escape":               {Form: true, User: field("u%20"), Secret: field("p")},
		"blank":                {Form: true, User: field(" u"), Secret: field("p")},
		"decomposed":           {Form: true, User: field("use\u0301r"), Secret: field("p")},
		"control":              {Form: true, User: field("u\x00"), Secret: field("p")},
		"invalid UTF-8":        {Form: true, User: field("u\xff"), Secret: field("p")},
		"negative limit":       {Form: true, User: field("u"), Secret: field("p"), MaxBytes: -1},
	} {
		if _, err := credentials.NewLoginRule(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	rule := loginRule(b)
	for name, r := range map[string]*http.Request{
		"form": post(formType, "csrf=0123456789abcdef&username=alice%40example.test&password=correct+horse&remember=1"),
		"json": post(jsonType, `{"csrf":"0123456789abcdef","username":"alice@example.test","password":"correct horse","remember":true}`),
	} {
		body, _ := io.ReadAll(r.Body)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			reader := strings.NewReader("")
			r.Body = io.NopCloser(reader)
			for b.Loop() {
				reader.Reset(string(body))
				if _, err := rule.Read(r, "/login"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
