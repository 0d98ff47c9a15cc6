// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

// webWriter is the writer of an answer by gRPC-web. It lets a page read every
// header of it and, for gRPC-web-text, turns the body into base64.
type webWriter struct {
	http.ResponseWriter
	contentType string // of the request, which the answer repeats
	text        bool
	began       bool
	held        bytes.Buffer // the body of text
}

// maxWebText is the largest body of gRPC-web-text: one message with its length,
// in base64.
const maxWebText = (maxBody + 5 + 2) / 3 * 4

var errWebText = errors.New("body is not base64")

// newWeb returns the writer and the request by which package connect, which
// does not speak gRPC-web-text, serves a call, and what ends it.
func newWeb(w http.ResponseWriter, r *http.Request, text bool) (http.ResponseWriter, *http.Request, func()) {
	web := &webWriter{ResponseWriter: w, contentType: r.Header.Get("Content-Type"), text: text}
	if !text {
		return web, r, func() {}
	}
	clone := r.WithContext(r.Context())
	clone.Header = r.Header.Clone()
	clone.Header.Set("Content-Type", strings.Replace(web.contentType, "-text", "", 1))
	clone.Body = io.NopCloser(&webText{from: io.LimitReader(r.Body, maxWebText+1)})
	clone.ContentLength = -1
	return web, clone, web.end
}

func (w *webWriter) begin() {
	if w.began {
		return
	}
	w.began = true
	h := w.Header()
	h.Set("Content-Type", w.contentType)
	if w.text {
		h.Del("Content-Length")
	}
	if h.Get("Access-Control-Allow-Origin") != "" {
		names := []string{"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin"}
		for name := range h {
			if !slices.Contains(names, name) && !strings.HasPrefix(name, "Access-Control-") {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		h.Set("Access-Control-Expose-Headers", strings.Join(names, ", "))
	}
}

// WriteHeader sends the status line.
func (w *webWriter) WriteHeader(status int) {
	w.begin()
	w.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the body, or keeps it until end.
func (w *webWriter) Write(p []byte) (int, error) {
	w.begin()
	if w.text {
		return w.held.Write(p)
	}
	return w.ResponseWriter.Write(p)
}

// Flush sends what was written, except for text: parts of it would have to be
// padded one by one, and the answers are short.
func (w *webWriter) Flush() {
	w.begin()
	if !w.text {
		_ = http.NewResponseController(w.ResponseWriter).Flush()
	}
}

// Unwrap is for http.ResponseController.
func (w *webWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *webWriter) end() {
	w.begin()
	encoder := base64.NewEncoder(base64.StdEncoding, w.ResponseWriter)
	_, _ = encoder.Write(w.held.Bytes()) // the client is gone
	_ = encoder.Close()
}

// webText reads base64 that may be padded not only at its end: clients encode
// part by part and join the parts.
type webText struct {
	from    io.Reader
	decoded bytes.Buffer
}

// Read decodes four characters at a time.
func (t *webText) Read(p []byte) (int, error) {
	for t.decoded.Len() == 0 {
		var quantum [4]byte
		switch _, err := io.ReadFull(t.from, quantum[:]); {
		case errors.Is(err, io.EOF):
			return 0, io.EOF
		case err != nil:
			return 0, errWebText
		}
		var three [3]byte
		n, err := base64.StdEncoding.Decode(three[:], quantum[:])
		if err != nil {
			return 0, errWebText
		}
		t.decoded.Write(three[:n])
	}
	return t.decoded.Read(p)
}
