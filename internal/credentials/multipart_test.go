// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"bytes"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

const multipartType = "multipart/form-data; boundary=xx"

func multipartRule(tb testing.TB) *credentials.LoginRule {
	tb.Helper()
	return newRule(tb, credentials.LoginConfig{Multipart: true, User: field("username"), Secret: field("password")})
}

// parts writes a multipart body with the boundary xx. A part is its header
// lines, an empty line and its content, with \n for CRLF.
func parts(list ...string) string {
	var b strings.Builder
	for _, p := range list {
		b.WriteString("--xx\n" + p + "\n")
	}
	b.WriteString("--xx--\n")
	return strings.ReplaceAll(b.String(), "\n", "\r\n")
}

// named is a plain part.
func named(name, content string) string {
	return `Content-Disposition: form-data; name="` + name + "\"\n\n" + content
}

func TestReadMultipart(t *testing.T) {
	t.Parallel()
	user, secret := named("username", "alice"), named("password", "x")
	plain := parts(user, secret)
	for _, tc := range []struct{ name, body, want string }{
		{"P060 plain", plain, "alice:x"},
		{"no line break at the end", strings.TrimSuffix(plain, "\r\n"), "alice:x"},
		{"other parts", parts(named("a", ""), user, named("b[]", "1\n2"), named("b[]", "2"), secret), "alice:x"},
		{"plain text type", parts(user+"", strings.Replace(secret, "\n\n", "\nContent-Type: text/plain\n\n", 1)), "alice:x"},
		{"header in lower case", parts(user, strings.Replace(secret, "Content-Disposition", "content-disposition", 1)), "alice:x"},
		{"boundary-like content", parts(user, named("password", "--x")), "alice:--x"},
		{"P061 two users", parts(named("username", "decoy"), named("username", "victim"), secret), "ambiguous_credentials"},
		{"user in other case", parts(user, named("UserName", "victim"), secret), "ambiguous_credentials"},
		{"user as array", parts(user, named("username[]", "victim"), secret), "ambiguous_credentials"},
		{"user in escapes", parts(user, named("%75sername", "victim"), secret), "ambiguous_credentials"},
		{"charset field", parts(named("_charset_", "utf-7"), user, secret), "ambiguous_credentials"},
		{"secret twice", parts(user, secret, secret), "ambiguous_credentials"},
		{"P062 filename", parts(`Content-Disposition: form-data; name="username"; filename="x"`+"\n\nalice", secret), "malformed_body"},
		{"filename on another part", parts(user, secret, `Content-Disposition: form-data; name="f"; filename="x"`+"\n\nz"), "malformed_body"},
		{"extended filename", parts(`Content-Disposition: form-data; name="username"; filename*=utf-8''x`+"\n\nalice", secret), "malformed_body"},
		{"P063 unquoted name", parts("Content-Disposition: form-data; name=username\n\nalice", secret), "malformed_body"},
		{"name twice", parts(`Content-Disposition: form-data; name="username"; name="a"`+"\n\nalice", secret), "malformed_body"},
		{"escaped quote in the name", parts(named(`a\"; name=\"username`, "victim"), user, secret), "malformed_body"},
		{"no blank behind the semicolon", parts(`Content-Disposition: form-data;name="username"`+"\n\nalice", secret), "malformed_body"},
		{"no name", parts("Content-Disposition: form-data\n\nz", user, secret), "malformed_body"},
		{"attachment", parts(`Content-Disposition: attachment; name="username"`+"\n\nvictim", user, secret), "malformed_body"},
		{"disposition twice", parts(`Content-Disposition: form-data; name="a"`+"\n"+user, secret), "malformed_body"},
		{"folded header", parts("Content-Disposition: form-data;\n name=\"username\"\n\nvictim", user, secret), "malformed_body"},
		{"blank before the colon", parts("Content-Disposition : form-data; name=\"username\"\n\nvictim", user, secret), "malformed_body"},
		{"transfer encoding", parts("Content-Transfer-Encoding: base64\n"+user, secret), "malformed_body"},
		{"part charset", parts("Content-Type: text/plain; charset=utf-16\n"+user, secret), "malformed_body"},
		{"JSON part", parts("Content-Type: application/json\n"+user, secret), "malformed_body"},
		{"P065 nested", parts("Content-Type: multipart/mixed; boundary=y\n"+user, secret), "malformed_body"},
		{"part length", parts("Content-Length: 3\n"+user, secret), "malformed_body"},
		{"P064 preamble with a decoy", "decoy\r\n" + plain, "malformed_body"},
		{"empty preamble", "\r\n" + plain, "malformed_body"},
		{"epilogue", plain + "--xx\r\n" + plain, "malformed_body"},
		{"epilogue of blanks", plain + "\r\n", "malformed_body"},
		{"padding behind the boundary", strings.Replace(plain, "--xx\r\n", "--xx \r\n", 1), "malformed_body"},
		{"line feeds", strings.ReplaceAll(plain, "\r\n", "\n"), "malformed_body"},
		{"one line feed", strings.Replace(plain, "\r\n", "\n", 1), "malformed_body"},
		{"a bare CR", parts(named("a", "b\rc"), user, secret), "malformed_body"},
		{"boundary within a line", parts(named("a", "b--xx"), user, secret), "malformed_body"},
		{"boundary with something behind", parts(named("a", "b\n--xxy"), user, secret), "malformed_body"},
		{"not closed", strings.TrimSuffix(plain, "--xx--\r\n"), "malformed_body"},
		{"no parts", "--xx--\r\n", "missing_user"},
		{"empty", "", "malformed_body"},
		{"Latin-1", parts(named("username", "jos\xe9"), secret), "malformed_body"},
		{"NUL", parts(named("username", "a\x00b"), secret), "malformed_body"},
		{"line break in the user", parts(named("username", "a\nb"), secret), "bad_name"},
		{"500 parts", parts(append(fill(498), user, secret)...), "alice:x"},
		{"501 parts", parts(append(fill(499), user, secret)...), "malformed_body"},
		{"a form, too", parts(named("a", "b&username=victim&c"), user, secret), "ambiguous_credentials"},
		{"form labelled as multipart", "username=victim&password=x", "malformed_body"},
		{"no user", parts(secret), "missing_user"},
		{"no secret", parts(user), "missing_secret"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(t, multipartRule(t), post(multipartType, tc.body)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func fill(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = named("a", "1")
	}
	return list
}

func TestReadMultipartTypes(t *testing.T) {
	t.Parallel()
	body := parts(named("username", "alice"), named("password", "x"))
	for contentType, want := range map[string]string{
		"multipart/form-data; boundary=xx":                         "alice:x",
		`Multipart/Form-Data;boundary="xx"`:                        "alice:x",
		"multipart/form-data":                                      "content_type",
		"multipart/form-data; boundary=":                           "content_type",
		`multipart/form-data; boundary="xx`:                        "content_type",
		"multipart/form-data; boundary=x x":                        "content_type",
		"multipart/form-data; boundary=xx; boundary=yy":            "content_type",
		"multipart/form-data; charset=utf-8; boundary=xx":          "content_type",
		"multipart/form-data; boundary=xx,yy":                      "content_type",
		"multipart/mixed; boundary=xx":                             "content_type",
		"multipart/form-data; boundary=" + strings.Repeat("x", 71): "content_type",
		formType: "content_type",
	} {
		if got := outcome(t, multipartRule(t), post(contentType, body)); got != want {
			t.Errorf("%s: got %s, want %s", contentType, got, want)
		}
	}
}

// What the standard library writes is accepted, and goes on as it came.
func TestReadMultipartOfStandardLibrary(t *testing.T) {
	t.Parallel()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, f := range [][2]string{{"csrf", "1"}, {"username", "jos\u00e9"}, {"password", "p & q"}} {
		if err := w.WriteField(f[0], f[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	login, err := multipartRule(t).Read(post(w.FormDataContentType(), body.String()), "/login")
	if err != nil {
		t.Fatal(err)
	}
	if login.User != "jos\u00e9" || login.Secret != "p & q" || login.Media != credentials.MediaMultipart || forwarded(t, login, "x") != body.String() {
		t.Errorf("got %+v", login)
	}
}
