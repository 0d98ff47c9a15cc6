// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"
)

// Media is the type of a body.
type Media string

// The types of bodies that are read.
const (
	MediaForm      Media = "form"
	MediaJSON      Media = "json"
	MediaMultipart Media = "multipart"
)

// readBody reads the whole body and the fields in it.
func (l *LoginRule) readBody(r *http.Request, login *Login) error {
	if l.config.NamesOnly && !l.fields {
		return nil // nothing in it is guessed or counted
	}
	if l.without {
		// Only a body that is there needs a type.
		if err := l.readWithout(r); err != nil || r.Body == http.NoBody {
			return err
		}
	}
	media, boundary, refusal := l.contentType(r.Header)
	if refusal != nil {
		return refusal
	}
	encoded, refusal := l.contentEncoding(r.Header)
	if refusal != nil {
		return refusal
	}
	if !l.config.Verbatim && media != MediaMultipart || encoded {
		if refusal := checkUnsigned(r); refusal != nil {
			return refusal
		}
	}
	body, err := l.readAll(r)
	if err != nil {
		return err
	}
	if encoded {
		if body, refusal = inflate(body, l.config.MaxBytes); refusal != nil {
			return refusal
		}
	}
	login.Body, login.Media = body, media
	if refusal = l.readFields(body, media, boundary, login.read); refusal != nil {
		return refusal
	}
	return nil
}

// readFields reads the fields of a body of any type.
func (l *LoginRule) readFields(body string, media Media, boundary string, v *reading) *Refusal {
	switch media {
	case MediaForm:
		return l.readForm(body, v)
	case MediaJSON:
		return l.readJSON(body, v)
	}
	return l.readMultipart(body, boundary, v)
}

// readWithout looks whether there is a body although none is needed. A rule
// that names no field takes none: what reads it may find another user in it.
func (l *LoginRule) readWithout(r *http.Request) error {
	if l.fields {
		if r.ContentLength != 0 && r.Body != nil && bodyFollows(r) {
			return nil
		}
	} else {
		body, err := l.readAll(r)
		if err != nil {
			return err
		}
		if len(body) > 0 {
			return Refuse(ReasonUnexpectedBody, "credentials of this step do not stand in the body, and there is one")
		}
	}
	r.Body, r.ContentLength, r.TransferEncoding = http.NoBody, 0, nil
	return nil
}

// readAll reads the body up to its limit. More is refused: a body that is not
// looked at as a whole is not looked at (D5). It makes the string that the
// readers work on, and no copy: bodies are what an attempt holds in memory.
func (l *LoginRule) readAll(r *http.Request) (string, error) {
	if r.ContentLength > l.config.MaxBytes {
		return "", Refuse(ReasonTooLarge, "the body is too large")
	}
	if r.Body == nil {
		return "", nil
	}
	var text strings.Builder
	if r.ContentLength > 0 {
		text.Grow(int(r.ContentLength))
	}
	err := copyText(&text, r.Body, l.config.MaxBytes)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge), int64(text.Len()) > l.config.MaxBytes:
		return "", Refuse(ReasonTooLarge, "the body is too large")
	case err != nil:
		return "", fmt.Errorf("reading login body: %w", err)
	}
	return text.String(), nil
}

// copyText appends what a reader holds, until it is more than the limit.
func copyText(into *strings.Builder, from io.Reader, limit int64) error {
	var chunk [1024]byte
	for int64(into.Len()) <= limit {
		n, err := from.Read(chunk[:])
		into.Write(chunk[:n])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// contentType returns the type of the body. There has to be one Content-Type,
// of an accepted type and without any parameter but charset=utf-8, or for
// multipart the boundary: others make some reader take the body for something
// else (D4).
func (l *LoginRule) contentType(h http.Header) (media Media, boundary string, err *Refusal) {
	values := h["Content-Type"]
	if l.config.AnyJSON && len(values) < 2 {
		return MediaJSON, "", nil
	}
	if len(values) != 1 {
		return "", "", Refuse(ReasonContentType, "there is not exactly one Content-Type")
	}
	written, parameters, _ := strings.Cut(values[0], ";")
	switch written = strings.TrimRight(written, " \t"); {
	case l.config.Form && equalASCII(written, "application/x-www-form-urlencoded"):
		media = MediaForm
	case l.config.JSON && equalASCII(written, "application/json"):
		media = MediaJSON
	case l.config.Multipart && equalASCII(written, "multipart/form-data"):
		boundary, err = multipartBoundary(parameters)
		return MediaMultipart, boundary, err
	default:
		return "", "", Refuse(ReasonContentType, "the Content-Type is not accepted here")
	}
	charsets := 0
	for parameter := range strings.SplitSeq(parameters, ";") {
		// RFC 9110, section 5.6.6 allows empty parameters.
		if parameter = strings.Trim(parameter, " \t"); parameter == "" {
			continue
		}
		charsets++
		if !equalASCII(parameter, "charset=utf-8") && !equalASCII(parameter, `charset="utf-8"`) || charsets > 1 {
			return "", "", Refuse(ReasonContentType, "the Content-Type has a parameter other than charset=utf-8")
		}
	}
	return media, "", nil
}

// equalASCII compares with a lower-case string, folding ASCII letters only:
// strings.EqualFold takes the Kelvin sign for k.
func equalASCII(s, lower string) bool { return len(s) == len(lower) && equalFold(s, lower) }

// contentEncoding reports whether the body is gzip and has to be decoded. It
// refuses every other header that says that the body is not simply the content.
// Identity is refused as well: RFC 9110, section 8.4.1 reserves it for
// Accept-Encoding, some servers answer 415 to it, and letting it through would
// need a parser for lists such as "identity, gzip".
func (l *LoginRule) contentEncoding(h http.Header) (encoded bool, err *Refusal) {
	for _, name := range [...]string{"Content-Encoding", "Content-Transfer-Encoding", "Content-Range"} {
		values := h[name]
		if len(values) == 0 {
			continue
		}
		if !l.config.Gzip || name != "Content-Encoding" || len(values) > 1 || !equalASCII(values[0], "gzip") {
			return false, Refuse(ReasonContentEncoding, "the body is encoded or partial")
		}
		encoded = true
	}
	return encoded, nil
}

// checkText refuses a body that is not plain UTF-8 text.
func checkText(body string) *Refusal {
	switch {
	case !utf8.ValidString(body):
		return Refuse(ReasonMalformedBody, "the body is not valid UTF-8")
	case strings.HasPrefix(body, "\ufeff"):
		return Refuse(ReasonMalformedBody, "the body begins with a byte order mark")
	}
	return nil
}
