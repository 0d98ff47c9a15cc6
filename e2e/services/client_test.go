// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

// client is a browser: it keeps cookies, and follows no redirect.
type client struct {
	t    testing.TB
	base string
	http http.Client

	// respell changes the target of requests that are no GET.
	respell func(target string) string
	// language is what the browser asks for, if anything.
	language string
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func newClient(t testing.TB, base string) *client {
	jar, _ := cookiejar.New(nil) // fails never
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t: t, base: base, http: http.Client{
		Jar: jar, Transport: transport, Timeout: 2 * time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// request makes a request to a target, which goes out byte for byte. Headers
// are given as name and value in turn.
func (c *client) request(method, target, body string, headers ...string) *http.Request {
	c.t.Helper()
	r, err := http.NewRequest(method, c.base, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if method != http.MethodGet && c.respell != nil {
		target = c.respell(target)
	}
	setTarget(r.URL, target)
	if c.language != "" {
		r.Header.Set("Accept-Language", c.language)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// setTarget makes net/http send the target as it is.
func setTarget(u *url.URL, target string) {
	path, query, _ := strings.Cut(target, "?")
	u.RawQuery = query
	if strings.HasPrefix(path, "//") { // as Opaque it would be a host
		u.Path, u.RawPath = path, path
		if unescaped, err := url.PathUnescape(path); err == nil {
			u.Path = unescaped
		}
		return
	}
	u.Opaque = path
	if plain, err := url.Parse(path); err == nil { // the jar looks at it
		u.Path = plain.Path
	}
}

func (c *client) do(r *http.Request) answer {
	c.t.Helper()
	resp, err := c.http.Do(r)
	if err != nil {
		c.t.Errorf("%s %s: %v", r.Method, r.URL, err)
		return answer{header: http.Header{}}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Errorf("reading the answer to %s %s: %v", r.Method, r.URL, err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func (c *client) get(target string, headers ...string) answer {
	c.t.Helper()
	return c.do(c.request(http.MethodGet, target, "", headers...))
}

// form posts fields, given as name and value in turn and sent in this order.
func (c *client) form(target string, fields ...string) answer {
	c.t.Helper()
	return c.post(target, "application/x-www-form-urlencoded", encodeForm(fields))
}

func (c *client) json(target string, value any) answer {
	c.t.Helper()
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		c.t.Fatal(err)
	}
	return c.post(target, "application/json", body.String())
}

func (c *client) post(target, contentType, body string, headers ...string) answer {
	c.t.Helper()
	return c.do(c.request(http.MethodPost, target, body, append([]string{"Content-Type", contentType}, headers...)...))
}

// basic sends a request with a name and a secret as HTTP Basic has them.
func (c *client) basic(method, target, name, secret string, headers ...string) answer {
	c.t.Helper()
	r := c.request(method, target, "", headers...)
	r.SetBasicAuth(name, secret)
	return c.do(r)
}

// cookie returns the value of a cookie that the browser would send.
func (c *client) cookie(name string) string {
	u, err := url.Parse(c.base)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, cookie := range c.http.Jar.Cookies(u) {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	return ""
}

// setsCookie reports whether the answer sets a cookie whose name begins so to
// a value.
func (a answer) setsCookie(prefix string) bool {
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if strings.HasPrefix(c.Name, prefix) && c.Value != "" && c.MaxAge >= 0 {
			return true
		}
	}
	return false
}

// find returns the text between two texts of the answer.
func (a answer) find(before, after string) string {
	_, rest, _ := strings.Cut(a.body, before)
	found, _, _ := strings.Cut(rest, after)
	return found
}

func encodeForm(fields []string) string {
	var pairs []string
	for i := 0; i < len(fields); i += 2 {
		pairs = append(pairs, url.QueryEscape(fields[i])+"="+url.QueryEscape(fields[i+1]))
	}
	return strings.Join(pairs, "&")
}
