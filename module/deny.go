// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

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
		if d.excepts(r) {
			continue
		}
		if !d.takes(r.Method) && !overridden(r) || !d.hasHeaders(r) && !d.mayHaveHeaders(r) {
			continue
		}
		if !d.mayHaveQuery(r) {
			continue
		}
		if d.tellsByBody() && !d.inQuery(r) {
			if !credentials.HasBody(r) {
				continue // has no fields
			}
			// Uploads are multipart, too: without a path they are left alone.
			body, err := rec.readBody(r, rec.multipart && !d.anywhere(), false)
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
			if !d.mayHaveFields(values) {
				continue
			}
		}
		return credentials.Refuse(credentials.ReasonDenied, "a deny rule names the request")
	}
	return nil
}

// excepts reports whether the rule leaves the path of a request alone. What has
// another reading it does not.
func (d *door) excepts(r *http.Request) bool {
	if d.except.anywhere() || d.except.match(r.RequestURI) != on || credentials.LeadsElsewhere(r.RequestURI) {
		return false
	}
	sent, rewritten := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
	return !credentials.NamesTarget(r) && (!rewritten || d.except.match(sent.RequestURI) == on)
}

func overridden(r *http.Request) bool {
	for _, name := range overrides {
		if len(r.Header[name]) > 0 {
			return true
		}
	}
	return strings.Contains(strings.ToLower(r.URL.RawQuery), "_method")
}

// mayHaveHeaders compares headers without regard to case, in all spellings of
// their names: protocols in Upgrade, for one, have no case (RFC 9110, section
// 7.8).
func (d *door) mayHaveHeaders(r *http.Request) bool {
	for i := range d.headers {
		c := &d.headers[i]
		folded := wildcard{text: strings.ToLower(c.value.text), head: c.value.head, tail: c.value.tail}
		if !slices.ContainsFunc(sameHeader(r.Header, c.name), func(v string) bool { return folded.match(strings.ToLower(strings.TrimSpace(v))) }) {
			return false
		}
	}
	return true
}

// mayHaveFields compares values as lenient services do: without case and blanks
// around.
func (d *door) mayHaveFields(values map[string]string) bool {
	for _, f := range d.fields {
		if !slices.ContainsFunc(f.Values, func(v string) bool { return credentials.SameWord(v, values[f.Name]) }) {
			return false
		}
	}
	return d.hasAll(values)
}

// inQuery reports whether the query holds the fields of the rule, which many
// services take from there as well.
func (d *door) inQuery(r *http.Request) bool {
	return r.URL.RawQuery != "" && d.mayHaveFields(d.reader.InQuery(r.URL.RawQuery))
}
