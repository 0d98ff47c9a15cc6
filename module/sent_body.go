// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import "io"

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
