// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"fmt"
	"net/http"
	"strings"
)

// Params reads named parameters of the query, by which requests to one path are
// told apart. It is safe for concurrent use.
type Params struct{ rule *LoginRule }

// AnyValue stands for every value that is not empty.
const AnyValue = "*"

// NewParams compiles the names.
func NewParams(names []string) (*Params, error) {
	rule := &LoginRule{query: true}
	for _, name := range names {
		rule.places = append(rule.places, Place{From: FromQuery, Name: name})
		rule.keys = append(rule.keys, newFieldPath(name))
	}
	if err := checkPlaces(rule.places, false); err != nil {
		return nil, fmt.Errorf("compiling parameters: %w", err)
	}
	return &Params{rule: rule}, nil
}

// Read returns the value of each parameter, in the order of the names; one that
// is missing is empty. It reads as strictly as a LoginRule: one that is there
// twice, or in a spelling that some reader takes for it, is refused, and so is a
// query that has more than one reading.
func (p *Params) Read(r *http.Request) ([]string, *Refusal) {
	if NamesTarget(r) {
		return nil, Refuse(ReasonDuplicateHeader, "a header names another target")
	}
	var v reading
	if refusal := p.rule.readQuery(r, &v); refusal != nil {
		return nil, refusal
	}
	return v.values[:len(p.rule.places)], nil
}

// Mentions reports whether some reader finds the parameter with the number i and
// a value that is one of the wanted to it, in a target or in the query of one.
func (p *Params) Mentions(r *http.Request, i int, wanted []string) bool {
	targets := []string{r.RequestURI}
	if r.URL != nil {
		targets = append(targets, "?"+r.URL.RawQuery)
	}
	for _, name := range targetHeaders {
		targets = append(targets, r.Header[name]...)
	}
	for _, target := range targets {
		if p.mentioned(target, i, wanted) {
			return true
		}
	}
	return false
}

func (p *Params) mentioned(target string, i int, wanted []string) bool {
	isSeparator := func(r rune) bool { return strings.ContainsRune("?&;#", r) }
	for range maxDecodings + 1 {
		rest := ""
		if i := strings.IndexAny(target, "?;#"); i >= 0 {
			rest = target[i+1:]
		}
		for pair := range strings.FieldsFuncSeq(rest, isSeparator) {
			key, value, _ := strings.Cut(pair, "=")
			if !p.rule.keys[i : i+1].has(decodeLenient(key)) {
				continue
			}
			for _, w := range wanted {
				if SameWord(w, decodeLenient(value)) || w == AnyValue && value != "" {
					return true
				}
			}
		}
		decoded := decodeLenient(target)
		if decoded == target {
			return false
		}
		target = decoded
	}
	return false
}
