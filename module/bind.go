// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// defaultBindTTL is how long a key stands for a user unless configured.
const defaultBindTTL = 30 * time.Minute

// Binding is a key that will stand for the user of this attempt: later steps
// that carry no user name are led back by it.
type Binding struct {
	// Where the key stands. In the answer: `set_cookie`, `json` (a field of the
	// JSON answer) or `location` (a parameter in the query of Location). It
	// stands for the user when the answer says success or pending, or in a step
	// `identify` with any answer. In the request: `cookie`, `field`, `query`,
	// `header` or `path`. It then stands for everybody who is named with it,
	// whatever the answer.
	From string `json:"from,omitempty"`

	// The name of the cookie, parameter, field or header, the path in the JSON
	// answer (`mfa.id`), or the number of the segment of the path.
	Name string `json:"name,omitempty"`

	// How long the key stands for the user after its last use. Not shorter than
	// the login service remembers the session. Default: 30m.
	TTL caddy.Duration `json:"ttl,omitempty"`
}

// The places in an answer.
const (
	fromSetCookie = "set_cookie"
	fromJSON      = "json"
	fromLocation  = "location"
)

// maxBindTTL keeps keys from filling the store.
const maxBindTTL = 30 * 24 * time.Hour

// answerKey is a place in an answer that holds keys.
type answerKey struct {
	from string
	name string
	path []string // of JSON
	ttl  time.Duration
}

// requestKey is how long the key in a place of the request lives.
type requestKey struct {
	place credentials.Place
	ttl   time.Duration
	// joins: only a key that stands for somebody already.
	joins bool
}

// Validate checks the binding by itself, so that a configuration adapter can
// report a mistake where it stands.
func (b *Binding) Validate() error {
	var s step
	return b.compile(&s)
}

// compile adds the binding to a step.
func (b *Binding) compile(out *step) error {
	if b == nil {
		return errors.New("checking bind: it is null, remove it")
	}
	ttl := time.Duration(b.TTL)
	switch {
	case ttl == 0:
		ttl = defaultBindTTL
	case ttl < time.Second || ttl > maxBindTTL:
		return fmt.Errorf("checking bind: %s is not from 1s to 30d", ttl)
	}
	key := answerKey{from: b.From, name: b.Name, ttl: ttl}
	switch b.From {
	case fromSetCookie:
		if !isToken(b.Name) {
			return fmt.Errorf("checking bind: set_cookie %q: write the name of a cookie", b.Name)
		}
	case fromLocation:
		if b.Name == "" {
			return errors.New("checking bind: location needs the name of a parameter")
		}
	case fromJSON:
		var err error
		if key.path, err = compileJSONPath(b.Name); err != nil {
			return fmt.Errorf("checking bind: %w", err)
		}
	default:
		p := keyPlace(Source{From: b.From, Name: b.Name})
		if err := p.Check(); err != nil {
			return fmt.Errorf("checking bind: %w", err)
		}
		out.requestKeys = append(out.requestKeys, requestKey{place: p, ttl: ttl})
		return nil
	}
	out.answerKeys = append(out.answerKeys, key)
	return nil
}

// keyPlace is the place of a key: a cookie is compared as it stands.
func keyPlace(s Source) credentials.Place {
	p := s.place()
	p.Raw = p.From == credentials.FromCookie
	return p
}

// inHeader reports whether the key stands in the header of an answer.
func (k *answerKey) inHeader() bool { return k.from != fromJSON }

// of returns the keys that an answer holds. A cookie may be set for several
// paths.
func (k *answerKey) of(in *answer, now func() time.Time) (keys []string) {
	switch k.from {
	case fromSetCookie:
		for _, line := range in.header["Set-Cookie"] {
			if ck, ok := readSetCookie(line, now); ok && ck.live && ck.name == k.name {
				keys = append(keys, ck.value)
			}
		}
	case fromLocation:
		if target, err := url.Parse(in.header.Get("Location")); err == nil {
			keys = target.Query()[k.name]
		}
	case fromJSON:
		if text, ok := jsonValue(in, k.path); ok {
			keys = append(keys, text)
		}
	}
	return keys
}

// jsonValue returns a string or number of a whole JSON answer.
func jsonValue(in *answer, path []string) (string, bool) {
	body := jsonAnswer{text: in.body, cut: !in.complete}
	if !body.isSound() {
		return "", false
	}
	value, ok := lookupJSON(body.text, path)
	if !ok || strings.IndexByte(`{[ntf`, value[0]) >= 0 {
		return "", false
	}
	return jsonText(value)
}
