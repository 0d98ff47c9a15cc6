// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"net/http"
	"strings"
)

// readQuery reads credentials from the query, by the rules of a form. A rule
// that names none there refuses every query that some reader finds a credential
// in: those that merge query and body disagree about which one wins (D6).
func (l *LoginRule) readQuery(r *http.Request, v *reading) *Refusal {
	if !l.query {
		if l.keys.inTarget(r.RequestURI) || r.URL != nil && l.keys.inPairs(r.URL.RawQuery, false) {
			return Refuse(ReasonQueryCredentials, "the query names a credential field")
		}
		if _, query, found := strings.Cut(r.RequestURI, "?"); found {
			for pair := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
				if key, _, _ := strings.Cut(pair, "="); pollutes(decodeLenient(key)) {
					return Refuse(ReasonAmbiguous, "the query reaches for a prototype")
				}
			}
		}
		return nil
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	if r.URL == nil || r.URL.RawQuery != query {
		return Refuse(ReasonAmbiguous, "the query differs from that of the target")
	}
	if l.keys.inTarget(path) {
		return Refuse(ReasonQueryCredentials, "the path names a credential field")
	}
	if strings.IndexByte(query, '#') >= 0 {
		return Refuse(ReasonMalformedQuery, "the query holds a fragment")
	}
	return l.readPairs(query, FromQuery, v)
}
