// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// ErrOrigin reports what is no origin of a web page.
var ErrOrigin = errors.New("origin is not usable")

// anyOrigin stands for every origin.
const anyOrigin = "*"

// CheckOrigin refuses what no browser sends as the origin of a page. An origin
// is a scheme, a host and, unless it is that of the scheme, a port, all in
// lower case: https://admin.example.com. The error wraps ErrOrigin.
func CheckOrigin(origin string) error {
	if origin == anyOrigin {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Host == "" || strings.Contains(u.Host, "*") || origin != strings.ToLower(u.Scheme+"://"+u.Host) {
		return fmt.Errorf("%w: %q is not of the form https://host or https://host:port, in lower case", ErrOrigin, origin)
	}
	if port := u.Port(); u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return fmt.Errorf("%w: browsers leave the port of %q out", ErrOrigin, origin)
	}
	return nil
}

// cors tells browsers which pages may call, by the answers that clients of the
// real server know. Without origins it says nothing, so that browsers refuse.
// It protects the users of browsers and nobody else: access comes after it.
type cors struct{ origins []string }

func newCORS(origins []string) (*cors, error) {
	for _, origin := range origins {
		if err := CheckOrigin(origin); err != nil {
			return nil, err
		}
	}
	return &cors{origins: slices.Clone(origins)}, nil
}

// What a page may send, and which headers of an answer it may read.
var (
	corsHeaders = []string{
		"origin", "content-type", "accept", "accept-language", "authorization", "x-zitadel-orgid", "x-user-agent", "x-grpc-web",
		"x-requested-with", "connect-protocol-version", "connect-timeout-ms", "grpc-timeout",
	}
	corsMethods = []string{
		http.MethodOptions, http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	}
	corsExposed = "Location, Content-Length, Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin, X-Request-Id"
)

// corsMaxAge is how many seconds a browser may remember a preflight.
const corsMaxAge = "600"

func (c *cors) allows(origin string) bool {
	return origin != "" && (slices.Contains(c.origins, origin) || slices.Contains(c.origins, anyOrigin))
}

// preflight answers the question of a browser whether it may send a call, and
// reports whether the request is one. The answer does not depend on a token:
// browsers send none with it.
func (c *cors) preflight(w http.ResponseWriter, r *http.Request) bool {
	method := r.Header.Get("Access-Control-Request-Method")
	if len(c.origins) == 0 || r.Method != http.MethodOptions || method == "" {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	h.Add("Vary", "Access-Control-Request-Method")
	h.Add("Vary", "Access-Control-Request-Headers")
	origin, headers := r.Header.Get("Origin"), strings.Join(r.Header.Values("Access-Control-Request-Headers"), ",")
	if c.allows(origin) && slices.Contains(corsMethods, method) && allowedHeaders(headers) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Methods", method)
		if headers != "" {
			h.Set("Access-Control-Allow-Headers", headers)
		}
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Max-Age", corsMaxAge)
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

func allowedHeaders(list string) bool {
	for name := range strings.SplitSeq(list, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "" && !slices.Contains(corsHeaders, name) {
			return false
		}
	}
	return true
}

// actual lets a page that may call read the answer.
func (c *cors) actual(h http.Header, r *http.Request) {
	if len(c.origins) == 0 {
		return
	}
	h.Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); c.allows(origin) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Expose-Headers", corsExposed)
	}
}
