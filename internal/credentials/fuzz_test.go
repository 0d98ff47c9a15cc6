// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// requestRule reads fields of every type of body.
func requestRule(tb testing.TB) *credentials.LoginRule {
	tb.Helper()
	return newRule(tb, credentials.LoginConfig{Form: true, JSON: true, Multipart: true, User: field(userField), Secret: field(secretField)})
}

var requestTypes = []string{formType, jsonType, multipartType}

func (s sent) request() *http.Request {
	r := post(s.contentType, s.body)
	r.URL.RawQuery = s.query
	if r.RequestURI = "/login"; s.query != "" {
		r.RequestURI += "?" + s.query
	}
	return r
}

// compare reports readers that see something else than we do.
func compare(t *testing.T, s sent, ours login) {
	t.Helper()
	for name, read := range lenientReaders {
		if theirs := read(s); theirs != (login{}) && theirs != ours {
			t.Fatalf("%+q is %+q to %s, but %+q to us", s, theirs, name, ours)
		}
	}
}

// FuzzRequest: whenever two readers disagree about a request, with its query,
// its type and its body, ours has refused it. What goes on reads the same, to
// all of them.
func FuzzRequest(f *testing.F) {
	for _, seed := range []struct {
		query string
		media byte
		body  string
	}{
		{"flow=1", 0, "user_name=alice&password=x+y&z=%0d%0a"},
		{"user.name=victim", 0, "user_name=decoy&password=x"},
		{"", 0, "user_name=decoy&user%5bname=victim&password=x"},
		{"", 0, "user_name=decoy&user%00=1&user%20name=victim&password=x"},
		{"", 0, `{"user_name":"alice","password":"x","a":"&user_name=victim&"}`},
		{"", 1, `{"user_name":"alice","password":"\u0078","a":[1e5,{"b":null}]}`},
		{"", 1, "\ufeff{\"user_name\":\"alice\",\"password\":\"x\"}"},
		{"", 1, `{"user_name":"decoy"/*"*/,"USER_NAME":"victim","password":"x"}{"user_name":"third"}`},
		{"", 2, multipartOf("user_name", "alice", "password", "x", "a", "b\r\nc")},
		{"", 2, "x\n--xx\nname=user_name\n\nvictim\n" + multipartOf("user_name", "decoy", "password", "x")},
		{"", 2, multipartOf("a\r\n--xx\r\nname=password", "y", "user_name", "alice", "password", "x\r\n--xx")},
	} {
		f.Add(seed.query, seed.media, seed.body)
	}
	rule := requestRule(f)
	f.Fuzz(func(t *testing.T, query string, media byte, body string) {
		s := sent{query: query, contentType: requestTypes[int(media)%len(requestTypes)], body: body}
		read, err := rule.Read(s.request(), "/login")
		if err != nil {
			return
		}
		ours := login{read.User, read.Secret}
		compare(t, s, ours)
		out, refusal := read.Forward(read.User)
		if refusal != nil {
			return
		}
		s.body = out
		compare(t, s, ours)
	})
}

// FuzzForward: what goes on is read as the same login again, by us, net/http
// and encoding/json alike, and encoding it once more changes nothing.
func FuzzForward(f *testing.F) {
	for _, seed := range []string{
		"a=1&user_name=al%69ce&password=p%26q&a=2&b", "user_name=%e2%80%a8&password=~", "user_name=a%20b&&password=+&=x",
		` {"user\u005fname":"\u0061\"\\","password":"\/\u2028", "z":[ 1 ]} `, `{"password":"x","user_name":"\u00e9<>&"}`,
	} {
		f.Add(seed, true, "alice")
		f.Add(seed, false, "Alice \"é\" \\ &=%41")
	}
	rule := requestRule(f)
	f.Fuzz(func(t *testing.T, body string, form bool, other string) {
		s := sent{contentType: jsonType, body: body}
		if form {
			s.contentType = formType
		}
		first, err := rule.Read(s.request(), "/login")
		if err != nil {
			return
		}
		// Another name, as forward_normalized puts in its place.
		if canonical, refusal := credentials.NewNames().Canonical(other); refusal == nil {
			expectForwarded(t, rule, sent{contentType: s.contentType, body: forwarded(t, first, canonical)}, login{canonical, first.Secret})
		}
		expectForwarded(t, rule, sent{contentType: s.contentType, body: forwarded(t, first, first.User)}, login{first.User, first.Secret})
	})
}

