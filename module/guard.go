// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// errNoStep marks the refusal of a request on a path that guard alone names: a
// step that reads HTTP Basic may still take it.
var errNoStep = errors.New("no step reads bodies here")

// noStep is a refusal that errNoStep marks.
type noStep struct{ *credentials.Refusal }

func (noStep) Is(target error) bool { return target == errNoStep }
func (n noStep) Unwrap() error      { return n.Refusal }

// guarded returns the step of a request on a guarded path. One that could carry
// credentials and belongs to no step is refused, unless a pass rule names it.
func (rec *recogniser) guarded(r *http.Request, target string) (*step, error) {
	nearest, method, here, apart := rec.steps[0], false, false, false
	for _, s := range rec.steps {
		if s.basic() || !s.on(target) {
			continue
		}
		if !here {
			nearest, here = s, true
		}
		if !s.takes(r.Method) || reads(r.Method) && !credentials.CouldCarryCredentials(r, s.keys, false) {
			continue
		}
		if !method {
			nearest, method = s, true
		}
		if refusal := s.checkHeaders(r); refusal != nil {
			return s, refusal
		}
		if !s.hasHeaders(r) {
			continue
		}
		if s.apart() || rec.shares(r, s, target) {
			apart = true
			break
		}
		if refusal := credentials.CheckHeaders(r, false); refusal != nil {
			return s, refusal
		}
		return s, nil
	}
	if apart {
		if s, err := rec.byFields(r, target); s != nil || err != nil {
			return s, err
		}
	}
	if !rec.carries(r, target, here) {
		return nil, nil
	}
	if ok, err := rec.passed(r, target); err != nil {
		return nearest, err
	} else if ok {
		return nil, nil
	}
	return nearest, rec.unnamed(r, nearest, here, method)
}

// shares reports whether other steps read bodies of this request, if not for a
// header that tells them apart.
func (rec *recogniser) shares(r *http.Request, one *step, target string) bool {
	for _, s := range rec.steps {
		if s != one && s.reader != nil && one.reader != nil && s.takes(r.Method) && s.on(target) {
			return true
		}
	}
	return false
}

// reads reports whether the method only reads.
func reads(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// carries reports whether a request that no step takes could carry credentials.
// Paths that only steps for HTTP Basic name are no doors for bodies.
func (rec *recogniser) carries(r *http.Request, target string, here bool) bool {
	if !here {
		return rec.extra.on(target) && credentials.CouldCarryCredentials(r, rec.keys, false)
	}
	for _, s := range rec.steps {
		if !s.basic() && s.on(target) && credentials.CouldCarryCredentials(r, s.keys, false) {
			return true
		}
	}
	return false
}

// unnamed is the refusal of a request that no step and no pass rule names.
func (rec *recogniser) unnamed(r *http.Request, nearest *step, here, method bool) error {
	switch {
	case here && reads(r.Method):
		return credentials.Refuse(credentials.ReasonQueryCredentials, "credentials belong in the body of "+nearest.methods[0])
	case here && !method:
		return credentials.Refuse(credentials.ReasonMethod, "the method is none of the step's")
	case here:
		return credentials.Refuse(credentials.ReasonGuarded, "the path is guarded, and no step takes this request")
	case reads(r.Method):
		return noStep{credentials.Refuse(credentials.ReasonQueryCredentials, "the path is guarded, and credentials do not belong in a query")}
	}
	return noStep{credentials.Refuse(credentials.ReasonGuarded, "the path is guarded, and no step takes this request")}
}

// byFields returns the first step whose fields the body has. The body is read
// once, and put back for the reader of the step.
func (rec *recogniser) byFields(r *http.Request, target string) (*step, error) {
	var candidates []*step
	for _, s := range rec.steps {
		if !s.basic() && s.on(target) && s.takes(r.Method) {
			candidates = append(candidates, s)
		}
	}
	if refusal := credentials.CheckHeaders(r, false); refusal != nil {
		return candidates[0], refusal
	}
	var body *credentials.Body // nil: there is none
	if credentials.HasBody(r) {
		anyJSON := !slices.ContainsFunc(candidates, func(s *step) bool { return !s.anyJSON() })
		var err error
		if body, err = rec.readBody(r, rec.multipart, anyJSON); err != nil {
			return candidates[0], err
		}
	}
	var found *step
	users, secrets := map[string]bool{}, map[string]bool{}
	for _, s := range candidates {
		if body != nil && !s.reads(body.Media) {
			continue
		}
		values := map[string]string{}
		if s.reader != nil && body != nil {
			var refusal *credentials.Refusal
			if values, refusal = s.reader.Read(body); refusal != nil {
				return s, refusal
			}
		}
		note(users, s.userNames, values)
		note(secrets, s.secretNames, values)
		if refusal := s.checkQuery(r, values); refusal != nil {
			return s, refusal
		}
		asked, refusal := s.hasQuery(r)
		if refusal != nil {
			return s, refusal
		}
		if found == nil && asked && s.hasHeaders(r) && s.hasFields(values) {
			found = s
		}
	}
	if found != nil && (len(users) > 1 || len(secrets) > 1) {
		return found, credentials.Refuse(credentials.ReasonAmbiguous, "the body holds the credentials of two steps")
	}
	return found, nil
}

// note adds the names of fields that hold something.
func note(found map[string]bool, names []string, values map[string]string) {
	for _, name := range names {
		if values[name] != "" {
			found[name] = true
		}
	}
}

// readBody reads a body that decides where a request belongs, and puts it back.
func (rec *recogniser) readBody(r *http.Request, multipart, anyJSON bool) (*credentials.Body, error) {
	body, err := credentials.ReadBody(r, credentials.LoginConfig{
		Form: true, JSON: true, Multipart: multipart, AnyJSON: anyJSON, Gzip: rec.gzip, MaxBytes: rec.maxBody})
	if _, refused := errors.AsType[*credentials.Refusal](err); err != nil && !refused {
		return nil, fmt.Errorf("%w: %w", errBody, err)
	}
	if err != nil {
		return nil, err
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{strings.NewReader(body.Sent), r.Body}
	return body, nil
}
