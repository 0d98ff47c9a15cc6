// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"strings"
	"unicode/utf8"
)

// text reads a string. Surrogate escapes are refused even in pairs: readers
// differ in what they make of a lone one, and some of a pair (D7).
func (j *jsonReader) text() (string, *Refusal) {
	if !j.next('"') {
		return "", errJSON()
	}
	start := j.at
	var decoded []byte // nil until the first escape
	for j.at < len(j.data) {
		c := j.data[j.at]
		j.at++
		switch {
		case c == '"':
			if decoded == nil {
				return j.data[start : j.at-1], nil
			}
			return string(decoded), nil
		case c < ' ':
			return "", errJSON()
		case c == '\\':
			if decoded == nil {
				decoded = append(make([]byte, 0, j.at-start+32), j.data[start:j.at-1]...)
			}
			r, err := j.escape()
			if err != nil {
				return "", err
			}
			decoded = utf8.AppendRune(decoded, r)
		case decoded != nil:
			decoded = append(decoded, c)
		}
	}
	return "", errJSON()
}

// escape reads what follows a backslash.
func (j *jsonReader) escape() (rune, *Refusal) {
	if j.at == len(j.data) {
		return 0, errJSON()
	}
	c := j.data[j.at]
	j.at++
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	if c != 'u' || len(j.data)-j.at < 4 {
		return 0, errJSON()
	}
	var r rune
	for range 4 {
		if !isHex(j.data[j.at]) {
			return 0, errJSON()
		}
		r = r<<4 | rune(unhex(j.data[j.at]))
		j.at++
	}
	if r == 0 || 0xd800 <= r && r <= 0xdfff {
		return 0, Refuse(ReasonMalformedBody, "the JSON body has a NUL or surrogate escape")
	}
	return r, nil
}

// number reads a number by the grammar of RFC 8259, section 6.
func (j *jsonReader) number() *Refusal {
	j.next('-')
	if !j.next('0') && !j.digits() {
		return errJSON()
	}
	if j.next('.') && !j.digits() {
		return errJSON()
	}
	if j.next('e') || j.next('E') {
		if !j.next('+') {
			j.next('-')
		}
		if !j.digits() {
			return errJSON()
		}
	}
	return nil
}

func (j *jsonReader) digits() bool {
	start := j.at
	for j.at < len(j.data) && '0' <= j.data[j.at] && j.data[j.at] <= '9' {
		j.at++
	}
	return j.at > start
}

func (j *jsonReader) literal(want string) *Refusal {
	if !strings.HasPrefix(j.data[j.at:], want) {
		return errJSON()
	}
	j.at += len(want)
	return nil
}

func (j *jsonReader) enter() *Refusal {
	if j.depth++; j.depth > maxJSONDepth {
		return Refuse(ReasonMalformedBody, "the JSON body is nested too deeply")
	}
	return nil
}

func (j *jsonReader) skipBlanks() {
	for j.at < len(j.data) && strings.IndexByte(" \t\r\n", j.data[j.at]) >= 0 {
		j.at++
	}
}

func (j *jsonReader) next(c byte) bool {
	if j.at == len(j.data) || j.data[j.at] != c {
		return false
	}
	j.at++
	return true
}

func errJSON() *Refusal { return Refuse(ReasonMalformedBody, "the body is not strict JSON") }
