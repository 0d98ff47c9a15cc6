// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const (
	maxCheckedPaths = 10_000
	maxCheckedPath  = 512 // bytes; a longer one is not worth remembering
)

// checkedPaths remembers where the login service has answered 401. HTTP Basic
// has no login page: a public file answers 200 to any password, and must not
// forgive the wrong ones. So only a success at a path that is known to check
// forgives; elsewhere it says nothing.
type checkedPaths struct {
	mu    sync.RWMutex
	paths map[string]struct{}
}

func newCheckedPaths() *checkedPaths { return &checkedPaths{paths: map[string]struct{}{}} }

// add notes that the target of a request checks credentials.
func (c *checkedPaths) add(target string) {
	path := pathOf(target)
	if len(path) > maxCheckedPath || c.has(target) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.paths) >= maxCheckedPaths {
		// Whoever made them up costs others the forgiveness of a success or two.
		clear(c.paths)
	}
	c.paths[strings.Clone(path)] = struct{}{}
}

func (c *checkedPaths) has(target string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, known := c.paths[pathOf(target)]
	return known
}

func pathOf(target string) string {
	path, _, _ := strings.Cut(target, "?")
	return path
}

// pass hands on a request that is no attempt. Where HTTP Basic is limited, the
// challenge that it meets tells that its path checks credentials.
func (h *Handler) pass(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if len(h.sites.basic) == 0 || len(r.Header["Authorization"]) > 0 {
		return next.ServeHTTP(w, r)
	}
	target := r.RequestURI
	err := next.ServeHTTP(w, r)
	if challenged(r, err) {
		h.checked.add(target)
	}
	return err
}

// challenged reports whether a request was answered with 401, by a handler that
// returned so or by the upstream. The writer is not wrapped for it: what is no
// attempt passes untouched.
func challenged(r *http.Request, err error) bool {
	if err != nil {
		he, ok := errors.AsType[caddyhttp.HandlerError](err)
		return ok && he.StatusCode == http.StatusUnauthorized
	}
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return false
	}
	status, _ := repl.Get("http.reverse_proxy.status_code")
	return status == http.StatusUnauthorized
}

// proves reports whether a success of the attempt proves that the secret is
// right. CORS has OPTIONS answered without credentials.
func (a *attempt) proves() bool {
	if !a.step.basic() {
		return true
	}
	switch a.request.Method {
	case http.MethodOptions, http.MethodTrace:
		return false
	}
	return a.handler.checked.has(a.request.RequestURI)
}
