// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxDecodings is how often a target is percent-decoded (D1).
const maxDecodings = 3

// decodeTarget decodes a path in place, at most maxDecodings times, and reduces
// it to lower-case ASCII where any reader may: the patterns are ASCII, so other
// letters only have to stay different.
func decodeTarget(path []byte) []byte {
	for range maxDecodings {
		path = reduceLetters(decodeEscapes(path))
		// Reducing can make a new one, out of a full-width percent sign.
		if bytes.IndexByte(path, '%') < 0 {
			break
		}
	}
	return path
}

// decodeEscapes decodes %XX, and %uXXXX as IIS does. What is no escape stays.
func decodeEscapes(path []byte) []byte {
	if bytes.IndexByte(path, '%') < 0 {
		return path
	}
	out := path[:0]
	for i := 0; i < len(path); i++ {
		switch {
		case path[i] == '%' && i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2]):
			out = append(out, unhex(path[i+1])<<4|unhex(path[i+2]))
			i += 2
		case path[i] == '%' && i+5 < len(path) && path[i+1]|0x20 == 'u' &&
			isHex(path[i+2]) && isHex(path[i+3]) && isHex(path[i+4]) && isHex(path[i+5]):
			var r rune
			for _, c := range path[i+2 : i+6] {
				r = r<<4 | rune(unhex(c))
			}
			out = utf8.AppendRune(out, r)
			i += 5
		default:
			out = append(out, path[i])
		}
	}
	return out
}

// reduceLetters lowers ASCII letters, drops control characters other than NUL
// and, when there is more than ASCII, reduces that too.
func reduceLetters(path []byte) []byte {
	out, ascii := path[:0], true
	for _, c := range path {
		switch {
		case c == 0, ' ' <= c && c < 0x7f:
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			out = append(out, c)
		case c >= 0x80:
			ascii = false
			out = append(out, c)
		}
	}
	if ascii {
		return out
	}
	return reduceUnicode(out)
}

// reduceUnicode decomposes by NFKC and folds case as far as that yields ASCII,
// and drops what a reader may drop: invalid bytes and ignorable characters.
// Overlong encodings stand for the character that they hide. Composing again
// would never yield ASCII, so it is left out.
func reduceUnicode(path []byte) []byte {
	out := make([]byte, 0, len(path)+len(path)/2)
	for i := 0; i < len(path); {
		r, size := rune(path[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(path[i:])
		}
		switch {
		case r < utf8.RuneSelf:
			out = appendReduced(out, r)
		case r != utf8.RuneError || size > 1:
			parts := norm.NFKC.Properties(path[i : i+size]).Decomposition()
			if parts == nil {
				out = appendReduced(out, r)
			}
			for len(parts) > 0 {
				part, n := utf8.DecodeRune(parts)
				out = appendReduced(out, part)
				parts = parts[n:]
			}
		default:
			var ok bool
			if r, size, ok = decodeOverlong(path[i:]); ok {
				out = appendReduced(out, r)
			}
		}
		i += size
	}
	return out
}

// appendReduced appends one decomposed character, case folded.
func appendReduced(out []byte, r rune) []byte {
	switch {
	case 'A' <= r && r <= 'Z':
		return append(out, byte(r)+'a'-'A')
	case r == 0, ' ' <= r && r < 0x7f:
		return append(out, byte(r))
	case r == 'ß', r == 'ẞ':
		return append(out, 's', 's')
	case r == 'ı':
		// Java's equalsIgnoreCase takes it for i, as it does İ, which
		// decomposes to I and the dot below.
		return append(out, 'i')
	case r == '\u0307' && len(out) > 0 && out[len(out)-1] == 'i', isControl(r), isIgnorable(r):
		return out
	}
	return utf8.AppendRune(out, r)
}

// decodeOverlong decodes an ASCII character in two to four bytes, which UTF-8
// forbids and careless decoders accept. It also returns how many bytes to skip.
func decodeOverlong(b []byte) (r rune, size int, ok bool) {
	switch {
	case b[0]&0xfe == 0xc0:
		r, size = rune(b[0]&0x1f), 2
	case b[0] == 0xe0:
		size = 3
	case b[0] == 0xf0:
		size = 4
	default:
		return 0, 1, false
	}
	if len(b) < size {
		return 0, 1, false
	}
	for _, c := range b[1:size] {
		if c&0xc0 != 0x80 {
			return 0, 1, false
		}
		r = r<<6 | rune(c&0x3f)
	}
	return r, size, r < 0x80
}
