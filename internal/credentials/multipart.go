// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import "strings"

// maxBoundary is the limit of RFC 2046, section 5.1.1.
const maxBoundary = 70

// multipartBoundary returns the boundary, the one parameter that the type may
// have. It holds only characters that no parser needs quotes for.
func multipartBoundary(parameters string) (string, *Refusal) {
	name, value, _ := strings.Cut(strings.Trim(parameters, " \t"), "=")
	if unquoted, quoted := strings.CutPrefix(value, `"`); quoted {
		if value, quoted = strings.CutSuffix(unquoted, `"`); !quoted {
			value = ""
		}
	}
	if !equalASCII(name, "boundary") || value == "" || len(value) > maxBoundary || strings.ContainsFunc(value, isNoBoundary) {
		return "", Refuse(ReasonContentType, "the multipart type has no plain boundary, or another parameter")
	}
	return value, nil
}

func isNoBoundary(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
}

// readMultipart reads the parts of a multipart body by D8: strictly what
// browsers write for a form without files (RFC 7578), nothing before the first
// boundary or behind the last, and the boundary nowhere else.
func (l *LoginRule) readMultipart(body, boundary string, v *reading) *Refusal {
	if err := checkText(body); err != nil {
		return err
	}
	if !plainLines(body) {
		return Refuse(ReasonMalformedBody, "the multipart body has control characters or line ends other than CRLF")
	}
	rest, ok := strings.CutPrefix(body, "--"+boundary)
	if !ok {
		return Refuse(ReasonMalformedBody, "the multipart body does not begin with its boundary")
	}
	delimiters := 1
	for !isEnd(rest) {
		if delimiters > maxPairs {
			return Refuse(ReasonMalformedBody, "the multipart body has too many parts")
		}
		head, content, ok := strings.Cut(rest, "\r\n\r\n")
		if !ok {
			return errMultipart()
		}
		name, err := partName(head)
		if err != nil {
			return err
		}
		if content, rest, ok = strings.Cut(content, "\r\n--"+boundary); !ok {
			return errMultipart()
		}
		delimiters++
		if i := strings.IndexByte(content, '&'); i >= 0 && l.keys.inPairs(content[i:], true) {
			return Refuse(ReasonAmbiguous, "the multipart body is a form with credentials, too")
		}
		if err := l.take(name, content, FromField, v); err != nil {
			return err
		}
	}
	// A parser that is lax about line ends finds it within a line, too.
	if strings.Count(body, boundary) != delimiters {
		return Refuse(ReasonMalformedBody, "the multipart body holds its boundary within a part")
	}
	return nil
}

// isEnd reports whether this is what stands behind the last boundary.
func isEnd(rest string) bool { return rest == "--\r\n" || rest == "--" }

// partName reads the header of a part, which begins behind the boundary. It has
// a name in quotes; a type only when it is plain text.
func partName(head string) (name string, err *Refusal) {
	lines := strings.Split(head, "\r\n")
	if lines[0] != "" {
		return "", errMultipart()
	}
	named, typed := false, false
	for _, line := range lines[1:] {
		field, value, _ := strings.Cut(line, ": ")
		switch {
		case equalASCII(field, "content-disposition") && !named:
			if name, err = dispositionName(value); err != nil {
				return "", err
			}
			named = true
		case equalASCII(field, "content-type") && !typed && equalASCII(value, "text/plain"):
			typed = true
		default:
			// Another charset, an encoding, a nested body, or a line that only
			// some parsers take for a header.
			return "", Refuse(ReasonMalformedBody, "a part of the multipart body has a header that a form does not need")
		}
	}
	if !named {
		return "", errMultipart()
	}
	return name, nil
}

// dispositionName reads `form-data; name="user"` and nothing else.
func dispositionName(value string) (string, *Refusal) {
	name, isForm := strings.CutPrefix(value, `form-data; name="`)
	name, closed := strings.CutSuffix(name, `"`)
	if !isForm || !closed || strings.ContainsAny(name, "\"\\\t") {
		return "", Refuse(ReasonMalformedBody, "a part of the multipart body is not a plain field with a name in quotes")
	}
	return name, nil
}

// plainLines reports whether text has no control characters but tabs and CRLF.
func plainLines(text string) bool {
	for i, r := range text {
		switch {
		case r == '\r':
			if i+1 == len(text) || text[i+1] != '\n' {
				return false
			}
		case r == '\n':
			if i == 0 || text[i-1] != '\r' {
				return false
			}
		case isControl(r) && r != '\t':
			return false
		}
	}
	return true
}

func errMultipart() *Refusal {
	return Refuse(ReasonMalformedBody, "the body is not strict multipart/form-data")
}
