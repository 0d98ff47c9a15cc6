// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package binding

import (
	"bytes"
	"strings"
)

const (
	// maxDecodings is how often a key may be escaped.
	maxDecodings = 3
	// minToken is how many letters and digits stand before = at least, where it is
	// the padding of something encoded and does not divide a name from a value.
	minToken = 24
	// spareBitsFrom is how long a key is from which on its last character is left
	// out: in base64 it may have bits that decoders drop, so that a signed cookie
	// has up to sixteen spellings.
	spareBitsFrom = 40
)

// fold reduces a key to its letters and digits in lower case, escapes decoded.
// PHP and Node decode cookies, MySQL and SQL Server compare without case and
// without blanks at the end, databases read a UUID with and without dashes,
// decoders base64 in two alphabets. If two spellings of one session led to
// different users here, who is led to himself by the first could guess at
// whoever logged in under the second. Folding leaves a random key of 128 bits
// more than 100 of them, and what it takes for one by mistake stands for both.
//
// A UUID may be written as a URN. Decoders of base64 look neither at the last bits
// of the last letter nor at what stands behind the padding: of a long key, which
// may be signed, both are left out.
//
// It reports false for what no service gives out: too long, empty, with control
// characters, at which some readers cut, or with letters beyond ASCII, which
// some databases compare without accents.
func fold(key string) (string, bool) {
	if len(key) > MaxKeyBytes {
		return "", false
	}
	for range maxDecodings {
		key = decode(key)
	}
	if decode(key) != key {
		return "", false
	}
	b := make([]byte, 0, len(key))
	run, pads, over := 0, 0, false // letters of base64 in a row, padding behind them, and its end
	for i := range len(key) {
		c := key[i]
		switch {
		case c < ' ' || c >= 0x7f:
			return "", false
		case over:
		case 'A' <= c && c <= 'Z':
			b = append(b, c-'A'+'a')
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			b = append(b, c)
		}
		switch {
		case c == '.':
			run, pads = 0, 0
		case c == '=':
			pads++
			over = over || len(b) >= minToken && run%4 >= 2 && run%4+pads >= 4
		case strings.IndexByte("+/-_", c) >= 0 || digitOrLetter(c):
			run, pads = run+1, 0
		}
	}
	b = bytes.TrimPrefix(b, []byte("urnuuid"))
	if len(b) > spareBitsFrom {
		b = b[:len(b)-1]
	}
	return string(b), len(b) > 0
}

func digitOrLetter(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
}

// Same reports whether some service may take two keys for one. In doubt they are.
func Same(a, b string) bool {
	x, plain := fold(a)
	y, plainToo := fold(b)
	return !plain || !plainToo || x == y
}

// decode decodes %XX once and leaves alone what is no escape.
func decode(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if high, low := digit(s[i+1]), digit(s[i+2]); high < 16 && low < 16 {
				b = append(b, high<<4|low)
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// digit returns the value of a hexadecimal digit, 16 for anything else.
func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}
