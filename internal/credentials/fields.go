// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Fields reads named fields of a body, by which steps on the same path are told
// apart. It reads as strictly as a LoginRule: a field that is there twice, or in
// a spelling that some reader takes for it, is refused. It is safe for
// concurrent use.
type Fields struct {
	names []string
	rules []*LoginRule // one for each name
}

// NewFields compiles the names, which follow the rules of LoginConfig.
func NewFields(names []string) (*Fields, error) {
	f := &Fields{}
	for _, name := range names {
		if slices.Contains(f.names, name) {
			continue
		}
		if !validKey(name) || slices.Contains(strings.Split(name, "."), "") {
			return nil, fmt.Errorf("compiling fields: field %q is empty, too long, has an empty step or holds characters that have more than one spelling", name)
		}
		f.names = append(f.names, name)
		f.rules = append(f.rules, &LoginRule{
			places: []Place{{From: FromField, Name: name}}, keys: newKeySet(name), paths: []fieldPaths{{newJSONPath(name), 0}},
		})
	}
	return f, nil
}

// Body is a body that was read to tell steps apart.
type Body struct {
	// Sent is what the client sent, and has to be put back.
	Sent string
	// Media is its type.
	Media Media

	text     string // decoded
	boundary string
}

// Read returns the fields that are there, by name. One that is missing is
// empty.
func (f *Fields) Read(b *Body) (map[string]string, *Refusal) {
	values := make(map[string]string, len(f.names))
	for i, rule := range f.rules {
		var v reading
		if refusal := rule.readFields(b.text, b.Media, b.boundary, &v); refusal != nil {
			return nil, refusal
		}
		values[f.names[i]] = v.values[0]
	}
	return values, nil
}

// InQuery returns the fields that some reader finds in a query, in any spelling.
func (f *Fields) InQuery(query string) map[string]string {
	values := map[string]string{}
	for pair := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' || r == '?' }) {
		key, value, _ := strings.Cut(pair, "=")
		for i, rule := range f.rules {
			if rule.keys.has(decodeLenient(key)) && value != "" {
				values[f.names[i]] = decodeLenient(value)
			}
		}
	}
	return values
}

// SameWord reports whether a lenient reader may take two values for one.
func SameWord(a, b string) bool { return foldKey(a) == foldKey(b) }

// ReadBody reads a whole body by the same rules as LoginRule.Read, of the types
// that the configuration accepts. The error is a *Refusal, or wraps what failed
// when the client went away while sending.
func ReadBody(r *http.Request, c LoginConfig) (*Body, error) {
	rule := LoginRule{config: c}
	b := new(Body)
	var refusal *Refusal
	if b.Media, b.boundary, refusal = rule.contentType(r.Header); refusal != nil {
		return nil, refusal
	}
	encoded, refusal := rule.contentEncoding(r.Header)
	if refusal != nil {
		return nil, refusal
	}
	var err error
	if b.Sent, err = rule.readAll(r); err != nil {
		return nil, err
	}
	plain := b.Sent
	if encoded {
		if plain, refusal = inflate(b.Sent, c.MaxBytes); refusal != nil {
			return nil, refusal
		}
	}
	b.text = plain
	return b, nil
}
