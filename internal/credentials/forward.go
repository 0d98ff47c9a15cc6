// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"net/http"
	"net/textproto"
	"strings"
)

// edit is a part of a JSON body that is written anew: the value of a place, or
// the name of a member that leads to one.
type edit struct {
	start, end int
	place      int
	text       string // when place is noPlace
}

const noPlace = -1

// Forward returns the body that goes to the login service. A form or JSON body
// is encoded anew from what was read, with one spelling for everything that was
// read, so the service sees what was counted; the bytes of other JSON members
// stay. The user name in it is user: the one that was read, or its canonical
// form. A rule that is verbatim, and multipart, return the body as it was. What
// grows over the limit of the body is refused: raw letters become three bytes
// each in a form.
func (l *Login) Forward(user string) ([]byte, *Refusal) {
	switch {
	case l.rule.config.Verbatim:
		return l.Body, nil
	case l.Media == MediaForm:
		return l.forwardForm(user)
	case l.Media == MediaJSON:
		return l.forwardJSON(user), nil
	}
	return l.Body, nil
}

// forwardForm writes pairs as browsers do (WHATWG URL, section 5.2), so the
// form of a browser comes out as it went in. A key without = stays without one.
func (l *Login) forwardForm(user string) ([]byte, *Refusal) {
	out := make([]byte, 0, len(l.Body)+len(l.Body)/8+len(user))
	for pair := range strings.SplitSeq(string(l.Body), "&") {
		if pair == "" {
			continue
		}
		if int64(len(out)) > l.rule.config.MaxBytes {
			break
		}
		if len(out) > 0 {
			out = append(out, '&')
		}
		rawKey, rawValue, hasValue := strings.Cut(pair, "=")
		key := decodeLenient(rawKey)
		out = appendFormText(out, key)
		if !hasValue {
			continue
		}
		out = append(out, '=')
		if l.isUser(key) {
			out = appendFormText(out, user)
		} else {
			out = appendFormText(out, decodeLenient(rawValue))
		}
	}
	if int64(len(out)) > l.rule.config.MaxBytes {
		return nil, Refuse(ReasonTooLarge, "the body is too large once it is encoded")
	}
	return out, nil
}

// isUser reports whether a field is where the user name was read.
func (l *Login) isUser(field string) bool {
	for _, p := range l.rule.places[:l.rule.users] {
		if p.From == FromField && p.Name == field {
			return true
		}
	}
	return false
}

func appendFormText(out []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '*', c == '-', c == '.', c == '_':
			out = append(out, c)
		case c == ' ':
			out = append(out, '+')
		default:
			out = append(out, '%', hex[c>>4], hex[c&15])
		}
	}
	return out
}

// forwardJSON writes the credentials, and the names that lead to them, without
// escapes that are not needed. Blanks around the object go.
func (l *Login) forwardJSON(user string) []byte {
	body := l.Body
	out := make([]byte, 0, len(body)+2*len(user))
	at := strings.IndexByte(string(body), '{')
	for _, e := range l.read.edits {
		out = append(out, body[at:e.start]...)
		switch {
		case e.place == noPlace:
			out = appendJSONText(out, e.text)
		case e.place < l.rule.users:
			out = appendJSONText(out, user)
		default:
			out = appendJSONText(out, l.read.values[e.place])
		}
		at = e.end
	}
	return append(out, strings.TrimRight(string(body[at:]), " \t\r\n")...)
}

// appendJSONText writes a string that holds no control characters.
func appendJSONText(out []byte, s string) []byte {
	out = append(out, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			out = append(out, '\\')
		}
		out = append(out, s[i])
	}
	return append(out, '"')
}

// bodySignatures are headers that say something about the bytes of the body.
var bodySignatures = map[string]bool{
	"Content-Digest":  true,
	"Content-Md5":     true,
	"Digest":          true,
	"Repr-Digest":     true,
	"Signature":       true,
	"Signature-Input": true,
}

// checkUnsigned refuses a request whose body cannot be encoded anew without
// breaking a digest or signature that came with it.
func checkUnsigned(r *http.Request) *Refusal {
	for name := range r.Header {
		if bodySignatures[name] {
			return errSigned()
		}
	}
	for name := range r.Trailer {
		if bodySignatures[textproto.CanonicalMIMEHeaderKey(name)] {
			return errSigned()
		}
	}
	return nil
}

func errSigned() *Refusal {
	return Refuse(ReasonSignedBody, "the body comes with a digest or signature, which encoding it anew would break")
}
