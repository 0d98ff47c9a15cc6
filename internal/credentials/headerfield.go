// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"net/http"
	"net/textproto"
	"regexp"
	"strings"
)

// readHeader reads a credential that is the value of a header. It must be there
// once, in one spelling, and in printable ASCII: of other bytes some servers
// make Latin-1 and others UTF-8.
func readHeader(r *http.Request, name string) (text string, present bool, err *Refusal) {
	name = textproto.CanonicalMIMEHeaderKey(name)
	for sent, values := range r.Header {
		if sent != name && !isCanonicalHeader(sent) && textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(sent, "_", "-")) == name {
			return "", false, Refuse(ReasonDuplicateHeader, "the header of a credential is spelled in another way")
		}
		if sent == name && len(values) > 1 {
			return "", false, Refuse(ReasonDuplicateHeader, "the header of a credential occurs more than once")
		}
	}
	for sent := range r.Trailer {
		if textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(sent, "_", "-")) == name {
			return "", false, Refuse(ReasonDuplicateHeader, "the header of a credential is announced as a trailer")
		}
	}
	values := r.Header[name]
	if len(values) == 0 {
		return "", false, nil
	}
	text = strings.Trim(values[0], " ")
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= 0x7f {
			return "", false, Refuse(ReasonMalformedHeader, "the header of a credential is not printable ASCII")
		}
	}
	return text, true, nil
}

// readBearer reads the token of the Authorization header (RFC 6750, section
// 2.1). Some servers take what stands behind the first blank, others behind the
// last Bearer, so there is one token in it and nothing else.
func readBearer(r *http.Request) (token string, present bool, err *Refusal) {
	text, present, err := readHeader(r, "Authorization")
	if err != nil || !present {
		return "", false, err
	}
	scheme, token, _ := strings.Cut(text, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false, nil
	}
	for i := range len(token) {
		c := token[i]
		alnum := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !alnum && !strings.ContainsRune("-._~+/=", rune(c)) {
			return "", false, Refuse(ReasonMalformedHeader, "the Authorization header holds more than one token")
		}
	}
	return token, token != "", nil
}

// ReadCookie reads one cookie. PHP folds and decodes names of cookies, Node and
// PHP decode their values, Go and Python take off quotes: so names are compared
// as those of form fields are, the value is decoded, and what is not a plain
// cookie-octet of RFC 6265, section 4.1.1 is refused.
func ReadCookie(r *http.Request, name string) (text string, present bool, err *Refusal) {
	return readCookie(r, name, false)
}

// readCookie is ReadCookie, with the value decoded or as it stands.
func readCookie(r *http.Request, name string, asIs bool) (text string, present bool, err *Refusal) {
	lines := r.Header["Cookie"]
	if len(lines) == 0 {
		return "", false, nil
	}
	if len(lines) > 1 {
		return "", false, Refuse(ReasonDuplicateHeader, "there is more than one Cookie header")
	}
	wanted := newKeySet(name)
	for pair := range strings.SplitSeq(lines[0], ";") {
		key, value, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
		if key != name {
			if wanted.has(decodeLenient(key)) {
				return "", false, Refuse(ReasonAmbiguous, "there is a cookie that may be read as a credential")
			}
			continue
		}
		if present {
			return "", false, Refuse(ReasonAmbiguous, "there is a credential cookie twice")
		}
		present = true
		if text, err = cookieValue(value, asIs); err != nil {
			return "", false, err
		}
	}
	return text, present, nil
}

// readCookieMatching reads the one cookie whose name matches. A second, and one
// whose name does after what some readers make of it, is another reading.
func readCookieMatching(r *http.Request, name *regexp.Regexp) (text string, present bool, err *Refusal) {
	lines := r.Header["Cookie"]
	if len(lines) == 0 {
		return "", false, nil
	}
	if len(lines) > 1 {
		return "", false, Refuse(ReasonDuplicateHeader, "there is more than one Cookie header")
	}
	for pair := range strings.SplitSeq(lines[0], ";") {
		key, value, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
		switch folded := foldKey(key); {
		case !name.MatchString(key) && !name.MatchString(folded):
			continue
		case present, key != folded && !strings.EqualFold(key, folded):
			return "", false, Refuse(ReasonAmbiguous, "there is another cookie that may be read as a credential")
		}
		present = true
		if text, err = cookieValue(value, false); err != nil {
			return "", false, err
		}
	}
	return text, present, nil
}

// cookieValue decodes the escapes of a cookie, but no plus signs.
func cookieValue(value string, asIs bool) (string, *Refusal) {
	for i := range len(value) {
		if c := value[i]; c <= ' ' || c >= 0x7f || c == '"' || c == ',' || c == '\\' {
			return "", Refuse(ReasonMalformedHeader, "a credential cookie holds what no cookie may")
		}
	}
	if asIs {
		return value, nil
	}
	text, ok := decodeStrict(strings.ReplaceAll(value, "+", "%2B"))
	if !ok {
		return "", Refuse(ReasonMalformedHeader, "a credential cookie has broken escapes")
	}
	return text, nil
}
