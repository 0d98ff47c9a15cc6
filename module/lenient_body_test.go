// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/unicode/norm"
)

// leadsToLogin folds the target, and what headers and overrides say, as far as
// any server does. Paths stand for those of logins.
func leadsToLogin(r *http.Request, paths ...string) bool {
	for _, target := range append([]string{r.RequestURI}, append(r.Header["X-Original-Url"], r.Header["X-Rewrite-Url"]...)...) {
		if i := strings.Index(target, "://"); i >= 0 {
			if j := strings.IndexByte(target[i+3:], '/'); j >= 0 {
				target = target[i+3+j:]
			}
		}
		target, _, _ = strings.Cut(target, "?")
		for range 4 {
			for _, reading := range pathReadings(target) {
				if len(paths) == 0 && (loginPaths[reading] || strings.HasPrefix(reading, "/u/")) || slices.Contains(paths, reading) {
					return true
				}
			}
			target = decodeLeniently(target, false)
		}
	}
	return false
}

func pathReadings(p string) []string {
	p = strings.ToLower(norm.NFKC.String(undoOverlong(p)))
	p = strings.ReplaceAll(strings.ReplaceAll(p, `\`, "/"), "ı", "i")
	all := []string{strings.ReplaceAll(p, "\x00", "")}
	if i := strings.IndexAny(p, "\x00?#;"); i >= 0 {
		all = append(all, p[:i])
	}
	all = append(all, regexp.MustCompile(`;[^/]*`).ReplaceAllString(p, ""))
	var out []string
	for _, p := range all {
		segments := strings.Split(p, "/")
		for i, s := range segments {
			if s != ".." {
				segments[i] = strings.Trim(s, ". \t\r\n")
			}
		}
		p = path.Clean("/" + strings.Join(segments, "/"))
		out = append(out, p, strings.TrimSuffix(p, path.Ext(p)), "/"+path.Base(p), path.Dir(p))
		if i := strings.Index(p, ".php/"); i >= 0 {
			out = append(out, p[i+4:])
		}
		// What stands behind a scheme, a host, or both.
		for rest := p; ; {
			_, behind, found := strings.Cut(rest[1:], "/")
			if !found {
				break
			}
			rest = "/" + behind
			out = append(out, rest)
		}
	}
	return out
}

func undoOverlong(s string) string {
	out := []byte(nil)
	for i := 0; i < len(s); i++ {
		if s[i]&0xfe == 0xc0 && i+1 < len(s) && s[i+1]&0xc0 == 0x80 {
			out = append(out, s[i]<<6|s[i+1]&0x3f)
			i++
			continue
		}
		out = append(out, s[i])
	}
	return string(out)
}

func decodeLeniently(s string, plus bool) string {
	if plus {
		s = strings.ReplaceAll(s, "+", " ")
	}
	out := []byte(nil)
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := url.PathUnescape(s[i : i+3]); err == nil {
				out, i = append(out, c...), i+2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

// logins are the values that one reading found, by role.
type logins struct{ users, secrets []string }

func (l *logins) take(key, value string) {
	key = canonicalUser(strings.ReplaceAll(key, "ı", "i"))
	key, _, _ = strings.Cut(key, "[")
	switch strings.Trim(key, " []") {
	case "username", "user name", "user.name", "user_name", "email", "x-auth-user":
		l.users = append(l.users, value)
	case "password", "pin", "x-auth-key":
		l.secrets = append(l.secrets, value)
	}
}

// readLogins merges query and body in every type.
func readLogins(r *http.Request, body []byte, users map[string][]string) {
	var l logins
	_, query, _ := strings.Cut(r.RequestURI, "?")
	readPairs(&l, query)
	readOutside(&l, r)
	texts := [][]byte{body}
	for range 3 { // as often as it is compressed
		texts = append(texts, inflate(texts[len(texts)-1])...)
	}
	for _, text := range texts {
		for _, s := range decodings(text) {
			readPairs(&l, s)
			readJSONs(&l, s)
			readParts(&l, s)
		}
	}
	for _, user := range l.users {
		addLogin(users, user, l.secrets...)
	}
}

// readOutside reads what stands in headers, in targets that headers name, and in
// the path.
func readOutside(l *logins, r *http.Request) {
	for name, values := range r.Header {
		for _, value := range values {
			switch name = http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-")); name {
			case "X-Original-Url", "X-Rewrite-Url":
				_, query, _ := strings.Cut(value, "?")
				readPairs(l, query)
			case "X-Auth-User", "X-Auth-Key":
				l.take(name, strings.TrimSpace(value))
			}
		}
	}
	for _, pair := range strings.Split(r.RequestURI, "?") {
		readPairs(l, pair) // behind any question mark
	}
	for _, reading := range pathReadings(decodeLeniently(r.RequestURI, false)) {
		if user, found := strings.CutPrefix(reading, "/u/"); found {
			user, _, _ = strings.Cut(user, "?")
			l.take("username", strings.TrimSuffix(user, "/"))
		}
	}
}

func inflate(b []byte) (out [][]byte) {
	if z, err := gzip.NewReader(bytes.NewReader(b)); err == nil {
		if text, _ := io.ReadAll(io.LimitReader(z, 1<<20)); len(text) > 0 {
			out = append(out, text)
		}
	}
	if z, err := zlib.NewReader(bytes.NewReader(b)); err == nil {
		if text, _ := io.ReadAll(io.LimitReader(z, 1<<20)); len(text) > 0 {
			out = append(out, text)
		}
	}
	if text, _ := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b)), 1<<20)); len(text) > 20 {
		out = append(out, text)
	}
	if len(out) == 0 {
		out = append(out, nil)
	}
	return out
}

// decodings reads the bytes as UTF-8, UTF-16 and Latin-1, and undoes UTF-7.
func decodings(b []byte) []string {
	out := []string{strings.TrimPrefix(string(b), "\ufeff"), undoOverlong(string(b))}
	if len(b) > 1 && (b[0] == 0 || b[1] == 0 || b[0] >= 0xfe) {
		for _, low := range []int{0, 1} {
			var units []uint16
			for i := 0; i+1 < len(b); i += 2 {
				units = append(units, uint16(b[i+low])|uint16(b[i+1-low])<<8)
			}
			out = append(out, strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff"))
		}
	}
	if bytes.IndexByte(b, '+') >= 0 {
		out = append(out, strings.NewReplacer("+AD0-", "=", "+ACY-", "&", "+ACI-", `"`, "+AHU-", "u", "+AHsA", "{").Replace(string(b)))
	}
	return out
}

func readPairs(l *logins, s string) {
	for _, pair := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("&;\n\r", r) }) {
		key, value, _ := strings.Cut(pair, "=")
		l.take(decodeLeniently(key, true), decodeLeniently(value, true))
	}
}

