// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// answer is what the service said.
type answer struct {
	url    *url.URL
	status int
	header http.Header
	body   []byte   // up to maxAnswer
	cut    bool     // it was longer
	media  string   // without parameters
	leaves []leaf   // of a JSON answer
	live   []string // names of the cookies that are set, in their order
}

func newAnswer(asked *url.URL, resp *http.Response, body []byte) *answer {
	a := &answer{url: asked, status: resp.StatusCode, header: resp.Header, body: body, cut: len(body) > maxAnswer}
	a.body = body[:min(len(body), maxAnswer)]
	a.media, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	for _, c := range resp.Cookies() {
		if isLive(c) && !slices.Contains(a.live, c.Name) {
			a.live = append(a.live, c.Name)
		}
	}
	if !a.cut && utf8.Valid(body) {
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		var whole any
		if json.Valid(body) && d.Decode(&whole) == nil {
			a.leaves = flatten(nil, whole, nil)
		}
	}
	return a
}

// isLive reports a cookie that is set, and not deleted or empty.
func isLive(c *http.Cookie) bool {
	dead := c.Value == "" || c.MaxAge < 0 || c.RawExpires != "" && !c.Expires.After(time.Now())
	return !dead
}

func (a *answer) isHTML() bool {
	return a.media == "text/html" || a.media == "application/xhtml+xml"
}

func (a *answer) isRedirect() bool {
	return a.status >= 300 && a.status < 400 && a.header.Get("Location") != ""
}

// location is where a redirect leads, with what it is relative to.
func (a *answer) location() *url.URL {
	if !a.isRedirect() {
		return nil
	}
	to, err := a.url.Parse(a.header.Get("Location"))
	if err != nil {
		return nil
	}
	return to
}

// movedTo is where the same request should have gone. Empty: it came right.
func (a *answer) movedTo() string {
	moved := a.status == http.StatusMovedPermanently || a.status == http.StatusTemporaryRedirect || a.status == http.StatusPermanentRedirect
	if to := a.location(); moved && to != nil {
		return printable(origin(to) + maskPath(to.EscapedPath()))
	}
	return ""
}

// challenges reports whether the answer asks for a scheme of authentication.
func (a *answer) challenges(scheme string) bool {
	return a.status == http.StatusUnauthorized && slices.Contains(a.schemes(), scheme)
}

// schemes are those of WWW-Authenticate, in lower case.
func (a *answer) schemes() (list []string) {
	for _, line := range a.header.Values("WWW-Authenticate") {
		for part := range strings.SplitSeq(quoted.ReplaceAllString(line, ""), ",") {
			name, _, _ := strings.Cut(strings.TrimSpace(part), " ")
			if name != "" && !strings.Contains(name, "=") {
				list = addOnce(list, strings.ToLower(name))
			}
		}
	}
	return list
}

// quoted finds the values of parameters, which may hold commas.
var quoted = regexp.MustCompile(`"(\\.|[^"\\])*"`)

// says is what is said of the answer in the report.
func (a *answer) says() string {
	text := fmt.Sprint(a.status)
	if to := a.location(); to != nil {
		text += " to " + printable(maskPath(to.EscapedPath()))
	}
	if len(a.live) > 0 {
		text += ", cookie " + printable(strings.Join(a.live, ", "))
	}
	return text
}

// leaf is a value of a JSON answer that is no object and no array; an object or
// array that is empty counts.
type leaf struct {
	path  []string
	value any
}

// maxDepth and maxElements bound how far a JSON answer is looked into.
const (
	maxDepth    = 6
	maxElements = 4
)

// flatten lists the leaves, members by their names.
func flatten(list []leaf, v any, path []string) []leaf {
	if len(path) > maxDepth {
		return list
	}
	step := func(name string, value any) {
		list = flatten(list, value, append(slices.Clip(path), name))
	}
	switch v := v.(type) {
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			step(name, v[name])
		}
		if len(v) == 0 {
			list = append(list, leaf{path, nil})
		}
	case []any:
		for i, value := range v[:min(len(v), maxElements)] {
			step(fmt.Sprint(i), value)
		}
		if len(v) == 0 {
			list = append(list, leaf{path, nil})
		}
	default:
		list = append(list, leaf{path, v})
	}
	return list
}

func (l leaf) name() string {
	for _, step := range slices.Backward(l.path) {
		if strings.Trim(step, "0123456789") != "" {
			return step
		}
	}
	return ""
}

// text is the value as a rule compares it.
func (l leaf) text() string {
	switch v := l.value.(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

// isSet reports a value that says yes, as the condition json does.
func (l leaf) isSet() bool { return l.value != nil && l.value != false && l.value != "" }

// find returns the leaf at a path.
func (a *answer) find(path []string) (leaf, bool) {
	i := slices.IndexFunc(a.leaves, func(l leaf) bool { return slices.Equal(l.path, path) })
	if i < 0 {
		return leaf{}, false
	}
	return a.leaves[i], true
}
