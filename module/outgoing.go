// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"io"
	"net/http"
	"strconv"
)

// outgoing is the request as the login service gets it: with the body that was
// read, and cut off from the client.
func (a *attempt) outgoing() *http.Request {
	r := a.request.WithContext(a.passage.ctx)
	if a.login.read {
		r.ContentLength = int64(len(a.login.body))
		r.TransferEncoding = nil
		r.Trailer = nil
		r.Header = a.outgoingHeader(r.Header)
		r.Body, a.login.body = &sentBody{text: a.login.body}, ""
	}
	if a.step.cookies != nil {
		r.Header = r.Header.Clone()
		a.step.cookies.Drop(r.Header)
	}
	if a.step.readsAnswer() {
		// Go's transport then asks for gzip by itself, and decodes it.
		r.Header = r.Header.Clone()
		r.Header.Del("Accept-Encoding")
	}
	return r
}

// outgoingHeader describes the body that goes on.
func (a *attempt) outgoingHeader(h http.Header) http.Header {
	length := strconv.Itoa(len(a.login.body))
	if h.Get("Content-Length") == length && len(h["Expect"]) == 0 && !a.login.decoded && !a.login.retyped {
		return h
	}
	h = h.Clone()
	// The body is here, and the client has had its 100 (Continue).
	h.Del("Expect")
	if a.login.decoded {
		h.Del("Content-Encoding")
	}
	if a.login.retyped {
		h.Set("Content-Type", "application/json")
	}
	// FastCGI passes the header on, not the length of the request.
	h.Set("Content-Length", length)
	return h
}

// sentBody is the body that goes to the login service. It lets go of the text
// as soon as it was sent: a thousand logins of 64 KiB that wait for an answer
// would hold 64 MiB for nothing.
type sentBody struct{ text string }

func (b *sentBody) Read(p []byte) (int, error) {
	if b.text == "" {
		return 0, io.EOF
	}
	n := copy(p, b.text)
	if n == len(b.text) {
		b.text = "" // an empty rest of it would hold the whole
		return n, nil
	}
	b.text = b.text[n:]
	return n, nil
}

// Close does nothing: a transport may close while it reads.
func (b *sentBody) Close() error { return nil }
