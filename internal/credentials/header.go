// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"io"
	"net/http"
	"net/textproto"
	"strings"
)

// singleHeaders take part in reading a login, in any of its steps. Each may
// occur once: of two values one server takes the first, another the last, a
// third joins them (D3). The override headers turn one method into another;
// Cookie leads a one-time password back to its session.
var singleHeaders = map[string]bool{
	"Authorization":             true,
	"Content-Disposition":       true,
	"Content-Encoding":          true,
	"Content-Length":            true,
	"Content-Range":             true,
	"Content-Transfer-Encoding": true,
	"Content-Type":              true,
	"Cookie":                    true,
	"Expect":                    true,
	"Host":                      true,
	"Proxy-Authorization":       true,
	"Transfer-Encoding":         true,
	"X-Http-Method":             true,
	"X-Http-Method-Override":    true,
	"X-Method-Override":         true,
}

// CheckHeaders applies D3 to a guarded request. Connection may name only close
// and keep-alive, and upgrade where allowed: any other name makes the next hop
// remove a header that was read here (RFC 9110, section 7.6.1). It returns nil
// or a refusal.
func CheckHeaders(r *http.Request, allowUpgrade bool) *Refusal {
	for _, line := range r.Header["Connection"] {
		for token := range strings.SplitSeq(line, ",") {
			token = strings.Trim(token, " \t")
			switch {
			case token == "", strings.EqualFold(token, "close"), strings.EqualFold(token, "keep-alive"):
			case allowUpgrade && strings.EqualFold(token, "upgrade"):
			default:
				return Refuse(ReasonConnection, "the Connection header names another header")
			}
		}
	}
	if len(r.Header["Upgrade"]) > 0 && !allowUpgrade {
		return Refuse(ReasonConnection, "an upgrade is not possible here")
	}
	for name, values := range r.Header {
		canonical := name
		if !isCanonicalHeader(name) {
			// CGI, WSGI and PHP read X_Y and X-Y as one variable.
			canonical = textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))
		}
		if !singleHeaders[canonical] {
			continue
		}
		if canonical != name {
			return Refuse(ReasonDuplicateHeader, "a credential-relevant header is spelled in another way")
		}
		if len(values) > 1 {
			return Refuse(ReasonDuplicateHeader, "a credential-relevant header occurs more than once")
		}
	}
	for name := range r.Trailer {
		// A server may merge trailers into its headers (RFC 9110, section 6.5.1).
		if singleHeaders[textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))] {
			return Refuse(ReasonDuplicateHeader, "a credential-relevant header is announced as a trailer")
		}
	}
	return nil
}

// isCanonicalHeader reports whether a header name is in the form that net/http
// stores, as nearly all are.
func isCanonicalHeader(name string) bool {
	upper := true
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '_', upper && 'a' <= c && c <= 'z', !upper && 'A' <= c && c <= 'Z':
			return false
		}
		upper = c == '-'
	}
	return true
}

// CouldCarryCredentials reports whether a request may carry a login, in which
// case it must not pass uncounted (D1, D2): its method is not GET, HEAD or
// OPTIONS, it has a body, its target holds one of the credential keys, or it
// has an Authorization header that a rule reads.
//
// HTTP/3 does not tell whether a body follows. There the first byte is awaited
// and put back, so that a plain GET is seen as what it is.
func CouldCarryCredentials(r *http.Request, keys []string, readsAuthorization bool) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
	default:
		return true
	}
	if readsAuthorization && len(r.Header["Authorization"]) > 0 {
		return true
	}
	if len(keys) > 0 {
		k := newKeySet(keys...)
		if k.inTarget(r.RequestURI) || (r.URL != nil && k.inPairs(r.URL.RawQuery, false)) {
			return true
		}
	}
	if r.ContentLength > 0 || len(r.TransferEncoding) > 0 {
		return true
	}
	if r.ContentLength == 0 {
		return false
	}
	return r.ProtoMajor < 3 || bodyFollows(r)
}

// bodyFollows awaits the first byte of the body and puts it back. A body that
// cannot be read counts as one.
func bodyFollows(r *http.Request) bool {
	if r.Body == nil || r.Body == http.NoBody {
		return false
	}
	var first [1]byte
	_, err := io.ReadFull(r.Body, first[:])
	if err != nil {
		return err != io.EOF
	}
	r.Body = &peekedBody{Reader: io.MultiReader(strings.NewReader(string(first[:])), r.Body), Closer: r.Body}
	return true
}

// peekedBody is a body whose first byte was read and put back.
type peekedBody struct {
	io.Reader
	io.Closer
}
