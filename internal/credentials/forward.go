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
func (l *Login) Forward(user string) (string, *Refusal) {
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
func (l *Login) forwardForm(user string) (string, *Refusal) {
	out := rewriting{was: l.Body}
	for pair := range strings.SplitSeq(l.Body, "&") {
		if pair == "" {
			continue
		}
		if int64(out.size()) > l.rule.config.MaxBytes {
			break
		}
		if out.size() > 0 {
			out.writeByte('&')
		}
		rawKey, rawValue, hasValue := strings.Cut(pair, "=")
		key := decodeLenient(rawKey)
		writeFormText(&out, key)
		if !hasValue {
			continue
		}
		out.writeByte('=')
		if l.isUser(key) {
			writeFormText(&out, user)
		} else {
			writeFormText(&out, decodeLenient(rawValue))
		}
	}
	if int64(out.size()) > l.rule.config.MaxBytes {
		return "", Refuse(ReasonTooLarge, "the body is too large once it is encoded")
	}
	return out.text(), nil
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

func writeFormText(out *rewriting, s string) {
	const hex = "0123456789ABCDEF"
	plain := 0 // what was not written yet begins here
	for i := range len(s) {
		c := s[i]
		if isFormPlain(c) {
			continue
		}
		out.write(s[plain:i])
		plain = i + 1
		if c == ' ' {
			out.writeByte('+')
			continue
		}
		out.writeByte('%')
		out.writeByte(hex[c>>4])
		out.writeByte(hex[c&15])
	}
	out.write(s[plain:])
}

func isFormPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '*' || c == '-' || c == '.' || c == '_'
}

// forwardJSON writes the credentials, and the names that lead to them, without
// escapes that are not needed. Blanks around the object go.
func (l *Login) forwardJSON(user string) string {
	body := l.Body
	out := rewriting{was: body}
	at := strings.IndexByte(body, '{')
	for _, e := range l.read.edits {
		out.write(body[at:e.start])
		switch {
		case e.place == noPlace:
			writeJSONText(&out, e.text)
		case e.place < l.rule.users:
			writeJSONText(&out, user)
		default:
			writeJSONText(&out, l.read.values[e.place])
		}
		at = e.end
	}
	out.write(strings.TrimRight(body[at:], " \t\r\n"))
	return out.text()
}

// writeJSONText writes a string that holds no control characters.
func writeJSONText(out *rewriting, s string) {
	out.writeByte('"')
	plain := 0
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			out.write(s[plain:i])
			out.writeByte('\\')
			plain = i
		}
	}
	out.write(s[plain:])
	out.writeByte('"')
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