func expectForwarded(t *testing.T, rule *credentials.LoginRule, s sent, want login) {
	t.Helper()
	again, err := rule.Read(s.request(), "/login")
	if err != nil {
		t.Fatalf("what went on is refused: %q: %v", s.body, err)
	}
	if got := (login{again.User, again.Secret}); got != want {
		t.Fatalf("%q is %+q when read again, want %+q", s.body, got, want)
	}
	if twice := forwarded(t, again, again.User); twice != s.body {
		t.Fatalf("%q becomes %q", s.body, twice)
	}
	readers := []string{"encoding/json, map", "encoding/json, struct"}
	if s.contentType == formType {
		readers = []string{"net/http, body", "net/http, merged", "PHP, $_POST"}
		if form := parsed(s).PostForm; len(form[userField]) != 1 || len(form[secretField]) != 1 {
			t.Fatalf("%q has not one value of each: %v", s.body, form)
		}
	}
	for _, name := range readers {
		if got := lenientReaders[name](s); got != want {
			t.Fatalf("%q is %+q to %s, want %+q", s.body, got, name, want)
		}
	}
}

// FuzzMultipart: what we accept is one reading to mime/multipart and to a
// parser that forgives everything, with any boundary.
func FuzzMultipart(f *testing.F) {
	plain := multipartOf("user_name", "alice", "password", "x")
	for _, seed := range []string{plain, strings.ReplaceAll(plain, "\r\n", "\n"), "\r\n" + plain, plain + plain, strings.Replace(plain, `"user_name"`, "user_name", 1)} {
		f.Add("multipart/form-data; boundary=xx", seed)
		f.Add(`multipart/form-data; boundary="xx"; charset=utf-8`, seed)
	}
	rule := requestRule(f)
	f.Fuzz(func(t *testing.T, contentType, body string) {
		s := sent{contentType: contentType, body: body}
		read, err := rule.Read(s.request(), "/login")
		if err != nil || read.Media != credentials.MediaMultipart {
			return
		}
		ours := login{read.User, read.Secret}
		compare(t, s, ours)
		if got := standardMultipart(s, false); got != ours {
			t.Fatalf("%+q is %+q to mime/multipart, but %+q to us", s, got, ours)
		}
	})
}

// FuzzQuery: where user and secret may stand in query and body, readers that
// merge the two in either order see what we see.
func FuzzQuery(f *testing.F) {
	for _, seed := range [][2]string{
		{"user_name=alice&password=x", ""}, {"user_name=alice", "password=x"}, {"", "user_name=alice&password=x"},
		{"user_name=decoy&user+name=victim&password=x", ""}, {"user_name=decoy", "USER_NAME=victim&password=x"}, {"a=%zz&user_name=a#", "password=x"},
	} {
		f.Add(seed[0], seed[1])
	}
	rule := newRule(f, credentials.LoginConfig{
		Form: true, User: append(field(userField), at("query", userField)), Secret: append(field(secretField), at("query", secretField)),
	})
	f.Fuzz(func(t *testing.T, query, body string) {
		s := sent{query: query, contentType: formType, body: body}
		read, err := rule.Read(s.request(), "/login")
		if err != nil {
			return
		}
		ours := login{read.User, read.Secret}
		for _, name := range []string{"net/http, merged", "PHP, $_REQUEST", "PHP, query wins", "pairs, folded, first", "pairs, folded, last"} {
			if theirs := lenientReaders[name](s); theirs != ours {
				t.Fatalf("%+q is %+q to %s, but %+q to us", s, theirs, name, ours)
			}
		}
	})
}

