// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// recogniser finds out which step a request belongs to.
type recogniser struct {
	paths  *credentials.Paths // of all steps; nil when none names a path
	owners []*step            // by pattern of paths
	basic  []*step
	keys   []credentials.Place // carriers of all steps
	// scopedBasic: some step reads Authorization on guarded paths only.
	scopedBasic bool
}

func newRecogniser(steps []*Step, maxBody int64) (rec recogniser, err error) {
	if len(steps) == 0 {
		return rec, errors.New("checking steps: there is none, so nothing would be limited; add a step")
	}
	var patterns []string
	for i, written := range steps {
		if written == nil {
			return rec, fmt.Errorf("compiling step %d: it is empty", i+1)
		}
		s, err := written.compile(maxBody)
		if err != nil {
			return rec, fmt.Errorf("compiling step %d: %w", i+1, err)
		}
		for _, p := range written.Match.Path {
			patterns = append(patterns, p)
			rec.owners = append(rec.owners, s)
		}
		rec.keys = append(rec.keys, s.keys...)
		if s.basic() {
			rec.basic = append(rec.basic, s)
			rec.scopedBasic = rec.scopedBasic || s.paths != nil
		}
	}
	if len(patterns) > 0 {
		rec.paths, err = credentials.NewPaths(patterns)
	}
	return rec, err
}

// recognise returns the step of an attempt, nil for a request that is none, or
// a refusal with the step that it comes nearest to. Most requests are none, so
// nothing is allocated on the way there.
func (rec *recogniser) recognise(r *http.Request) (*step, error) {
	var found *step
	if rec.paths != nil {
		switch target, m := matchTarget(rec.paths, r); {
		case m.Pattern >= 0:
			s, refusal := rec.guarded(r, target)
			if refusal != nil {
				return s, refusal
			}
			found = s
		case m.Folded:
			// The login service may take this spelling for the guarded path.
			if credentials.CouldCarryCredentials(r, rec.keys, rec.scopedBasic) {
				return rec.owners[0], credentials.Refuse(credentials.ReasonTarget, "the target is another spelling of a guarded path")
			}
		}
	}
	if len(rec.basic) == 0 || len(r.Header["Authorization"]) == 0 {
		return found, nil
	}
	basic, refusal := rec.authorized(r)
	if refusal != nil {
		return basic, refusal
	}
	if found != nil && basic != nil {
		return found, credentials.Refuse(credentials.ReasonAmbiguous, "body and Authorization header both carry credentials")
	}
	if found != nil {
		return found, nil
	}
	return basic, nil
}

// guarded returns the step of a request on a guarded path that reads bodies.
func (rec *recogniser) guarded(r *http.Request, target string) (*step, *credentials.Refusal) {
	var nearest *step
	for i, s := range rec.owners {
		if s.basic() || !rec.paths.Exact(target, i) {
			continue
		}
		if !s.takes(r.Method) || reads(r.Method) && !credentials.CouldCarryCredentials(r, s.keys, false) {
			nearest = s
			continue
		}
		if refusal := credentials.CheckHeaders(r, false); refusal != nil {
			return s, refusal
		}
		return s, nil
	}
	if nearest == nil || !credentials.CouldCarryCredentials(r, nearest.keys, false) {
		return nil, nil
	}
	if reads(r.Method) {
		return nearest, credentials.Refuse(credentials.ReasonQueryCredentials, "credentials belong in the body of "+nearest.methods[0])
	}
	return nearest, credentials.Refuse(credentials.ReasonMethod, "the method is none of the step's")
}

// reads reports whether the method only reads.
func reads(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// authorized returns the step of a request with HTTP Basic credentials.
func (rec *recogniser) authorized(r *http.Request) (*step, *credentials.Refusal) {
	for _, s := range rec.basic {
		if s.paths != nil {
			_, m := matchTarget(s.paths, r)
			if m.Folded {
				return s, credentials.Refuse(credentials.ReasonTarget, "the target is another spelling of a guarded path")
			}
			if m.Pattern < 0 {
				continue
			}
		}
		_, _, present, refusal := credentials.ReadBasic(r)
		switch {
		case refusal != nil:
			return s, refusal
		case !present:
			return nil, nil
		case !s.takes(r.Method):
			return s, credentials.Refuse(credentials.ReasonMethod, "the method is none of the step's")
		}
		if refusal := credentials.CheckHeaders(r, true); refusal != nil {
			return s, refusal
		}
		return s, nil
	}
	return nil, nil
}

// methods returns the methods that attempts on a target may have, for the
// Allow header of a 405 (RFC 9110, section 15.5.6).
func (rec *recogniser) methods(target string) []string {
	allowed := []string{http.MethodGet, http.MethodHead, http.MethodOptions}
	for i, s := range rec.owners {
		if rec.paths.Exact(target, i) {
			allowed = append(allowed, s.methods...)
		}
	}
	slices.Sort(allowed)
	return slices.Compact(allowed)
}
