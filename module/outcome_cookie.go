// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"net/http"
	"strings"
	"time"
)

// setCookie is one Set-Cookie line as far as outcomes look at it.
type setCookie struct {
	name, domain, path string
	value              string
	live               bool // set to a value, not deleted
}

// matchesCookie tells whether the lines leave a wanted cookie set: a later
// line for the same cookie wins, as it does in a browser.
func (c *condition) matchesCookie(lines []string, now func() time.Time) bool {
	for i, line := range lines {
		ck, ok := readSetCookie(line, now)
		if ok && ck.live && c.matchesCookieName(ck.name) && !ck.overwritten(lines[i+1:], now) {
			return true
		}
	}
	return false
}

func (c *condition) matchesCookieName(name string) bool {
	if c.kind == conditionSetCookieRegexp {
		return c.re.MatchString(name)
	}
	return name == c.name
}

// overwritten tells whether one of the lines sets or deletes the same cookie.
func (ck setCookie) overwritten(lines []string, now func() time.Time) bool {
	for _, line := range lines {
		later, ok := readSetCookie(line, now)
		if ok && later.name == ck.name && later.domain == ck.domain && later.path == ck.path {
			return true
		}
	}
	return false
}

// readSetCookie reads name and value strictly; ok is false when a browser and
// the standard could read them differently. An attribute that may delete the
// cookie and cannot be read makes it not live: what is in doubt is no mark of
// a success.
func readSetCookie(line string, now func() time.Time) (ck setCookie, ok bool) {
	pair, attributes, _ := strings.Cut(line, ";")
	parsed, err := http.ParseSetCookie(pair)
	if err != nil {
		return setCookie{}, false
	}
	ck = setCookie{name: parsed.Name, value: parsed.Value, live: strings.Trim(parsed.Value, " \t") != ""}
	for attributes != "" {
		var attribute string
		attribute, attributes, _ = strings.Cut(attributes, ";")
		name, value, _ := strings.Cut(attribute, "=")
		value = strings.Trim(value, " \t")
		switch strings.ToLower(strings.Trim(name, " \t")) {
		case "max-age":
			ck.live = ck.live && isPositive(value)
		case "expires":
			ck.live = ck.live && isLater(value, now)
		case "domain":
			ck.domain = strings.ToLower(strings.TrimPrefix(value, "."))
		case "path":
			ck.path = value
		}
	}
	return ck, true
}

// isPositive tells whether s is a whole number above 0, however long.
func isPositive(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == "" && strings.Trim(s, "0") != ""
}

// cookieDates are the notations of Expires in use.
var cookieDates = []string{
	http.TimeFormat,
	"Mon, 02-Jan-2006 15:04:05 MST",
	"Mon, 02-Jan-06 15:04:05 MST",
	time.RFC1123,
	time.RFC1123Z,
	time.RFC850,
	time.ANSIC,
}

// isLater tells whether the date is one that can be read and lies ahead.
func isLater(date string, now func() time.Time) bool {
	date = strings.Trim(date, `"`)
	for _, layout := range cookieDates {
		if t, err := time.Parse(layout, date); err == nil {
			return t.After(now())
		}
	}
	return false
}
