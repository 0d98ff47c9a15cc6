// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Fields reads named fields of a form or JSON body, by which steps on the same
// path are told apart. It reads as strictly as a BodyRule: a field that is there
// twice, or in a spelling that some reader takes for it, is refused. It is safe
// for concurrent use.
type Fields struct {
	names []string
	rules []*BodyRule // one for each name
}

// NewFields compiles the names, which follow the rules of BodyConfig.
func NewFields(names []string) (*Fields, error) {
	f := &Fields{}
	for _, name := range names {
		if slices.Contains(f.names, name) {
			continue
		}
		if !validKey(name) || slices.Contains(strings.Split(name, "."), "") {
			return nil, fmt.Errorf("compiling fields: field %q is empty, too long, has an empty step or holds characters that have more than one spelling", name)
		}
		path := newJSONPath(name)
		f.names = append(f.names, name)
		f.rules = append(f.rules, &BodyRule{
			config: BodyConfig{Form: true, JSON: true, User: name, Secret: name},
			keys:   newKeySet(name), user: path, secret: path,
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
		value, _, refusal := read(body)
		if refusal != nil {
			return nil, refusal
		}
		values[f.names[i]] = value
	}
	return values, nil
}

// anyBody reads bodies whose fields tell steps apart.
var anyBody = BodyRule{config: BodyConfig{Form: true, JSON: true}}

// ReadText reads a whole form or JSON body of at most limit bytes, by the same
// rules as BodyRule.Read. The error is a *Refusal, or wraps what failed when
// the client went away while sending.
func ReadText(r *http.Request, limit int64) (body []byte, form bool, err error) {
	form, refusal := anyBody.contentType(r.Header)
	if refusal == nil {
		refusal = checkEncoding(r.Header)
	}
	if refusal != nil {
		return nil, false, refusal
	}
	rule := BodyRule{config: BodyConfig{MaxBytes: limit}}
	body, err = rule.readAll(r)
	return body, form, err
}
