// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// maxHeld is how much of an answer is held back until it is complete.
const maxHeld = 64 << 10

// heldWriter keeps the answer of the login service from the client until the
// attempt is decided. A success may have to be refused after all, and then its
// cookies must not be sent. After the decision it passes everything through.
type heldWriter struct {
	*caddyhttp.ResponseWriterWrapper

	attempt *attempt

	state   writerState
	status  int
	header  http.Header // of the answer, until it is passed
	body    bytes.Buffer
	flushed bool // a flush was asked for while holding
}

type writerState uint8

const (
	holding writerState = iota
	passing
	dropping
)

func newHeldWriter(w http.ResponseWriter, a *attempt) *heldWriter {
	header := w.Header().Clone()
	if header == nil {
		header = http.Header{}
	}
	return &heldWriter{
		ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w},
		attempt:               a,
		header:                header,
	}
}

// Header returns a copy of the client's header while the answer is held, so
// that what is dropped leaves no trace in a refusal.
func (w *heldWriter) Header() http.Header {
	if w.state == passing {
		return w.ResponseWriter.Header()
	}
	return w.header
}

// WriteHeader decides when status and header say enough.
func (w *heldWriter) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		w.inform(status)
		return
	}
	if w.state == passing {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if w.state == dropping || w.status != 0 || w.attempt.passage.cut() {
		return
	}
	w.status = status
	v, ok := w.attempt.step.rules.byHeader(&answer{request: w.attempt.request, status: status, header: w.header})
	if status == http.StatusSwitchingProtocols {
		v, ok = verdictSuccess, true // only HTTP Basic gets here with an upgrade
	}
	// The status line of HTTP Basic is the answer: the body is not about it.
	if ok && (w.attempt.step.basic() || !holds(v) || w.endless()) {
		w.settle(v, false)
	}
}

// holds reports whether an answer is sent only when it is complete: a login
// service that dies while it writes a success may not have meant it.
func holds(v verdict) bool { return v == verdictSuccess || v == verdictPending }

// endless reports whether the answer has no end to wait for.
func (w *heldWriter) endless() bool {
	return strings.HasPrefix(w.header.Get("Content-Type"), "text/event-stream")
}

// Write holds the body until the attempt is decided or too much is held.
func (w *heldWriter) Write(p []byte) (int, error) {
	if w.state == holding && w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case w.state == passing:
		return w.ResponseWriter.Write(p)
	case w.state == dropping || w.attempt.passage.cut():
		return len(p), nil
	}
	w.body.Write(p)
	if w.body.Len() >= maxHeld {
		w.settleByBody(false)
	}
	return len(p), nil
}

// ReadFrom holds like Write, then lets the connection read by itself.
func (w *heldWriter) ReadFrom(r io.Reader) (n int64, err error) {
	if w.state == holding && w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	buf := make([]byte, 4<<10)
	for w.state == holding {
		m, err := r.Read(buf)
		n += int64(m)
		_, _ = w.Write(buf[:m]) // holding does not fail
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	var m int64
	if w.state == passing {
		m, err = w.ResponseWriterWrapper.ReadFrom(r)
	} else {
		m, err = io.Copy(io.Discard, r)
	}
	return n + m, err
}

// FlushError flushes what may be sent. While the answer is held, it remembers:
// a flush may be what makes room for trailers.
func (w *heldWriter) FlushError() error {
	if w.state != passing {
		w.flushed = true
		return nil
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack hands the connection over once the attempt is decided.
func (w *heldWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.state != passing {
		return nil, nil, http.ErrNotSupported
	}
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// inform passes an informational answer on. While the answer is held, all it
// may tell is what to load early (RFC 8297).
func (w *heldWriter) inform(status int) {
	if w.state == dropping {
		return
	}
	if w.state == holding {
		client := w.ResponseWriter.Header()
		own := client.Clone()
		clear(client)
		if links := w.header["Link"]; len(links) > 0 {
			client["Link"] = links
		}
		defer func() {
			clear(client)
			maps.Copy(client, own)
		}()
	}
	w.ResponseWriter.WriteHeader(status)
}

// finish decides by the whole answer, after the handler has returned.
func (w *heldWriter) finish() {
	if w.state != holding {
		return
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
		if w.state != holding {
			return
		}
	}
	w.settleByBody(true)
}

func (w *heldWriter) settleByBody(complete bool) {
	truncated := complete && w.truncated()
	whole := complete && !truncated && w.attempt.request.Method != http.MethodHead
	a := &answer{request: w.attempt.request, status: w.status, header: w.header, body: w.body.Bytes(), complete: whole}
	v := w.attempt.step.rules.evaluate(a)
	if holds(v) && truncated {
		v = w.attempt.unknown()
	}
	w.settle(v, complete)
}

// truncated reports that fewer bytes came than the answer announced.
func (w *heldWriter) truncated() bool {
	if w.attempt.request.Method == http.MethodHead || w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return false
	}
	n, err := strconv.ParseInt(w.header.Get("Content-Length"), 10, 64)
	return err == nil && int64(w.body.Len()) < n
}

// settle asks for the decision and sends or drops what is held.
func (w *heldWriter) settle(v verdict, complete bool) {
	w.attempt.status = w.status
	w.attempt.answer = &answer{request: w.attempt.request, status: w.status, header: w.header, body: w.body.Bytes(), complete: complete}
	if !w.attempt.decide(v) {
		w.state = dropping
		w.body.Reset()
		return
	}
	w.pass()
	w.ResponseWriter.WriteHeader(w.status)
	if w.body.Len() > 0 {
		// The client may be gone; the attempt is settled all the same.
		_, _ = w.ResponseWriter.Write(w.body.Bytes())
		w.body = bytes.Buffer{}
	}
	if w.flushed {
		_ = w.FlushError()
	}
}

// pass gives the header of the answer to the client.
func (w *heldWriter) pass() {
	w.state = passing
	client := w.ResponseWriter.Header()
	clear(client)
	maps.Copy(client, w.header)
}

// Interface guards
var (
	_ http.ResponseWriter = (*heldWriter)(nil)
	_ io.ReaderFrom       = (*heldWriter)(nil)
	_ http.Hijacker       = (*heldWriter)(nil)
)
