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

func (s *Step) compileBody(out *step, maxBody int64) (err error) {
	if out.anywhere() {
		return errors.New("checking match: a step that reads bodies needs a path, add match path")
	}
	config := credentials.LoginConfig{MaxBytes: maxBody, Gzip: s.Decode == "gzip", NamesOnly: !out.takesSecret()}
	if err := s.compileBound(out); err != nil {
		return err
	}
	out.requestKeys = append(out.requestKeys, s.kept()...)
	for _, k := range out.requestKeys {
		config.Keys = append(config.Keys, k.place)
	}
	for _, name := range s.rotated() {
		out.answerKeys = append(out.answerKeys, answerKey{from: fromSetCookie, name: name})
	}
	if config.User, err = s.User.places(); err != nil {
		return fmt.Errorf("checking user: %w", err)
	}
	if s.Secret.Bound || s.Secret.Claim != "" {
		return errors.New("checking secret: a bound key and a claim lead to a user, remove them")
	}
	if config.Second, err = s.compileSecond(out); err != nil {
		return fmt.Errorf("checking same_request: %w", err)
	}
	switch {
	case s.Secret.From != fromUnread:
	case !s.User.Bound || s.Secret.Name != "" || len(s.Secret.Or) > 0:
		return errors.New("checking secret: unread has no name and no alternatives, and needs a user that is bound to a key")
	default:
		config.NamesOnly = true
	}
	if !config.NamesOnly {
		if config.Secret, err = s.Secret.places(); err != nil {
			return fmt.Errorf("checking secret: %w", err)
		}
	}
	if s.Factor != nil {
		config.Factor = []credentials.Place{{From: credentials.FromField, Name: s.Factor.Name}}
	}
	if err := s.readAccept(&config); err != nil {
		return err
	}
	if err := s.checkForward(&config); err != nil {
		return err
	}
	out.normalized = s.ForwardNormalized
	if err := s.compileMethods(out, config.Secret); err != nil {
		return err
	}
	if slices.ContainsFunc(config.Secret, func(p credentials.Place) bool { return p.From == credentials.FromPath }) {
		return errors.New("checking secret: a path is logged everywhere and holds no secret, write field, query, header or cookie")
	}
	out.secretPlaces, out.userNames = slices.Concat(config.Secret, config.Second), s.User.fields()
	out.keys = carriers(config.User, out.secretPlaces)
	if out.secretNames = s.Secret.fields(); len(out.secretNames) > 0 {
		if out.secrets, err = credentials.NewFields(out.secretNames); err != nil {
			return fmt.Errorf("checking secret: %w", err)
		}
	}
	out.body, err = credentials.NewLoginRule(config)
	return err
}

// acceptAnyJSON takes every body for JSON.
const acceptAnyJSON = "any_json"

// readAccept sets the types of bodies that are read.
func (s *Step) readAccept(config *credentials.LoginConfig) error {
	readsBody := slices.ContainsFunc(slices.Concat(config.User, config.Secret, config.Factor, config.Second, config.Keys), isField)
	for _, a := range s.Accept {
		switch a {
		case "form":
			config.Form = true
		case "json":
			config.JSON = true
		case "multipart":
			config.Multipart = true
		case acceptAnyJSON:
			config.AnyJSON = true
		default:
			return fmt.Errorf("checking accept: %q is not supported, write form, json, multipart or any_json", a)
		}
	}
	switch {
	case len(s.Accept) == 0 && readsBody:
		config.Form, config.JSON = true, true
	case len(s.Accept) > 0 && !readsBody:
		return errors.New("checking accept: neither user nor secret is a field of the body, remove it")
	case config.AnyJSON && len(s.Accept) > 1:
		return errors.New("checking accept: any_json takes every body for JSON, remove the other types")
	case s.Decode != "" && s.Decode != "gzip":
		return fmt.Errorf("checking decode: %q is not supported, write gzip", s.Decode)
	case s.Decode != "" && !readsBody:
		return errors.New("checking decode: neither user nor secret is a field of the body, remove it")
	}
	return nil
}

// checkForward decides what goes on.
func (s *Step) checkForward(config *credentials.LoginConfig) error {
	config.Verbatim = s.CanonicalForward != nil && !*s.CanonicalForward
	if config.Verbatim && config.AnyJSON {
		return errors.New("checking canonical_forward: any_json names the body JSON for the login service, remove one of them")
	}
	elsewhere := slices.ContainsFunc(config.User, func(p credentials.Place) bool { return !isField(p) })
	if s.ForwardNormalized && (config.Verbatim || config.Multipart || elsewhere) {
		return errors.New("checking forward_normalized: it needs canonical_forward, a user name that is a field, and bodies that are form or JSON")
	}
	return nil
}

// compileMethods sets the methods of attempts. Only a secret outside the body
// can come with a method that carries none.
func (s *Step) compileMethods(out *step, secret []credentials.Place) error {
	inBody := !slices.ContainsFunc(secret, func(p credentials.Place) bool { return !isField(p) })
	if out.methods == nil {
		out.methods = []string{http.MethodPost}
		if !inBody {
			out.methods = []string{http.MethodGet, http.MethodPost}
		}
	}
	for _, m := range out.methods {
		// A browser, a cache or a crawler repeats these by itself.
		if inBody && (m == http.MethodGet || m == http.MethodHead || m == http.MethodOptions) {
			return fmt.Errorf("checking match method: %s carries no credentials in its body, remove it", m)
		}
	}
	return nil
}
