// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// Match selects requests. Every field that is set must match.
type Match struct {
	// Paths, compared with the raw path of the request: `/login`, or a prefix
	// that ends in `*`. A spelling that only folds onto one of them (`/Login`,
	// `/login/`, `/%6cogin`, `/login.json`) is refused when it could carry
	// credentials.
	Path []string `json:"path,omitempty"`

	// Regular expressions (RE2) over the raw path; one of them, or of the
	// paths, must match. Other spellings of what they match are recognised as
	// with `path`. Each costs about a microsecond for every request of the
	// site.
	PathRegexp []string `json:"path_regexp,omitempty"`

	// Paths that a `deny` rule leaves alone, such as the API of a service that may
	// take a password there and nowhere else. Only a raw path is one of them: other
	// spellings are denied.
	Except []string `json:"except,omitempty"`

	// Regular expressions (RE2) over the raw path, for the same.
	ExceptRegexp []string `json:"except_regexp,omitempty"`

	// Methods. Default for a step with a path: `POST`. Other methods than
	// these on a guarded path are refused, except GET, HEAD and OPTIONS
	// without credentials. HTTP Basic without a path takes any method, and so
	// do `pass` and `deny`.
	Method []string `json:"method,omitempty"`

	// Header fields with these values, all of them. `*` at either end of a
	// value stands for anything, a lone `*` for any value that is not empty.
	Header []*NamedPattern `json:"header,omitempty"`

	// Parameters of the query with one of these values each, which tell steps on
	// the same path apart; `*` stands for any that is not empty. A parameter that is there twice, in another spelling
	// or, with another value, in the body as well is refused when the request
	// could carry credentials, and so is a query that has more than one reading.
	// A `deny` rule finds it in every spelling.
	Query []*FieldPattern `json:"query,omitempty"`

	// Fields of a form or JSON body with one of these values each. They tell
	// steps on the same path apart.
	Field []*FieldPattern `json:"field,omitempty"`

	// Fields of a form or JSON body that are there and not empty, all of them.
	Has []string `json:"has,omitempty"`

	// Whether the rule passes whatever holds no secret of a step, in a body that
	// can be read or without one. For `pass` alone.
	NoSecret bool `json:"no_secret,omitempty"`
}

// FieldPattern is a field of a body, or a parameter of the query, and the values
// that it may have.
type FieldPattern struct {
	// The name, spelled exactly; in a JSON body a dot steps into an object.
	Name string `json:"name,omitempty"`

	// The values, compared byte for byte; one of them must match.
	Values []string `json:"values,omitempty"`
}

// door is a compiled Match.
type door struct {
	targets
	except  targets
	methods []string // nil: every method
	headers []condition
	query   []*FieldPattern
	params  *credentials.Params // reads the parameters of query
	fields  []*FieldPattern
	has     []string
	// noSecret: passes whatever holds no secret of a step.
	noSecret bool
	// reader reads the fields that tell doors apart; nil when none do.
	reader *credentials.Fields
}

// compile checks the match. The fields of credentials are read as well: steps on
// one path are told apart by a body that holds those of one.
func (m *Match) compile(credentialFields ...string) (*door, error) {
	d := &door{methods: m.Method, query: m.Query, fields: m.Field, has: m.Has, noSecret: m.NoSecret}
	var err error
	if d.targets, err = newTargets(m.Path, m.PathRegexp); err != nil {
		return nil, err
	}
	if d.except, err = newTargets(m.Except, m.ExceptRegexp); err != nil {
		return nil, fmt.Errorf("checking match except: %w", err)
	}
	for _, method := range m.Method {
		if !isMethod(method) {
			return nil, fmt.Errorf("checking match method: %q is no method, write it in capitals", method)
		}
	}
	for _, h := range m.Header {
		if h == nil {
			return nil, errors.New("checking match header: it is null, remove it")
		}
		c, err := compileHeader(h)
		if err != nil {
			return nil, fmt.Errorf("checking match: %w", err)
		}
		d.headers = append(d.headers, c)
	}
	parameters, err := patternNames("query", m.Query)
	if err != nil {
		return nil, err
	}
	if len(parameters) > 0 {
		if d.params, err = credentials.NewParams(parameters); err != nil {
			return nil, fmt.Errorf("checking match query: %w", err)
		}
	}
	fields, err := patternNames("field", m.Field)
	if err != nil {
		return nil, err
	}
	// Many services take a parameter from the body as well.
	names := slices.Concat(m.Has, fields, parameters, credentialFields)
	if len(names) == 0 {
		return d, nil
	}
	if d.reader, err = credentials.NewFields(names); err != nil {
		return nil, fmt.Errorf("checking match: %w", err)
	}
	return d, nil
}