// FuzzPath: routers that decode before they cut, that cut before they decode,
// that clean, that drop parameters, all find the user that we find.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{
		"/v1/login/alice", "/v1/login/al%69ce/", "/v1//login/alice", "/v1/login/a/../b", "/v1/login/a%2fb", "/v1/login/a;b=c", "/v1/login/a%252e", "http://h/v1/login/a?b", `/v1/login/a\b`,
	} {
		f.Add(seed)
	}
	rule := newRule(f, credentials.LoginConfig{JSON: true, User: []credentials.Place{at("path", "3")}, Secret: field(secretField)})
	f.Fuzz(func(t *testing.T, target string) {
		r := post(jsonType, `{"password":"x"}`)
		r.RequestURI = target
		read, err := rule.Read(r, target)
		if err != nil {
			return
		}
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return // no server takes it
		}
		raw, _, _ := strings.Cut(u.EscapedPath(), ";")
		cutFirst, _ := url.PathUnescape(segment(raw, 3))
		for name, got := range map[string]string{
			"one that decodes first":        segment(u.Path, 3),
			"one that cuts first":           cutFirst,
			"one that cleans":               segment(path.Clean(u.Path), 3),
			"one that drops slashes":        segment("/"+strings.Join(strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' || r == '\\' }), "/"), 3),
			"one that decodes once more":    segment(leniently(strings.ReplaceAll(u.Path, "+", "%2B")), 3),
			"one that drops a query inside": segment(strings.FieldsFunc(u.Path+"?", func(r rune) bool { return r == '?' || r == '#' || r == 0 })[0], 3),
		} {
			if got != read.User {
				t.Fatalf("%q is user %q to %s, but %q to us", target, got, name, read.User)
			}
		}
	})
}

func segment(p string, n int) string {
	parts := strings.Split(p, "/")
	if n >= len(parts) {
		return ""
	}
	return parts[n]
}

// FuzzCookie: Go, PHP and readers that take off quotes find what we find.
func FuzzCookie(f *testing.F) {
	for _, seed := range []string{"login=alice", "a=1; login=al%69ce", "login=a; login=b", `login="a"`, "login=a,login=b", "Login=b; login=a", "log%69n=b;login=a", "login.=b; login=a", "login=a b"} {
		f.Add(seed)
	}
	rule := newRule(f, credentials.LoginConfig{Form: true, User: []credentials.Place{at("cookie", "login")}, Secret: field(secretField)})
	f.Fuzz(func(t *testing.T, line string) {
		r := httptest.NewRequest(http.MethodPost, "/login", strings.NewReader("password=x"))
		r.Header["Content-Type"], r.Header["Cookie"] = []string{formType}, []string{line}
		read, err := rule.Read(r, "/login")
		if err != nil {
			return
		}
		if c, err := r.Cookie("login"); err == nil {
			if decoded, err := url.PathUnescape(c.Value); err != nil || decoded != read.User {
				t.Fatalf("%q is %q to net/http, but %q to us", line, c.Value, read.User)
			}
		}
		if got := phpCookie(line, "login"); got != read.User {
			t.Fatalf("%q is %q to PHP, but %q to us", line, got, read.User)
		}
	})
}

// phpCookie reads a cookie as PHP does, which takes the first of a name.
func phpCookie(line, name string) string {
	for pair := range strings.SplitSeq(line, ";") {
		key, value, _ := strings.Cut(strings.TrimLeft(pair, " \t"), "=")
		key, _, _ = strings.Cut(leniently(key), "\x00")
		key, _, nested := strings.Cut(strings.TrimSpace(key), "[")
		if strings.NewReplacer(".", "_", " ", "_").Replace(key) != name {
			continue
		}
		if nested {
			return "Array"
		}
		return leniently(strings.TrimRight(value, " \t"))
	}
	return ""
}

// FuzzGzip: what is decoded is what a decoder that reads everything decodes,
// and never more than the limit.
func FuzzGzip(f *testing.F) {
	const limit = 1 << 10
	for _, plain := range []string{"user_name=alice&password=x", strings.Repeat("a", limit+1), ""} {
		f.Add([]byte(compress(f, plain)))
		f.Add([]byte(compress(f, plain) + compress(f, "&user_name=victim")))
	}
	rule := newRule(f, credentials.LoginConfig{Form: true, Gzip: true, Verbatim: true, User: field(userField), Secret: field(secretField), MaxBytes: limit})
	f.Fuzz(func(t *testing.T, packed []byte) {
		r := post(formType, string(packed))
		r.Header.Set("Content-Encoding", "gzip")
		read, err := rule.Read(r, "/login")
		if err != nil {
			return
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if all, err := io.ReadAll(z); err != nil || string(all) != read.Body || len(all) > limit {
			t.Fatalf("decoded %d bytes, %v; we %d", len(all), err, len(read.Body))
		}
	})
}
