// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
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
