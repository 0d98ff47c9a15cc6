// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Identity says whose secret the login service has accepted, by its answer. It
// must name the account by what the service makes unique among everything that
// it takes for a name, such as the e-mail address, and not by what users choose
// beside it, such as a display name.
type Identity struct {
	// `json` (a field of the JSON answer), `header`, `set_cookie` (the value of a
	// cookie that is set), or `set_cookie_regexp` (the same, the cookie named by
	// a regular expression).
	From string `json:"from,omitempty"`

	// The path in the JSON answer (`record.email`), the name of the header or
	// cookie, or the regular expression of the cookie's name.
	Name string `json:"name,omitempty"`

	// A regular expression with one group, which cuts the name out of the value.
	// `%XX` in a cookie is decoded before. A value that does not match names
	// nobody. Default: the whole value is the name.
	Pattern string `json:"pattern,omitempty"`
}

const (
	fromHeader          = "header"
	fromSetCookieRegexp = "set_cookie_regexp"
)

// identity is a compiled Identity. One of header, cookie and path is set.
type identity struct {
	header  string
	cookie  *condition
	path    []string       // of JSON
	pattern *regexp.Regexp // nil: the whole value
	warned  atomic.Int64   // when somebody was told of a value that is no name
}

// Validate checks the identity by itself, so that a configuration adapter can
// report a mistake where it stands.
func (i *Identity) Validate() error {
	_, err := i.compile()
	return err
}

func (i *Identity) compile() (*identity, error) {
	if i == nil {
		return nil, nil
	}
	var out identity
	var cookie condition
	var err error
	switch i.From {
	case fromJSON:
		out.path, err = compileJSONPath(i.Name)
	case fromHeader:
		if !isToken(i.Name) {
			return nil, fmt.Errorf("header %q: write the name of a header field", i.Name)
		}
		out.header = http.CanonicalHeaderKey(i.Name)
	case fromSetCookie:
		cookie, err = compileSetCookie(i.Name)
		out.cookie = &cookie
	case fromSetCookieRegexp:
		cookie.kind = conditionSetCookieRegexp
		cookie.re, err = compileRegexp(fromSetCookieRegexp, i.Name)
		out.cookie = &cookie
	default:
		return nil, fmt.Errorf("%q is no place, write json, header, set_cookie or set_cookie_regexp", i.From)
	}
	if err != nil {
		return nil, err
	}
	if i.Pattern == "" {
		return &out, nil
	}
	if out.pattern, err = compileRegexp("pattern", i.Pattern); err != nil {
		return nil, err
	}
	if out.pattern.NumSubexp() != 1 {
		return nil, errors.New("pattern: put what the name is in parentheses, and nothing else; (?:…) is no group")
	}
	return &out, nil
}

// seldom reports whether it is time for another line in the log.
func (i *identity) seldom() bool {
	now, last := time.Now(), i.warned.Load()
	return now.Sub(time.Unix(0, last)) > time.Minute && i.warned.CompareAndSwap(last, now.UnixNano())
}

// inBody reports whether the name stands in the body of the answer.
func (i *identity) inBody() bool { return i.path != nil }

// of returns the name in an answer. One that says two names says none.
func (i *identity) of(in *answer) (string, bool) {
	if i.path != nil {
		text, ok := jsonValue(in, i.path)
		if !ok {
			return "", false
		}
		return i.cut(text)
	}
	values := in.header[i.header]
	if i.cookie != nil {
		values = i.cookies(in.header["Set-Cookie"])
	}
	if len(values) != 1 {
		return "", false
	}
	return i.cut(values[0])
}

// cookies returns the values of the cookies that an answer sets, each once. A
// cookie may be set for several paths.
func (i *identity) cookies(lines []string) (values []string) {
	for n, line := range lines {
		ck, ok := readSetCookie(line, time.Now)
		if !ok || !ck.live || !i.cookie.matchesCookieName(ck.name) || ck.overwritten(lines[n+1:], time.Now) {
			continue
		}
		// What cannot be decoded is the value itself: some services escape nothing.
		value := ck.value
		if decoded, err := url.PathUnescape(value); err == nil {
			value = decoded
		}
		if !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	return values
}

// cut takes the name out of a value. The text of an answer is not kept.
func (i *identity) cut(value string) (string, bool) {
	if i.pattern != nil {
		match := i.pattern.FindStringSubmatch(value)
		if match == nil {
			return "", false
		}
		value = match[1]
	}
	return strings.Clone(value), strings.TrimSpace(value) != ""
}
