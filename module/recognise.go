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
	guards  targets // of all steps that read bodies, and of guard
	extra   targets // of guard alone
	steps   []*step // in written order
	basic   []*step
	passes  []*door
	denies  []*door
	keys    []credentials.Place // carriers of all steps
	maxBody int64
	// multipart and gzip: some step reads them.
	multipart, gzip bool
	// shared: some key stands in the request that names the user, so one key may
	// come to stand for another user while attempts under it are in flight.
	shared bool
	// scopedBasic: some step reads Authorization on guarded paths only.
	scopedBasic bool
}

func newRecogniser(h *Handler) (rec recogniser, err error) {
	if len(h.Steps) == 0 {
		return rec, errors.New("checking steps: there is none, so nothing would be limited; add a step")
	}
	rec.maxBody = h.MaxBody
	var patterns, expressions []string
	for i, written := range h.Steps {
		if written == nil {
			return rec, fmt.Errorf("compiling step %d: it is empty", i+1)
		}
		s, err := written.compile(h.MaxBody)
		if err != nil {
			return rec, fmt.Errorf("compiling step %d: %w", i+1, err)
		}
		if s.org, err = written.organizationIn(h.Organization); err != nil {
			return rec, fmt.Errorf("compiling step %d: %w", i+1, err)
		}
		rec.steps = append(rec.steps, s)
		patterns = append(patterns, written.Match.Path...)
		expressions = append(expressions, written.Match.PathRegexp...)
		rec.keys = append(rec.keys, s.keys...)
		rec.gzip = rec.gzip || written.Decode != ""
		rec.multipart = rec.multipart || slices.Contains(written.Accept, "multipart")
		if s.basic() {
			rec.basic = append(rec.basic, s)
			rec.scopedBasic = rec.scopedBasic || !s.anywhere()
		}
	}
	if err := rec.checkBound(); err != nil {
		return rec, err
	}
	if rec.passes, err = compileRules("pass", h.Pass); err != nil {
		return rec, err
	}
	if rec.denies, err = compileRules("deny", h.Deny); err != nil {
		return rec, err
	}
	if rec.extra, err = newTargets(h.Guard, h.GuardRegexp); err != nil {
		return rec, fmt.Errorf("checking guard: %w", err)
	}
	rec.guards, err = newTargets(append(patterns, h.Guard...), append(expressions, h.GuardRegexp...))
	return rec, err
}

// checkBound refuses a step that no key can lead to, and notes whether a browser
// may bring its own keys.
func (rec *recogniser) checkBound() error {
	binds := false
	for _, s := range rec.steps {
		rec.shared = rec.shared || len(s.requestKeys) > 0
		for _, k := range s.answerKeys {
			binds = binds || k.ttl > 0
		}
	}
	for i, s := range rec.steps {
		if s.bound && !binds && !rec.shared {
			return fmt.Errorf("compiling step %d: checking user: no step binds a key to a user, so every attempt would be refused: add bind to the step before", i+1)
		}
	}
	return nil
}

func compileRules(name string, rules []*Match) ([]*door, error) {
	var doors []*door
	for i, m := range rules {
		d, err := m.compileRule()
		if err == nil && d.noSecret && name != "pass" {
			err = errors.New("no_secret is for pass rules, remove it")
		}
		if err == nil && name != "deny" && !d.except.anywhere() {
			err = errors.New("checking match except: it is for deny alone, remove it")
		}
		if err != nil {
			return nil, fmt.Errorf("compiling %s %d: %w", name, i+1, err)
		}
		doors = append(doors, d)
	}
	return doors, nil
}

// recognise returns the step of an attempt, nil for a request that is none, or
// a refusal with the step that it comes nearest to. Most requests are none, so
// nothing is allocated on the way there.
func (rec *recogniser) recognise(r *http.Request) (*step, error) {
	if len(rec.denies) > 0 {
		if err := rec.denied(r); err != nil {
			return rec.steps[0], err
		}
	}
	var found *step
	var guarded error
	if !rec.guards.anywhere() {
		switch target, at := rec.guards.locate(r); at {
		case on:
			if found, guarded = rec.guarded(r, target); guarded != nil && !errors.Is(guarded, errNoStep) {
				return found, guarded
			}
		case near:
			// The login service may take this spelling for the guarded path.
			if credentials.CouldCarryCredentials(r, rec.keys, rec.scopedBasic) && !rec.spelledOut(r, target) {
				return rec.steps[0], credentials.Refuse(credentials.ReasonTarget, "the target is another spelling of a guarded path")
			}
		}
	}
	if len(rec.basic) > 0 && len(r.Header["Authorization"]) > 0 {
		basic, refusal := rec.authorized(r)
		switch {
		case refusal != nil:
			return basic, refusal
		case basic != nil && guarded == nil && found != nil:
			return found, credentials.Refuse(credentials.ReasonAmbiguous, "body and Authorization header both carry credentials")
		case basic != nil:
			return basic, nil
		}
	}
	return found, guarded
}

// authorized returns the step of a request with HTTP Basic credentials.
func (rec *recogniser) authorized(r *http.Request) (*step, *credentials.Refusal) {
	for _, s := range rec.basic {
		if !s.anywhere() {
			_, at := s.locate(r)
			if at == near {
				return s, credentials.Refuse(credentials.ReasonTarget, "the target is another spelling of a guarded path")
			}
			if at == elsewhere {
				continue
			}
		}
		if !s.hasHeaders(r) {
			continue
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
	for _, s := range rec.steps {
		if s.on(target) {
			allowed = append(allowed, s.methods...)
		}
	}
	slices.Sort(allowed)
	return slices.Compact(allowed)
}
