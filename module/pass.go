// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"net/http"
	"strings"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// passed reports whether a pass rule names the request. A rule that looks into
// the body does not pass a secret that it does not name.
func (rec *recogniser) passed(r *http.Request, target string) (bool, error) {
	for _, d := range rec.passes {
		if !d.anywhere() && !d.on(target) || !d.takes(r.Method) || !d.hasHeaders(r) {
			continue
		}
		if refusal := d.checkHeaders(r); refusal != nil {
			return false, refusal
		}
		if d.methods != nil && overridden(r) {
			continue // some frameworks take it for another method
		}
		if d.reader == nil && !d.noSecret {
			return true, nil
		}
		if asked, refusal := d.hasQuery(r); refusal != nil {
			return false, refusal
		} else if !asked {
			continue
		}
		if !credentials.HasBody(r) {
			if d.tellsByBody() {
				continue // has no fields
			}
			return true, rec.holdsSecretOutside(r, target, nil)
		}
		if refusal := credentials.CheckHeaders(r, false); refusal != nil {
			return false, refusal
		}
		body, err := rec.readBody(r, rec.multipart, false)
		if err != nil {
			return false, err
		}
		values := map[string]string{}
		if d.reader != nil {
			var refusal *credentials.Refusal
			if values, refusal = d.reader.Read(body); refusal != nil {
				return false, refusal
			}
		}
		if refusal := d.checkQuery(r, values); refusal != nil {
			return false, refusal
		}
		if !d.hasFields(values) {
			continue
		}
		d.forgetQuery(values)
		if err := rec.holdsSecret(r, target, body, values); err != nil {
			return false, err
		}
		return true, nil
	}
	return false, nil
}

// holdsSecret refuses a request that a pass rule would let through by its body
// and that holds the secret of a step, there or elsewhere, unless the rule has
// named it.
func (rec *recogniser) holdsSecret(r *http.Request, target string, body *credentials.Body, named map[string]string) error {
	if err := rec.holdsSecretOutside(r, target, named); err != nil {
		return err
	}
	for _, s := range rec.steps {
		if s.secrets == nil || !s.on(target) && !rec.extra.on(target) {
			continue
		}
		values, refusal := s.secrets.Read(body)
		if refusal != nil {
			return refusal
		}
		for secret, value := range values {
			if _, known := named[secret]; !known && value != "" {
				return credentials.Refuse(credentials.ReasonGuarded, "the request would pass but for a secret that it holds")
			}
		}
	}
	return nil
}

// holdsSecretOutside is holdsSecret for what stands outside the body.
func (rec *recogniser) holdsSecretOutside(r *http.Request, target string, named map[string]string) error {
	for _, s := range rec.steps {
		if s.basic() || !s.on(target) && !rec.extra.on(target) {
			continue
		}
		for i, place := range s.secretPlaces {
			if _, known := named[place.Name]; (!known || !isField(place)) && credentials.CarriesOutsideBody(r, s.secretPlaces[i:i+1]) {
				return credentials.Refuse(credentials.ReasonGuarded, "the request would pass but for a secret that it holds")
			}
		}
	}
	return nil
}

// spelledOut reports whether a pass rule names a target that is another
// spelling of a guarded path to some servers, up to its end: "/login.json" may
// well be a page of its own here.
func (rec *recogniser) spelledOut(r *http.Request, target string) bool {
	for _, d := range rec.passes {
		if d.reader != nil || d.noSecret || !d.takes(r.Method) || !d.hasHeaders(r) {
			continue
		}
		for i, pattern := range d.patterns {
			if !strings.HasSuffix(pattern, "*") && d.paths.Exact(target, i) {
				return true
			}
		}
	}
	return false
}
