// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// login is who wants to log in, and with what.
type login struct {
	subject counter.Subject
	factor  counter.Factor
	key     string   // leads to the subject, in a bound step
	second  bool     // there is a code beside the password
	code    string   // beside HTTP Basic
	keys    []string // will lead to the subject; in the order of step.requestKeys
	secret  string
	read    bool   // the body was read
	body    string // what goes on of it
	decoded bool   // it came encoded
	retyped bool   // it is JSON, whatever its header says
}

// identify reads the login out of the request.
func (h *Handler) identify(r *http.Request, s *step) (login, error) {
	var l login
	var read *credentials.Login
	var user string
	if s.basic() {
		l.factor = s.factor
		var refusal *credentials.Refusal
		if user, l.secret, _, refusal = credentials.ReadBasic(r); refusal != nil {
			return l, refusal
		}
		if l.code, refusal = s.beside.Read(r); refusal != nil {
			return l, refusal
		}
		l.second = l.code != ""
	} else {
		var err error
		target, _ := s.locate(r)
		read, err = s.body.Read(r, target)
		if _, refused := errors.AsType[*credentials.Refusal](err); err != nil && !refused {
			return l, fmt.Errorf("%w: %w", errBody, err)
		} else if err != nil {
			return l, err
		}
		// They may be parts of the body, which would be kept with them.
		user, l.secret = strings.Clone(read.User), strings.Clone(read.Secret)
		var refusal *credentials.Refusal
		if l.factor, refusal = s.factorOf(read.Factor); refusal != nil {
			return l, refusal
		}
	}
	name := ""
	var refusal *credentials.Refusal
	if s.claim != nil {
		if user, refusal = claimOf(user, s.claim); refusal != nil {
			return l, refusal
		}
	}
	if s.cut != nil {
		if user, refusal = cut(user, s.cut); refusal != nil {
			return l, refusal
		}
	}
	if s.bound {
		l.key = user
	} else {
		organization, names := h.peopleOf(s)
		if refusal := s.names.Check(user, names); refusal != nil {
			return l, refusal
		}
		if name, refusal = names.Canonical(user); refusal != nil {
			return l, refusal
		}
		l.subject = counter.Subject{Organization: organization, User: name}
	}
	if read != nil {
		l.keys, l.second = read.Keys, read.Second != ""
	}
	if read != nil && read.Media != "" {
		if s.normalized {
			user = name
		}
		if s.claim != nil {
			user = read.User
		}
		if l.body, refusal = read.Forward(user); refusal != nil {
			return l, refusal
		}
		l.read, l.decoded, l.retyped = true, len(r.Header["Content-Encoding"]) > 0, s.anyJSON()
	}
	return l, nil
}
