// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"fmt"
	"net/http"
	"slices"
)

// Fields reads named fields of a form or JSON body, by which steps on the same
// path are told apart. It reads as strictly as a LoginRule: a field that is there
// twice, or in a spelling that some reader takes for it, is refused. It is safe
// for concurrent use.
type Fields struct {
	names []string
	rules []*LoginRule // one for each name
}

// NewFields compiles the names, which follow the rules of FromField in a form
// and in JSON.
func NewFields(names []string) (*Fields, error) {
	f := &Fields{}
	for _, name := range names {
		if slices.Contains(f.names, name) {
			continue
		}
		place := Place{From: FromField, Name: name}
		if err := checkPlaces([]Place{place}, true); err != nil {
			return nil, fmt.Errorf("compiling fields: %w", err)
		}
		f.names = append(f.names, name)
		f.rules = append(f.rules, &LoginRule{
			places: []Place{place}, users: 1, fields: true,
			keys: keySet{newFieldPath(name)}, paths: []fieldPaths{{newJSONPath(name), 0}},
		})
	}
	return f, nil
}

// Read returns the fields that are there, by name. One that is missing is
// empty.
func (f *Fields) Read(body string, form bool) (map[string]string, *Refusal) {
	values := make(map[string]string, len(f.names))
	for i, rule := range f.rules {
		read := rule.readJSON
		if form {
			read = rule.readForm
		}
		v := new(reading)
		if refusal := read(body, v); refusal != nil {
			return nil, refusal
		}
		values[f.names[i]] = v.values[0]
	}
	return values, nil
}

// anyBody reads bodies whose fields tell steps apart.
var anyBody = LoginRule{config: LoginConfig{Form: true, JSON: true}}

// ReadText reads a whole form or JSON body of at most limit bytes, by the same
// rules as LoginRule.Read. The error is a *Refusal, or wraps what failed when
// the client went away while sending.
func ReadText(r *http.Request, limit int64) (body []byte, form bool, err error) {
	media, _, refusal := anyBody.contentType(r.Header)
	if refusal == nil {
		_, refusal = anyBody.contentEncoding(r.Header)
	}
	if refusal != nil {
		return nil, false, refusal
	}
	rule := LoginRule{config: LoginConfig{MaxBytes: limit}}
	body, err = rule.readAll(r)
	return body, media == MediaForm, err
}
