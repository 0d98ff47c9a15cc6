// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// sent is a login request as readers of login services get it.
type sent struct{ query, contentType, body string }

// login is what a reader sees. One that sees neither checks no password.
type login struct{ user, secret string }

const userField, secretField = "user_name", "password"

// lenientReaders are readers as login services have them, each with its own
// leniency. Whenever two of them disagree about a request, ours must have
// refused it.
var lenientReaders = map[string]func(sent) login{
	"net/http, body": func(s sent) login {
		r := parsed(s)
		return login{r.PostForm.Get(userField), r.PostForm.Get(secretField)}
	},
	"net/http, merged":          func(s sent) login { r := parsed(s); return login{r.Form.Get(userField), r.Form.Get(secretField)} },
	"PHP, $_POST":               func(s sent) login { return phpLogin(phpPairs(s.body)) },
	"PHP, $_REQUEST":            func(s sent) login { return phpLogin(append(phpPairs(s.query), phpPairs(s.body)...)) },
	"PHP, query wins":           func(s sent) login { return phpLogin(append(phpPairs(s.body), phpPairs(s.query)...)) },
	"pairs, folded, first":      func(s sent) login { return foldedPairs(s.body+"&"+s.query, false) },
	"pairs, folded, last":       func(s sent) login { return foldedPairs(s.body+"&"+s.query, true) },
	"Rocket":                    func(s sent) login { return steppedPairs(s.body) },
	"encoding/json, map":        jsonMap,
	"encoding/json, struct":     jsonStruct,
	"JSON, lenient, first":      func(s sent) login { return lenientJSON(s.body, false) },
	"JSON, lenient, last":       func(s sent) login { return lenientJSON(s.body, true) },
	"mime/multipart, first":     func(s sent) login { return standardMultipart(s, false) },
	"mime/multipart, last":      func(s sent) login { return standardMultipart(s, true) },
	"multipart, lenient, first": func(s sent) login { return lenientMultipart(s, false) },
	"multipart, lenient, last":  func(s sent) login { return lenientMultipart(s, true) },
}

func parsed(s sent) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/login", strings.NewReader(s.body))
	r.URL.RawQuery = s.query
	r.Header.Set("Content-Type", s.contentType)
	_ = r.ParseForm()
	return r
}

// phpPairs reads pairs as PHP does: escapes where there are some, names cut at
// NUL, without blanks before them, mangled; at most max_input_vars of them.
func phpPairs(text string) [][2]string {
	var pairs [][2]string
	for pair := range strings.SplitSeq(text, "&") {
		if len(pairs) == 1000 {
			break
		}
		key, value, _ := strings.Cut(pair, "=")
		key, value = leniently(key), leniently(value)
		key, _, _ = strings.Cut(key, "\x00")
		if key = strings.TrimLeft(key, " "); key == "" {
			continue
		}
		if open := strings.IndexByte(key, '['); open > 0 && strings.IndexByte(key[open:], ']') > 0 {
			key, value = key[:open], "Array"
		}
		pairs = append(pairs, [2]string{strings.NewReplacer(".", "_", " ", "_", "[", "_").Replace(key), value})
	}
	return pairs
}

func phpLogin(pairs [][2]string) (l login) {
	for _, p := range pairs {
		l.set(p[0], p[1], true)
	}
	return l
}

// set notes a field: the last that is there, or the first.
func (l *login) set(key, value string, last bool) {
	switch {
	case key == userField && (last || l.user == ""):
		l.user = value
	case key == secretField && (last || l.secret == ""):
		l.secret = value
	}
}

// leniently decodes what is an escape and leaves the rest alone.
func leniently(s string) string {
	return escape.ReplaceAllStringFunc(strings.ReplaceAll(s, "+", " "), func(e string) string {
		decoded, _ := url.PathUnescape(e)
		return decoded
	})
}

var escape = regexp.MustCompile("%[0-9A-Fa-f]{2}")

// foldedPairs reads pairs that & or ; separate, with names in any case.
func foldedPairs(text string, last bool) (l login) {
	for pair := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '&' || r == ';' }) {
		key, value, _ := strings.Cut(pair, "=")
		l.set(strings.ToLower(strings.TrimSpace(leniently(key))), leniently(value), last)
	}
	return l
}

// steppedPairs steps in at brackets and dots and takes the first of a name.
func steppedPairs(text string) (l login) {
	for pair := range strings.SplitSeq(text, "&") {
		key, value, _ := strings.Cut(pair, "=")
		key = leniently(key)
		if i := strings.IndexAny(key, ".["); i >= 0 {
			key = key[:i]
		}
		l.set(strings.ToLower(key), leniently(value), false)
	}
	return l
}

func jsonMap(s sent) (l login) {
	var members map[string]any
	if json.Unmarshal([]byte(s.body), &members) == nil {
		l.user, _ = members[userField].(string)
		l.secret, _ = members[secretField].(string)
	}
	return l
}

func jsonStruct(s sent) login {
	var fields struct {
		User   string `json:"user_name"`
		Secret string `json:"password"`
	}
	if json.Unmarshal([]byte(s.body), &fields) != nil {
		return login{}
	}
	return login{fields.User, fields.Secret}
}

var comments = regexp.MustCompile(`(?s)("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/`)

