// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// From is a kind of place in a request.
type From string

// The kinds of places that a login rule reads. HTTP Basic, which holds user
// and secret at once, has a reader of its own.
const (
	FromField  From = "field"  // a field of the body
	FromQuery  From = "query"  // a parameter of the query
	FromHeader From = "header" // a header field
	FromCookie From = "cookie" // a cookie
	FromPath   From = "path"   // a segment of the path, by its number

	FromBearer       From = "bearer"        // the token of the Authorization header
	FromCookieRegexp From = "cookie_regexp" // the one cookie whose name matches
)

// Place is where a user name or a secret may stand.
type Place struct {
	From From
	// Name of the field, parameter, header or cookie, spelled exactly; empty for
	// FromBearer, for
	// FromPath the number of the segment, counted from 1, for FromCookieRegexp a
	// regular expression.
	Name string
	// Raw leaves the escapes of a cookie as they are: its value is a key that is
	// only compared with the one that the service has set.
	Raw bool
}

// maxPlaces bounds the places of one rule; position has one element for each.
const maxPlaces = 8

// Check refuses a name that has more than one spelling.
func (p Place) Check() error {
	switch p.From {
	case FromField, FromQuery, FromCookie:
		if !validKey(p.Name) || p.From == FromCookie && !isToken(p.Name) {
			return fmt.Errorf("%s %q is empty, too long or holds characters that have more than one spelling", p.From, p.Name)
		}
	case FromHeader:
		if !isToken(p.Name) || strings.Contains(p.Name, "_") {
			return fmt.Errorf("header %q is not the name of a header", p.Name)
		}
		if slices.ContainsFunc(reservedHeaders, func(h string) bool { return strings.EqualFold(h, p.Name) }) {
			return fmt.Errorf("header %q has another meaning to a server or proxy", p.Name)
		}
	case FromBearer:
		if p.Name != "" {
			return fmt.Errorf("bearer %q: the token has no name", p.Name)
		}
	case FromPath:
		if n, err := strconv.Atoi(p.Name); err != nil || n < 1 || n > maxSegments || strconv.Itoa(n) != p.Name {
			return fmt.Errorf("path %q is not the number of a segment from 1 to %d", p.Name, maxSegments)
		}
	case FromCookieRegexp:
		if _, err := regexp.Compile(p.Name); err != nil || p.Name == "" {
			return fmt.Errorf("cookie_regexp %q is no regular expression", p.Name)
		}
	default:
		return fmt.Errorf("%q is no kind of place", p.From)
	}
	return nil
}

// reservedHeaders are read by readers of their own, or by every hop.
var reservedHeaders = []string{
	"Authorization", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Cookie", "Expect", "Host",
	"Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "Set-Cookie", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
}

// isToken reports a token of RFC 9110, section 5.6.2.
func isToken(s string) bool {
	return s != "" && len(s) <= maxKeyBytes && schemeLength(s) == len(s)
}

// checkPlaces refuses places of which some reader takes one for another.
func checkPlaces(places []Place, json bool) error {
	if len(places) > maxPlaces {
		return fmt.Errorf("more than %d places", maxPlaces)
	}
	for i, p := range places {
		if err := p.Check(); err != nil {
			return err
		}
		if json && p.From == FromField && slices.Contains(strings.Split(p.Name, "."), "") {
			return fmt.Errorf("field %q has an empty step", p.Name)
		}
		for _, q := range places[:i] {
			if p.From == q.From && p.collides(q, json) {
				return fmt.Errorf("%s %q and %s %q are one to some readers", q.From, q.Name, p.From, p.Name)
			}
		}
	}
	return nil
}

func (p Place) collides(q Place, json bool) bool {
	switch p.From {
	case FromHeader:
		return strings.EqualFold(p.Name, q.Name)
	case FromPath, FromCookieRegexp, FromBearer:
		return p.Name == q.Name
	}
	return newFieldPath(p.Name).collides(newFieldPath(q.Name)) ||
		json && p.From == FromField && newJSONPath(p.Name).collides(newJSONPath(q.Name))
}

// reading collects what the places of a rule hold.
type reading struct {
	values  [maxPlaces]string
	present [maxPlaces]bool
	edits   []edit // of a JSON body, in its order
}

// set notes the value of a place. It reports false when there was one before.
func (v *reading) set(place int, text string) bool {
	if v.present[place] {
		return false
	}
	v.values[place], v.present[place] = text, true
	return true
}

// only returns what the one place from first to last holds, or nothing. Two
// that hold something are two readings, whatever stands in them.
func (v *reading) only(first, last int) (text string, err *Refusal) {
	found := false
	for i := first; i < last; i++ {
		if !v.present[i] {
			continue
		}
		if found {
			return "", Refuse(ReasonAmbiguous, "several places hold one credential")
		}
		text, found = v.values[i], true
	}
	return text, nil
}
