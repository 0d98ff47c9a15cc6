// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

// compileCondition says in its errors what to change.
func compileCondition(c *Condition) (condition, error) {
	if c == nil {
		return condition{}, errors.New("it is null: remove it")
	}
	switch kinds := c.kinds(); len(kinds) {
	case 0:
		return condition{}, errors.New("it is empty: set one of status, header, header_regexp, set_cookie, set_cookie_regexp, set_new_cookie, json, body, body_regexp")
	case 1:
	default:
		return condition{}, fmt.Errorf("%s are set together: make each a condition of its own", strings.Join(kinds, " and "))
	}
	switch {
	case len(c.Status) > 0:
		return compileStatus(c.Status)
	case c.Header != nil:
		return compileHeader(c.Header)
	case c.HeaderRegexp != nil:
		return compileHeaderRegexp(c.HeaderRegexp)
	case c.SetCookie != "":
		return compileSetCookie(c.SetCookie)
	case c.SetCookieRegexp != "":
		re, err := compileRegexp("set_cookie_regexp", c.SetCookieRegexp)
		return condition{kind: conditionSetCookieRegexp, re: re}, err
	case c.SetNewCookie != "":
		return compileSetNewCookie(c.SetNewCookie)
	case c.Body != "":
		return condition{kind: conditionBody, want: c.Body}, nil
	case c.BodyRegexp != "":
		return compileBodyRegexp(c.BodyRegexp)
	default:
		return compileJSON(c.JSON)
	}
}

// kinds names the fields that are set.
func (c *Condition) kinds() []string {
	var kinds []string
	for _, k := range []struct {
		name string
		set  bool
	}{
		{"status", len(c.Status) > 0},
		{"header", c.Header != nil},
		{"header_regexp", c.HeaderRegexp != nil},
		{"set_cookie", c.SetCookie != ""},
		{"set_cookie_regexp", c.SetCookieRegexp != ""},
		{"set_new_cookie", c.SetNewCookie != ""},
		{"json", c.JSON != nil},
		{"body", c.Body != ""},
		{"body_regexp", c.BodyRegexp != ""},
	} {
		if k.set {
			kinds = append(kinds, k.name)
		}
	}
	return kinds
}

func compileStatus(codes []string) (condition, error) {
	c := condition{kind: conditionStatus}
	for _, code := range codes {
		r, ok := parseStatus(code)
		if !ok {
			return c, fmt.Errorf("status %q: write a code of a final answer (101, 200 to 599) or a class (2xx to 5xx)", code)
		}
		c.status = append(c.status, r)
	}
	return c, nil
}

func parseStatus(code string) (statusRange, bool) {
	if len(code) != 3 {
		return statusRange{}, false
	}
	if class := int(code[0] - '0'); code[1:] == "xx" && class >= 2 && class <= 5 {
		return statusRange{from: class * 100, to: class*100 + 99}, true
	}
	n, err := strconv.ParseUint(code, 10, 16)
	if err != nil || n != http.StatusSwitchingProtocols && (n < 200 || n > 599) {
		return statusRange{}, false
	}
	return statusRange{from: int(n), to: int(n)}, true
}

func compileHeader(p *NamedPattern) (condition, error) {
	c := condition{kind: conditionHeader}
	if !isToken(p.Name) {
		return c, fmt.Errorf("header %q: write the name of a header field", p.Name)
	}
	c.name = http.CanonicalHeaderKey(p.Name)
	text := p.Value
	if text == "" {
		return c, fmt.Errorf("header %s: write the wanted value, or * for any", p.Name)
	}
	if text != "*" {
		text, c.value.head = strings.CutPrefix(text, "*")
		text, c.value.tail = strings.CutSuffix(text, "*")
		c.value.text = text
	}
	if text != "*" && (text == "" || strings.Contains(text, "*")) {
		return c, fmt.Errorf("header %s %q: write * only at the ends of the value, or use header_regexp", p.Name, p.Value)
	}
	return c, nil
}

func compileHeaderRegexp(p *NamedPattern) (condition, error) {
	c := condition{kind: conditionHeaderRegexp}
	if !isToken(p.Name) {
		return c, fmt.Errorf("header_regexp %q: write the name of a header field", p.Name)
	}
	c.name = http.CanonicalHeaderKey(p.Name)
	var err error
	c.re, err = compileRegexp("header_regexp "+p.Name, p.Value)
	return c, err
}

func compileSetCookie(name string) (condition, error) {
	if !isToken(name) {
		return condition{}, fmt.Errorf("set_cookie %q: write the name of a cookie, or use set_cookie_regexp", name)
	}
	return condition{kind: conditionSetCookie, name: name}, nil
}

// maxJSONSteps bounds the work of a path.
const maxJSONSteps = 32

// compileJSON compiles a condition over JSON, whose path may lead to several
// values.
func compileJSON(p *NamedPattern) (condition, error) {
	path := strings.Split(p.Name, ".")
	if len(path) > maxJSONSteps {
		return condition{}, fmt.Errorf("json %q: write at most %d steps", p.Name, maxJSONSteps)
	}
	for _, step := range path {
		if step == "" {
			return condition{}, fmt.Errorf("json %q: write a path of names, indexes and # with single dots between them, as in errors.0.code or errors.#.code", p.Name)
		}
	}
	return condition{kind: conditionJSON, path: path, want: p.Value}, nil
}

// compileJSONPath compiles a path that leads to one value.
func compileJSONPath(name string) ([]string, error) {
	c, err := compileJSON(&NamedPattern{Name: name})
	if err == nil && slices.Contains(c.path, anyElement) {
		err = fmt.Errorf("json %q: # leads to several values, write an index", name)
	}
	return c.path, err
}

func compileBodyRegexp(expr string) (condition, error) {
	c := condition{kind: conditionBodyRegexp}
	var err error
	if c.re, err = compileRegexp("body_regexp", expr); err != nil {
		return c, err
	}
	parsed, err := syntax.Parse(expr, syntax.Perl)
	c.atEnd = err == nil && looksAtEnd(parsed)
	return c, err
}

func compileRegexp(what, expr string) (*regexp.Regexp, error) {
	if expr == "" {
		return nil, fmt.Errorf("%s: write a regular expression", what)
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("%s: correct the regular expression: %w", what, err)
	}
	return re, nil
}

// isToken tells whether s can be the name of a header field or a cookie
// (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		b := s[i]
		alnum := '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
		if !alnum && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(b)) {
			return false
		}
	}
	return s != ""
}
