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
	maxChecked    = 10_000
	maxCheckedKey = 512 // bytes; a longer one is not worth remembering
)

// checkedTargets remembers which methods at which targets the login service has
// answered with 401, query and all: a bad token in the query of a public page
// gets a 401 as well. HTTP Basic has no login page: a public file answers 200 to
// any password, and must not forgive the wrong ones; nor may reading where only
// writing is protected. So only a success at a target that is known to check
// forgives; elsewhere it says nothing.
type checkedTargets struct {
	mu    sync.RWMutex
	known map[checkedTarget]struct{}
}

type checkedTarget struct{ method, target string }

func newCheckedTargets() *checkedTargets {
	return &checkedTargets{known: map[checkedTarget]struct{}{}}
}

// add notes that the target of a request checks credentials.
func (c *checkedTargets) add(method, target string) {
	if len(method)+len(target) > maxCheckedKey || c.has(method, target) {
		return
	}
	// The strings are parts of a request that would be kept alive.
	t := checkedTarget{method: strings.Clone(method), target: strings.Clone(target)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxChecked {
		// Whoever made them up costs others the forgiveness of a success or two.
		clear(c.known)
	}
	c.known[t] = struct{}{}
}

func (c *checkedTargets) has(method, target string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, known := c.known[checkedTarget{method: method, target: target}]
	return known
}

// pass hands on a request that is no attempt. Where HTTP Basic is limited, the
// challenge that it meets tells that its path checks credentials.
func (h *Handler) pass(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if len(h.sites.basic) == 0 || len(r.Header["Authorization"]) > 0 {
		return next.ServeHTTP(w, r)
	}
	method, target := r.Method, r.RequestURI
	err := next.ServeHTTP(w, r)
	if challenged(r, err) {
		h.checked.add(method, target)
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
// right.
func (a *attempt) proves() bool {
	return !a.step.basic() || a.handler.checked.has(a.request.Method, a.request.RequestURI)
}
