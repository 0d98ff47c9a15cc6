// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// hasQuery reports whether the parameters of the query match.
func (d *door) hasQuery(r *http.Request) (bool, *credentials.Refusal) {
	if d.params == nil {
		return true, nil
	}
	values, refusal := d.params.Read(r)
	if refusal != nil {
		return false, refusal
	}
	for i, q := range d.query {
		if !slices.Contains(q.Values, values[i]) && (values[i] == "" || !slices.Contains(q.Values, credentials.AnyValue)) {
			return false, nil
		}
	}
	return true, nil
}

// checkQuery refuses a body that has a parameter of the query as well, with
// another value: PHP and others merge the two, and the body may win.
func (d *door) checkQuery(r *http.Request, body map[string]string) *credentials.Refusal {
	if d.params == nil {
		return nil
	}
	values, refusal := d.params.Read(r)
	if refusal != nil {
		return refusal
	}
	for i, q := range d.query {
		if inBody := body[q.Name]; inBody != "" && values[i] != "" && inBody != values[i] {
			return credentials.Refuse(credentials.ReasonAmbiguous, "query and body say different things of what the request is")
		}
	}
	return nil
}

// forgetQuery removes what was read of a body only because it must not differ from
// the query: a rule that names a parameter names no field.
func (d *door) forgetQuery(body map[string]string) {
	for _, q := range d.query {
		if !slices.Contains(d.has, q.Name) && !slices.ContainsFunc(d.fields, func(f *FieldPattern) bool { return f.Name == q.Name }) {
			delete(body, q.Name)
		}
	}
}

// mayHaveQuery reports whether some reader finds the parameters, in what the
// login service gets or in what the client sent before a rewrite of the site.
func (d *door) mayHaveQuery(r *http.Request) bool {
	if d.params == nil {
		return true
	}
	sent, rewritten := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
	for i, q := range d.query {
		if !d.params.Mentions(r, i, q.Values) && !(rewritten && d.params.Mentions(&sent, i, q.Values)) {
			return false
		}
	}
	return true
}

// tellsByBody reports whether fields of the body tell the door from others.
func (d *door) tellsByBody() bool { return len(d.fields) > 0 || len(d.has) > 0 }
