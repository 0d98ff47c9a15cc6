// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"crypto/rand"
	"net/http"
	"time"
)

// HandlerOptions of a Handler.
type HandlerOptions struct {
	// Origins are the web sites whose pages may call the API; "*" stands for
	// all. See CheckOrigin. Default: none.
	Origins []string
}

// Handler serves a Service over HTTP: as REST, gRPC and gRPC-web, and for the
// services of v2 by the Connect protocol too. It answers every request.
type Handler struct {
	cors *cors
	rpc  *rpc
	rest *REST
}

// NewHandler returns the handler of a service for those to whom access is
// given.
func NewHandler(service *Service, access *Access, options HandlerOptions) (*Handler, error) {
	cors, err := newCORS(options.Origins)
	if err != nil {
		return nil, err
	}
	rest, err := NewREST(service, access)
	if err != nil {
		return nil, err
	}
	return &Handler{cors: cors, rpc: newRPC(service, access), rest: rest}, nil
}

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Pragma", "no-cache")
	header.Set("Expires", time.Now().UTC().Format(http.TimeFormat))
	header.Set("X-Robots-Tag", "none")
	header.Set("X-Content-Type-Options", "nosniff")
	if h.cors.preflight(w, r) {
		return
	}
	h.cors.actual(header, r)
	header.Set(requestIDHeader, rand.Text()) // a call has that of its grant instead
	if p := h.rpc.protocolOf(r); p != noProtocol {
		h.rpc.serve(w, r, p)
		return
	}
	h.rest.ServeHTTP(w, r)
}
