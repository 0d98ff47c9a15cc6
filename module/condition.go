// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Condition tests one property of an answer. Exactly one field must be set.
type Condition struct {
	// Status codes (`200`) or classes (`2xx`); one must match.
	Status []string `json:"status,omitempty"`

	// A header field with this value. `*` at either end of the value stands
	// for anything, a lone `*` for any value that is not empty.
	Header *NamedPattern `json:"header,omitempty"`

	// A header field that matches this regular expression (RE2).
	HeaderRegexp *NamedPattern `json:"header_regexp,omitempty"`

	// The name of a cookie that the answer sets. A cookie that is set to the
	// empty value or that expires at once does not count.
	SetCookie string `json:"set_cookie,omitempty"`

	// Like set_cookie, with a regular expression (RE2) over the name.
	SetCookieRegexp string `json:"set_cookie_regexp,omitempty"`

	// Like set_cookie, and the request did not bring this value already. It tells
	// a session that begins with a login from one that the service renews for
	// whoever is logged in. A request that brings the cookie twice, or in a
	// spelling or with a value that can be read in two ways, does not match.
	SetNewCookie string `json:"set_new_cookie,omitempty"`

	// A field of the JSON answer. What is no JSON does not match.
	JSON *NamedPattern `json:"json,omitempty"`

	// A text that the body of the answer contains, byte for byte and as the
	// service writes it: in HTML an apostrophe may be `&#39;`.
	//
	// Conditions over the body (`json`, `body`, `body_regexp`) see its first
	// 64 KiB, as the service sent it without Content-Encoding. Of a longer answer,
	// of one that is encoded all the same, of a partial one (206, 304) and of one
	// to HEAD nobody knows what they would have said of the rest. It does not make
	// a success: a `success` or `pending` behind a `failure` or `neutral` that is
	// in doubt counts as unclassified, and so does a `neutral` behind such a
	// `failure`.
	Body string `json:"body,omitempty"`

	// Like body, with a regular expression (RE2).
	BodyRegexp string `json:"body_regexp,omitempty"`
}

// NamedPattern is a name together with what is wanted of its value.
type NamedPattern struct {
	// The header field, or the path in a JSON answer (`record.id`,
	// `errors.0.code`). In a condition, a step `#` stands for every element of an
	// array (`errors.#.code`), of which one must match.
	Name string `json:"name,omitempty"`

	// The wanted value or regular expression. For `json`: empty means that the
	// field is there and is neither null, false nor the empty string.
	Value string `json:"value,omitempty"`
}

// Validate checks the condition by itself, so that a configuration adapter can
// report a mistake where it stands.
func (c *Condition) Validate() error {
	_, err := compileCondition(c)
	return err
}

// conditionKind is the field of a Condition that is set.
type conditionKind uint8

const (
	conditionStatus conditionKind = iota
	conditionHeader
	conditionHeaderRegexp
	conditionSetCookie
	conditionSetCookieRegexp
	conditionSetNewCookie
	conditionJSON
	conditionBody
	conditionBodyRegexp
)

// condition is a compiled Condition. Which fields are meaningful follows from
// kind.
type condition struct {
	kind   conditionKind
	status []statusRange
	name   string // header field in canonical form, or cookie
	value  wildcard
	re     *regexp.Regexp
	path   []string
	want   string // of JSON, or the text in a body
	atEnd  bool   // re asks where a text ends
}

// statusRange is a code or a class of codes, both ends included.
type statusRange struct{ from, to int }

// view is what a condition looks at. Without body the truth of a condition
// over the body is unknown.
type view struct {
	request *http.Request
	status  int
	header  http.Header
	body    *answerBody
	now     func() time.Time
}

func (c *condition) test(in *view) truth {
	switch c.kind {
	case conditionStatus:
		return truthOf(c.matchesStatus(in.status))
	case conditionHeader:
		return truthOf(c.matchesHeader(in.header[c.name]))
	case conditionHeaderRegexp:
		return truthOf(c.matchesHeaderRegexp(in.header[c.name]))
	case conditionSetCookie, conditionSetCookieRegexp:
		return truthOf(c.matchesCookie(in.header["Set-Cookie"], in.now))
	case conditionSetNewCookie:
		return truthOf(c.matchesNewCookie(in))
	}
	if in.body == nil {
		return truthUnknown
	}
	switch c.kind {
	case conditionBody:
		return in.body.contains(c.want)
	case conditionBodyRegexp:
		return in.body.matches(c.re, c.atEnd)
	default:
		return in.body.hasJSON(c.path, c.want)
	}
}

// readsBody reports whether the condition is about the body.
func (c *condition) readsBody() bool { return c.kind >= conditionJSON }

func (c *condition) matchesStatus(status int) bool {
	for _, r := range c.status {
		if r.from <= status && status <= r.to {
			return true
		}
	}
	return false
}

func (c *condition) matchesHeader(values []string) bool {
	for _, v := range values {
		if c.value.match(v) {
			return true
		}
	}
	return false
}

func (c *condition) matchesHeaderRegexp(values []string) bool {
	for _, v := range values {
		if c.re.MatchString(v) {
			return true
		}
	}
	return false
}

// wildcard is a value that may be open at either end.
type wildcard struct {
	text       string
	head, tail bool // a `*` stands before, after the text
}

func (w wildcard) match(s string) bool {
	switch {
	case w.text == "":
		return s != ""
	case w.head && w.tail:
		return strings.Contains(s, w.text)
	case w.head:
		return strings.HasSuffix(s, w.text)
	case w.tail:
		return strings.HasPrefix(s, w.text)
	default:
		return s == w.text
	}
}