var (
	comments = regexp.MustCompile(`(?s)//[^\n]*|/\*.*?\*/|#[^\n]*`)
	member   = regexp.MustCompile(`(?s)["']?((?:[^"'\\:{},\[]|\\.)+)["']?\s*:\s*(?:\[\s*)?("(?:[^"\\]|\\.)*"|'[^']*'|[-0-9.eE+a-zA-Z]+|\{[^}]*\})`)
)

// readJSONs finds every member of every document, first and last, in any case,
// with comments, and values of any type.
func readJSONs(l *logins, s string) {
	for _, text := range []string{s, comments.ReplaceAllString(s, "")} {
		for _, m := range member.FindAllStringSubmatch(text, -1) {
			l.take(unquote(`"`+m[1]+`"`), unquote(m[2]))
			if strings.HasPrefix(m[2], "{") {
				readJSONs(l, strings.Trim(m[2], "{}"))
				for _, inner := range member.FindAllStringSubmatch(m[2], -1) {
					l.take(unquote(`"`+m[1]+`"`), unquote(inner[2]))
				}
			}
		}
	}
}

func unquote(s string) string {
	var text string
	if json.Unmarshal([]byte(s), &text) == nil {
		return text
	}
	return strings.Trim(s, `"' `)
}

var part = regexp.MustCompile(`(?is)content-disposition[^\n]*?name\*?=(?:utf-8'')?"?([^";\r\n]+)"?[^\n]*\n(?:[^\n]+\n)*?\r?\n(.*?)\r?\n--`)

// readParts reads multipart, whatever the boundary.
func readParts(l *logins, s string) {
	for rest := s; ; {
		m := part.FindStringSubmatchIndex(rest)
		if m == nil {
			return
		}
		l.take(decodeLeniently(rest[m[2]:m[3]], false), rest[m[4]:m[5]])
		rest = rest[m[5]:]
	}
}
