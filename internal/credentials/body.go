// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// DefaultMaxBytes is the largest body that is read unless configured (D5).
const DefaultMaxBytes = 64 << 10

// BodyConfig configures a BodyRule.
type BodyConfig struct {
	// Form and JSON name the accepted types; at least one is needed.
	Form, JSON bool
	// User and Secret name the fields. In a JSON body a dot steps into an
	// object: "checks.user". In a form they are the whole key: "user[login]".
	User, Secret string
	// MaxBytes limits the body. Default: 64 KiB.
	MaxBytes int64
}

// BodyRule reads logins out of form and JSON bodies. It is safe for concurrent
// use.
type BodyRule struct {
	config       BodyConfig
	keys         keySet // user and secret as fields of a form or query
	user, secret jsonPath
}

// Login is what a body said. User and Secret are decoded, otherwise as sent;
// Body is the whole body as it arrived.
type Login struct {
	User, Secret string
	Body         []byte
	Form         bool
}

// NewBodyRule compiles a rule.
func NewBodyRule(c BodyConfig) (*BodyRule, error) {
	if !c.Form && !c.JSON {
		return nil, errors.New("compiling body rule: neither form nor JSON is accepted")
	}
	for _, key := range []string{c.User, c.Secret} {
		if !validKey(key) {
			return nil, fmt.Errorf("compiling body rule: field %q is empty, too long or holds characters that have more than one spelling", key)
		}
		if c.JSON && slices.Contains(strings.Split(key, "."), "") {
			return nil, fmt.Errorf("compiling body rule: field %q has an empty step", key)
		}
	}
	if c.MaxBytes < 0 {
		return nil, errors.New("compiling body rule: the body limit is negative")
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	b := &BodyRule{config: c, keys: newKeySet(c.User, c.Secret), user: newJSONPath(c.User), secret: newJSONPath(c.Secret)}
	if b.keys[0].collides(b.keys[1]) || c.JSON && b.user.collides(b.secret) {
		return nil, fmt.Errorf("compiling body rule: user field %q and secret field %q are one to some readers", c.User, c.Secret)
	}
	return b, nil
}

// Read reads the whole body, once, and returns the login in it. The error is a
// *Refusal, or wraps what failed when the client went away while sending.
func (b *BodyRule) Read(r *http.Request) (*Login, error) {
	form, refusal := b.contentType(r.Header)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := checkEncoding(r.Header); refusal != nil {
		return nil, refusal
	}
	// Readers that merge query and body disagree about which one wins (D6).
	if b.keys.inTarget(r.RequestURI) || r.URL != nil && b.keys.inPairs(r.URL.RawQuery, false) {
		return nil, Refuse(ReasonQueryCredentials, "the query names a credential field")
	}
	body, err := b.readAll(r)
	if err != nil {
		return nil, err
	}
	login := &Login{Body: body, Form: form}
	if form {
		login.User, login.Secret, refusal = b.readForm(string(body))
	} else {
		login.User, login.Secret, refusal = b.readJSON(string(body))
	}
	if refusal == nil {
		refusal = checkLogin(login.User, login.Secret)
	}
	if refusal != nil {
		return nil, refusal
	}
	return login, nil
}

// readAll reads the body up to its limit. More is refused: a body that is not
// looked at as a whole is not looked at (D5).
func (b *BodyRule) readAll(r *http.Request) ([]byte, error) {
	if r.ContentLength > b.config.MaxBytes {
		return nil, Refuse(ReasonTooLarge, "the body is too large")
	}
	if r.Body == nil {
		return nil, nil
	}
	var buffer bytes.Buffer
	if r.ContentLength > 0 {
		// ReadFrom wants room for its last, empty read.
		buffer.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := buffer.ReadFrom(io.LimitReader(r.Body, b.config.MaxBytes+1))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge), int64(buffer.Len()) > b.config.MaxBytes:
		return nil, Refuse(ReasonTooLarge, "the body is too large")
	case err != nil:
		return nil, fmt.Errorf("reading login body: %w", err)
	}
	return buffer.Bytes(), nil
}

// contentType reports whether the body is a form rather than JSON. There has
// to be one Content-Type, of an accepted type and without any parameter but
// charset=utf-8: others make some reader take the body for something else (D4).
func (b *BodyRule) contentType(h http.Header) (form bool, err *Refusal) {
	values := h["Content-Type"]
	if len(values) != 1 {
		return false, Refuse(ReasonContentType, "there is not exactly one Content-Type")
	}
	media, parameters, _ := strings.Cut(values[0], ";")
	switch media = strings.TrimRight(media, " \t"); {
	case b.config.Form && equalASCII(media, "application/x-www-form-urlencoded"):
		form = true
	case b.config.JSON && equalASCII(media, "application/json"):
	default:
		return false, Refuse(ReasonContentType, "the Content-Type is not accepted here")
	}
	charsets := 0
	for parameter := range strings.SplitSeq(parameters, ";") {
		// RFC 9110, section 5.6.6 allows empty parameters.
		if parameter = strings.Trim(parameter, " \t"); parameter == "" {
			continue
		}
		charsets++
		if !equalASCII(parameter, "charset=utf-8") && !equalASCII(parameter, `charset="utf-8"`) || charsets > 1 {
			return false, Refuse(ReasonContentType, "the Content-Type has a parameter other than charset=utf-8")
		}
	}
	return form, nil
}

// equalASCII compares with a lower-case string, folding ASCII letters only:
// strings.EqualFold takes the Kelvin sign for k.
func equalASCII(s, lower string) bool { return len(s) == len(lower) && equalFold(s, lower) }

// checkEncoding refuses every header that says that the body is not simply the
// content. Identity is refused as well: RFC 9110, section 8.4.1 reserves it for
// Accept-Encoding, some servers answer 415 to it, and letting it through would
// need a parser for lists such as "identity, gzip".
func checkEncoding(h http.Header) *Refusal {
	for _, name := range []string{"Content-Encoding", "Content-Transfer-Encoding", "Content-Range"} {
		if len(h[name]) > 0 {
			return Refuse(ReasonContentEncoding, "the body is encoded or partial")
		}
	}
	return nil
}

// checkLogin refuses credentials that no login consists of (D9). Control
// characters are cut or trimmed by some readers, and kept by others.
func checkLogin(user, secret string) *Refusal {
	switch {
	case strings.TrimSpace(user) == "":
		return Refuse(ReasonMissingUser, "there is no user name")
	case secret == "":
		return Refuse(ReasonMissingSecret, "there is no secret")
	case strings.ContainsFunc(user, isControl):
		return Refuse(ReasonBadName, "the user name holds control characters")
	case strings.ContainsFunc(secret, isControl):
		return Refuse(ReasonBadSecret, "the secret holds control characters")
	}
	return nil
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
