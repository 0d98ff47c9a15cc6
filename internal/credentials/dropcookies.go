// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// CookieFilter takes cookies out of requests. It is safe for concurrent use.
type CookieFilter struct {
	names keySet
	all   bool
}

// NewCookieFilter compiles the names; AnyValue stands for all cookies.
func NewCookieFilter(names []string) (*CookieFilter, error) {
	for _, name := range names {
		if name != AnyValue && (!validKey(name) || !isToken(name)) {
			return nil, fmt.Errorf("compiling cookies: %q is empty, too long or holds characters that have more than one spelling", name)
		}
	}
	return &CookieFilter{names: newKeySet(names...), all: slices.Contains(names, AnyValue)}, nil
}

// Drop removes the cookies from a header, in every spelling that some reader
// takes for them.
func (f *CookieFilter) Drop(h http.Header) {
	for name := range h {
		if !isCanonicalHeader(name) && http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-")) == "Cookie" {
			delete(h, name)
		}
	}
	if f.all {
		delete(h, "Cookie")
		return
	}
	var kept []string
	for _, line := range h["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			pair = strings.Trim(pair, " \t")
			key, _, _ := strings.Cut(pair, "=")
			// Some readers take a comma for an end, too.
			if pair == "" || f.names.has(decodeLenient(strings.TrimSpace(key))) || strings.ContainsRune(pair, ',') && f.among(pair) {
				continue
			}
			kept = append(kept, pair)
		}
	}
	if delete(h, "Cookie"); kept != nil {
		h["Cookie"] = []string{strings.Join(kept, "; ")}
	}
}

func (f *CookieFilter) among(pairs string) bool {
	for pair := range strings.SplitSeq(pairs, ",") {
		if key, _, _ := strings.Cut(pair, "="); f.names.has(decodeLenient(strings.TrimSpace(key))) {
			return true
		}
	}
	return false
}
