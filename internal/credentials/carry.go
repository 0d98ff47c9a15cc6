// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"io"
	"net/http"
	"strings"
)

// CouldCarryCredentials reports whether a request may carry a login, in which
// case it must not pass uncounted (D1, D2): its method is not GET, HEAD or
// OPTIONS, it has a body, one of the places outside it holds something, or it
// has an Authorization header that a rule reads. Fields count as places of the
// query too, because many services look for them there.
//
// HTTP/3 does not tell whether a body follows. There the first byte is awaited
// and put back, so that a plain GET is seen as what it is.
func CouldCarryCredentials(r *http.Request, places []Place, readsAuthorization bool) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
	default:
		return true
	}
	if readsAuthorization && len(r.Header["Authorization"]) > 0 {
		return true
	}
	if outsideBody(r, places) {
		return true
	}
	if r.ContentLength > 0 || len(r.TransferEncoding) > 0 {
		return true
	}
	if r.ContentLength == 0 {
		return false
	}
	return r.ProtoMajor < 3 || bodyFollows(r)
}

// outsideBody reports whether one of the places holds something that stands
// outside the body. A segment of the path is never a secret.
func outsideBody(r *http.Request, places []Place) bool {
	keys := make(keySet, 0, len(places))
	for _, p := range places {
		switch p.From {
		case FromField, FromQuery:
			keys = append(keys, newFieldPath(p.Name))
		case FromHeader:
			// One that is spelled in another way or doubled is refused later.
			if _, present, err := readHeader(r, p.Name); present || err != nil {
				return true
			}
		case FromCookie:
			if _, present, err := ReadCookie(r, p.Name); present || err != nil {
				return true
			}
		}
	}
	if len(keys) == 0 {
		return false
	}
	for _, name := range targetHeaders {
		for _, target := range r.Header[name] {
			if keys.inTarget(target) {
				return true
			}
		}
	}
	return keys.inTarget(r.RequestURI) || r.URL != nil && keys.inPairs(r.URL.RawQuery, false)
}

// targetHeaders are taken for the target by some frameworks, query and all.
var targetHeaders = [...]string{"X-Original-Url", "X-Rewrite-Url"}

// NamesTarget reports whether a header names another target.
func NamesTarget(r *http.Request) bool {
	for _, name := range targetHeaders {
		if len(r.Header[name]) > 0 {
			return true
		}
	}
	return false
}

// CarriesOutsideBody reports whether one of the places holds something outside
// the body. A field counts there as a parameter of the query.
func CarriesOutsideBody(r *http.Request, places []Place) bool { return outsideBody(r, places) }

// HasBody reports whether a body comes with the request.
func HasBody(r *http.Request) bool {
	return r.ContentLength > 0 || r.ContentLength < 0 && bodyFollows(r)
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
