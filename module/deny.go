// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"net/http"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// overrides are the headers by which some frameworks take one method for
// another.
var overrides = [...]string{"X-Http-Method-Override", "X-Method-Override", "X-Http-Method"}

// denied refuses a request that a deny rule names. What only may be one, such
// as another spelling of its path or a body that cannot be read, is refused as
// well: there is nothing behind a deny rule that anybody should reach.
func (rec *recogniser) denied(r *http.Request) error {
	for _, d := range rec.denies {
		if !d.anywhere() {
			if _, at := d.locate(r); at == elsewhere && !d.inHeaders(r.Header) {
				continue
			}
		}
		if !d.takes(r.Method) && !overridden(r) || !d.hasHeaders(r) {
			continue
		}
		if d.reader != nil {
			if r.ContentLength == 0 {
				continue // has no fields
			}
			// Uploads are multipart, too: without a path they are left alone.
			body, err := rec.readBody(r, rec.multipart && !d.anywhere())
			if refusal, refused := errors.AsType[*credentials.Refusal](err); refused && d.anywhere() && refusal.Reason == credentials.ReasonContentType {
				continue // a rule without a path leaves other types alone
			}
			if err != nil {
				return err
			}
			values, refusal := d.reader.Read(body)
			if refusal != nil {
				return refusal
			}
			if !d.hasFields(values) {
				continue
			}
		}
		return credentials.Refuse(credentials.ReasonDenied, "a deny rule names the request")
	}
	return nil
}

func overridden(r *http.Request) bool {
	for _, name := range overrides {
		if len(r.Header[name]) > 0 {
			return true
		}
	}
	return false
}