// patternNames checks patterns and returns the names in them.
func patternNames(option string, patterns []*FieldPattern) (names []string, err error) {
	for _, f := range patterns {
		if f == nil || len(f.Values) == 0 {
			return nil, fmt.Errorf("checking match %s: write a name and at least one value", option)
		}
		if slices.Contains(f.Values, "") {
			return nil, fmt.Errorf("checking match %s: %s may not be empty; use has", option, f.Name)
		}
		names = append(names, f.Name)
	}
	return names, nil
}

// Validate checks the match by itself, so that a configuration adapter can
// report a mistake where it stands.
func (m *Match) Validate() error {
	_, err := m.compileRule()
	return err
}

// compileRule compiles the match of a pass or deny rule, which must say
// something.
func (m *Match) compileRule() (*door, error) {
	if m == nil {
		return nil, errors.New("it is null, remove it")
	}
	d, err := m.compile()
	if err == nil && d.anywhere() && d.methods == nil && d.headers == nil && d.reader == nil {
		err = errors.New("it matches every request, add match")
	}
	return d, err
}

func (d *door) takes(method string) bool {
	return d.methods == nil || slices.Contains(d.methods, method)
}

// upgradeHeader is the header whose value HTTP/2 and HTTP/3 write elsewhere.
const upgradeHeader = "Upgrade"

// hasHeaders reports whether the header fields of the request match. WebSocket
// over HTTP/2 and HTTP/3 names the protocol in :protocol (RFC 8441), which
// Caddy turns into Upgrade when it passes the request on.
func (d *door) hasHeaders(r *http.Request) bool {
	for i := range d.headers {
		c := &d.headers[i]
		if c.matchesHeader(r.Header[c.name]) {
			continue
		}
		if c.name != upgradeHeader || r.Method != http.MethodConnect {
			return false
		}
		if !c.matchesHeader(r.Header[":protocol"]) && (r.ProtoMajor != 3 || !c.value.match(r.Proto)) {
			return false
		}
	}
	return true
}

// checkHeaders refuses a header that tells doors apart and that is there twice,
// or in a spelling that CGI reads as the same.
func (d *door) checkHeaders(r *http.Request) *credentials.Refusal {
	for i := range d.headers {
		if len(sameHeader(r.Header, d.headers[i].name)) > 1 {
			return credentials.Refuse(credentials.ReasonDuplicateHeader, "a header that tells steps apart occurs more than once")
		}
	}
	return nil
}

// sameHeader returns the values of a header in every spelling.
func sameHeader(h http.Header, name string) []string {
	values := h[name]
	for sent, more := range h {
		if sent != name && strings.IndexByte(sent, '_') >= 0 && http.CanonicalHeaderKey(strings.ReplaceAll(sent, "_", "-")) == name {
			values = append(slices.Clip(values), more...)
		}
	}
	return values
}

// hasFields reports whether the fields of a body match.
func (d *door) hasFields(values map[string]string) bool {
	for _, f := range d.fields {
		if !slices.Contains(f.Values, values[f.Name]) {
			return false
		}
	}
	return d.hasAll(values)
}

// hasAll reports whether the fields that have to be there are.
func (d *door) hasAll(values map[string]string) bool {
	return !slices.ContainsFunc(d.has, func(name string) bool { return values[name] == "" })
}

func isMethod(m string) bool {
	return m != "" && strings.Trim(m, "-_ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
