// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"errors"
	"mime"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// protocol is how a request calls a method.
type protocol uint8

const (
	noProtocol protocol = iota
	protocolGRPC
	protocolWeb
	protocolWebText
	protocolConnect
)

// protocolOf tells the protocol of a request. What has none is left to REST,
// which answers 404 to the paths of methods: so does the real server when the
// content type is missing, for gRPC over HTTP/1.1, and for the Connect protocol
// on the services of v1.
func (h *rpc) protocolOf(r *http.Request) protocol {
	// The real server looks for the paths of v1 first, where every body is JSON.
	if r.Method != http.MethodPost || strings.HasPrefix(r.URL.Path, "/management/v1/") || strings.HasPrefix(r.URL.Path, "/admin/v1/") {
		return noProtocol
	}
	switch contentType := r.Header.Get("Content-Type"); contentType {
	case "application/grpc", "application/grpc+proto", "application/grpc+json":
		if r.ProtoMajor >= 2 {
			return protocolGRPC
		}
	case "application/grpc-web", "application/grpc-web+proto", "application/grpc-web+json":
		return protocolWeb
	case "application/grpc-web-text", "application/grpc-web-text+proto":
		return protocolWebText
	default:
		if h.calls[r.URL.Path] == nil || !strings.Contains(serviceOf(r.URL.Path), ".v2") {
			return noProtocol
		}
		if kind, _, err := mime.ParseMediaType(contentType); err == nil && (kind == "application/json" || kind == "application/proto") {
			return protocolConnect
		}
	}
	return noProtocol
}

// connectError puts a status into the words of package connect, whose codes
// are those of gRPC.
func connectError(err error) error {
	s := status.Convert(err)
	wire := connect.NewError(connect.Code(s.Code()), errors.New(s.Message()))
	for _, detail := range s.Details() {
		message, ok := detail.(proto.Message)
		if !ok {
			return connect.NewError(connect.CodeInternal, errors.New("an error could not be described"))
		}
		d, err := connect.NewErrorDetail(message)
		if err != nil {
			return connect.NewError(connect.CodeInternal, errors.New("an error could not be described"))
		}
		wire.AddDetail(d)
	}
	return wire
}

// flusher makes a writer of Caddy one that package connect can flush: Caddy's
// have no Flush of their own.
type flusher struct{ http.ResponseWriter }

func (w flusher) Flush()                      { _ = http.NewResponseController(w.ResponseWriter).Flush() }
func (w flusher) Unwrap() http.ResponseWriter { return w.ResponseWriter }