// lenientJSON reads the first document, or all of them, behind a byte order
// mark and between comments, with names in any case, and takes the first of an
// array for a value.
func lenientJSON(body string, last bool) (l login) {
	body = comments.ReplaceAllString(strings.TrimPrefix(body, "\ufeff"), "$1")
	d := json.NewDecoder(strings.NewReader(body))
	for {
		var document []member
		if err := decodeMembers(d, &document); err != nil {
			return l
		}
		for _, m := range document {
			l.set(strings.ToLower(strings.TrimSpace(m.name)), m.text, last)
		}
		if !last {
			return l
		}
	}
}

type member struct{ name, text string }

// decodeMembers reads the members of one object with their strings, in order.
func decodeMembers(d *json.Decoder, into *[]member) error {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errNoObject
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return err
		}
		if list, ok := value.([]any); ok && len(list) > 0 {
			value = list[0]
		}
		text, _ := value.(string)
		*into = append(*into, member{name.(string), text})
	}
	_, err := d.Token()
	return err
}

var errNoObject = io.ErrUnexpectedEOF

func standardMultipart(s sent, last bool) (l login) {
	r := parsed(s)
	r.Body = io.NopCloser(strings.NewReader(s.body))
	reader, err := r.MultipartReader()
	if err != nil {
		return l
	}
	for {
		part, err := reader.NextPart()
		if err != nil {
			return l
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return l
		}
		l.set(part.FormName(), string(text), last)
	}
}

var partNames = regexp.MustCompile(`(?i)name\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s;"]+))`)

// lenientMultipart cuts at every line that begins with the boundary, whatever
// ends lines, takes names with and without quotes, and folds them.
func lenientMultipart(s sent, last bool) (l login) {
	_, boundary, _ := strings.Cut(s.contentType, "boundary=")
	boundary = strings.Trim(boundary, `"`)
	if boundary == "" || !strings.HasPrefix(s.contentType, "multipart/") {
		return l
	}
	body := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s.body)
	for i, part := range strings.Split("\n"+body, "\n--"+boundary) {
		head, text, ok := strings.Cut(part, "\n\n")
		if !ok || i == 0 && part == "" {
			continue
		}
		for _, m := range partNames.FindAllStringSubmatch(head, -1) {
			l.set(strings.ToLower(strings.TrimSpace(leniently(m[1]+m[2]))), text, last)
		}
	}
	return l
}

// multipartOf writes a form as multipart with the boundary xx, for seeds.
func multipartOf(pairs ...string) string {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.SetBoundary("xx")
	for i := 0; i+1 < len(pairs); i += 2 {
		_ = w.WriteField(pairs[i], pairs[i+1])
	}
	_ = w.Close()
	return b.String()
}

// The readers above are worth comparing with: they disagree about what we
// refuse, and agree about what we accept.
func TestLenientReadersDisagree(t *testing.T) {
	t.Parallel()
	rule := requestRule(t)
	json := func(body string) sent { return sent{contentType: jsonType, body: body} }
	form := func(body string) sent { return sent{contentType: formType, body: body} }
	multi := func(body string) sent { return sent{contentType: multipartType, body: body} }
	for name, s := range map[string]sent{
		"P020 user twice":        form("user_name=decoy&user_name=victim&password=x"),
		"P022 query":             {query: "user_name=victim", contentType: formType, body: "user_name=decoy&password=x"},
		"P024 array":             form("user_name=decoy&user_name[]=victim&password=x"),
		"P027 semicolon":         form("a=1;user_name=victim&user_name=decoy&password=x"),
		"mangled name":           form("user_name=decoy&user.name=victim&password=x"),
		"NUL in a name":          form("user_name=decoy&user_name%00x=victim&password=x"),
		"P028 1001 fillers":      form(strings.Repeat("a=1&", 1001) + "user_name=victim&password=x&user_name=z"),
		"P034 member twice":      json(`{"user_name":"decoy","user_name":"victim","password":"x"}`),
		"P036 array":             json(`{"user_name":["victim"],"password":"x","USER_NAME":"decoy"}`),
		"P038 other case":        json(`{"user_name":"decoy","USER_NAME":"victim","password":"x"}`),
		"P041 comment":           json("// a\n{\"user_name\":\"victim\",\"password\":\"x\"}&user_name=decoy"),
		"P042 two documents":     json(`{"user_name":"decoy","password":"x"}{"user_name":"victim"}`),
		"P048 polyglot":          json(`{"user_name":"decoy","password":"x","a":"&user_name=victim&b"}`),
		"P061 two parts":         multi(multipartOf("user_name", "decoy", "user_name", "victim", "password", "x")),
		"P063 unquoted name":     multi(strings.Replace(multipartOf("user_name", "victim", "user_name", "decoy", "password", "x"), `"user_name"`, "user_name", 1)),
		"P064 preamble":          multi("--xx\nContent-Disposition: form-data; name=\"user_name\"\n\nvictim\n" + multipartOf("user_name", "decoy", "password", "x")),
		"boundary behind a feed": multi(multipartOf("a", "b\n--xx\nname=user_name\n\nvictim", "user_name", "decoy", "password", "x")),
	} {
		users := map[string]bool{}
		for _, read := range lenientReaders {
			if l := read(s); l.user != "" {
				users[l.user] = true
			}
		}
		if len(users) < 2 {
			t.Errorf("%s: every reader sees %v", name, users)
		}
		if got, err := rule.Read(s.request(), "/login"); err == nil {
			t.Errorf("%s: accepted as %q", name, got.User)
		}
	}
}
