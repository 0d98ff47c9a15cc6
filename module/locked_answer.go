// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// LockedAnswer is the answer to attempts on a locked user. It is made of the
// configuration alone, so it is the same for right and wrong passwords, known
// and unknown users. Nothing of it is learned from answers of the login
// service, which hold names and tokens.
type LockedAnswer struct {
	// The status. Alone, 400 to 499: the refusal goes through handle_errors.
	// With `redirect`: 302 or 303. With `respond`: 200 to 499. Default: 403,
	// and 303 with `redirect`.
	Status int `json:"status,omitempty"`

	// The URL that a browser is sent to, such as `/login?failed=1`.
	Redirect string `json:"redirect,omitempty"`

	// Answer with `headers` and `body` as they stand here, as the login service
	// answers a wrong password, and not through handle_errors.
	Respond bool `json:"respond,omitempty"`

	// Header fields of the answer, with `respond`.
	Headers []*NamedPattern `json:"headers,omitempty"`

	// The body of the answer, with `respond`.
	Body string `json:"body,omitempty"`

	location template
	headers  []headerTemplate
	body     template
}

type headerTemplate struct {
	name  string
	value template
}

const (
	defaultLocked   = http.StatusForbidden
	defaultRedirect = http.StatusSeeOther
)

// compile checks the answer and sets its defaults.
func (l *LockedAnswer) compile() (err error) {
	if l.Status == 0 {
		l.Status = defaultLocked
		if l.Redirect != "" {
			l.Status = defaultRedirect
		}
	}
	switch {
	case l.Redirect != "" && l.Respond:
		return errors.New("redirect and respond are set together, choose one")
	case l.Redirect != "" && l.Status != http.StatusFound && l.Status != http.StatusSeeOther:
		// 307 and 308 would have the browser send the password again.
		return fmt.Errorf("redirect with status %d: write 302 or 303", l.Status)
	case l.Respond && (l.Status < 200 || l.Status > 499):
		return fmt.Errorf("respond with status %d: write one from 200 to 499", l.Status)
	case !l.Respond && l.Redirect == "" && (l.Status < 400 || l.Status > 499):
		return fmt.Errorf("%d is no status from 400 to 499", l.Status)
	case !l.Respond && (len(l.Headers) > 0 || l.Body != ""):
		return errors.New("headers and body need respond")
	}
	if l.location, err = newTemplate(l.Redirect); err != nil {
		return fmt.Errorf("redirect: %w", err)
	}
	if l.body, err = newTemplate(l.Body); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	l.headers = nil
	for _, h := range l.Headers {
		if h == nil || !isToken(h.Name) {
			return errors.New("a header has no name, or one that no header field can have")
		}
		value, err := newTemplate(h.Value)
		if err != nil {
			return fmt.Errorf("header %s: %w", h.Name, err)
		}
		l.headers = append(l.headers, headerTemplate{http.CanonicalHeaderKey(h.Name), value})
	}
	return nil
}

// Validate checks the answer by itself, so that a configuration adapter can
// report a mistake where it stands.
func (l *LockedAnswer) Validate() error {
	checked := *l
	return checked.compile()
}

// write answers, unless the refusal is for handle_errors. It reports whether
// it did.
func (l *LockedAnswer) write(w http.ResponseWriter, repl *caddy.Replacer) bool {
	switch {
	case l.Redirect != "":
		w.Header().Set("Location", l.location.fill(repl))
	case l.Respond:
		for _, h := range l.headers {
			w.Header().Add(h.name, h.value.fill(repl))
		}
	default:
		return false
	}
	w.WriteHeader(l.Status)
	if l.Respond {
		// The client may be gone; there is nobody else to tell.
		_, _ = w.Write([]byte(l.body.fill(repl)))
	}
	return true
}

// template is text with placeholders at every second place.
type template []string

var placeholder = regexp.MustCompile(`\{[A-Za-z_][A-Za-z0-9_.\-]*(?:[:/][^{}\s"]*)?\}`)

// harmless are the placeholders that tell nothing of what the client sent.
// Others could echo it, or make the answer differ between users.
var harmless = []string{"env.", "file.", "system.", "time.now.", "http.request.uuid", "http.lockout."}

func newTemplate(text string) (template, error) {
	var t template
	for text != "" {
		at := placeholder.FindStringIndex(text)
		if at == nil {
			break
		}
		key := text[at[0]+1 : at[1]-1]
		if !isHarmless(key) {
			return nil, fmt.Errorf("{%s} could echo what the client sent: use {env.*}, {file.*}, {system.*}, {time.now.*}, {http.request.uuid} or {http.lockout.*}", key)
		}
		t = append(t, text[:at[0]], key)
		text = text[at[1]:]
	}
	return append(t, text), nil
}

func isHarmless(key string) bool {
	for _, prefix := range harmless {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

func (t template) fill(repl *caddy.Replacer) string {
	var b strings.Builder
	for i, part := range t {
		if i%2 == 1 {
			if repl == nil {
				continue
			}
			part, _ = repl.GetString(part)
		}
		b.WriteString(part)
	}
	return b.String()
}

// lockedAnswer is a LockedAnswer without its methods.
type lockedAnswer LockedAnswer

// MarshalJSON writes an answer that is a status alone as a number.
func (l LockedAnswer) MarshalJSON() ([]byte, error) {
	if l.Redirect == "" && !l.Respond && l.Status != 0 {
		return json.Marshal(l.Status)
	}
	return json.Marshal(lockedAnswer(l))
}

// UnmarshalJSON reads a number as the status, and an object as all of it.
func (l *LockedAnswer) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &l.Status); err == nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields() // as Caddy reads the rest
	return d.Decode((*lockedAnswer)(l))
}
