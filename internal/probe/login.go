// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// login says how a login is sent.
type login struct {
	url          *url.URL
	body         string
	user, secret string // names of the fields
	fields       []Field
	grant        bool // RFC 6749, section 4.3
	segment      int  // of the path, which is the user; 0: a field is
}

// inPath makes the segment of the path that is the name of the user the place of
// the user.
func (l *login) inPath(user string) bool {
	for i, segment := range strings.Split(l.url.EscapedPath(), "/") {
		if name, err := url.PathUnescape(segment); err == nil && name == user {
			l.segment = i
			return true
		}
	}
	return false
}

// around is the path before and behind the segment of the user.
func (l *login) around() (before, behind string) {
	segments := strings.Split(l.url.EscapedPath(), "/")
	before = strings.Join(segments[:l.segment], "/") + "/"
	if rest := segments[l.segment+1:]; len(rest) > 0 {
		behind = "/" + strings.Join(rest, "/")
	}
	return before, behind
}

// address is where a login of this user goes.
func (l *login) address(user string) *url.URL {
	if l.segment == 0 {
		return l.url
	}
	before, behind := l.around()
	u := *l.url
	u.RawPath = before + url.PathEscape(user) + behind
	u.Path, _ = url.PathUnescape(u.RawPath) // well-formed, as its parts are
	return &u
}

// where is the path as the report names it.
func (l *login) where() string {
	if l.segment == 0 {
		return printable(l.url.EscapedPath())
	}
	before, behind := l.around()
	return printable(before + "…" + behind)
}

// override replaces fields by others of the same name, and adds those that are
// new.
func override(fields, by []Field) []Field {
	out := slices.Clone(fields)
	for _, f := range by {
		if i := slices.IndexFunc(out, func(o Field) bool { return o.Name == f.Name }); i >= 0 {
			out[i] = f
		} else {
			out = append(out, f)
		}
	}
	return out
}

// request builds a login. An empty name leaves out user or secret.
func (l *login) request(ctx context.Context, user, secret string) (*http.Request, error) {
	fields := slices.Clone(l.fields)
	if l.user != "" {
		fields = append(fields, Field{l.user, user})
	}
	if l.secret != "" {
		fields = append(fields, Field{l.secret, secret})
	}
	body, media, err := encode(l.body, fields)
	if err != nil {
		return nil, err
	}
	address := l.address(user)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("building the login: %w", err)
	}
	r.Header.Set("Content-Type", media)
	r.Header.Set("Accept", "application/json")
	if l.body != BodyJSON && !l.grant {
		r.Header.Set("Accept", "text/html, application/json;q=0.9, */*;q=0.8")
	}
	// What browsers send, and services ask for.
	r.Header.Set("Origin", origin(l.url))
	r.Header.Set("Referer", origin(address)+address.EscapedPath())
	return r, nil
}

func encode(body string, fields []Field) (raw []byte, media string, err error) {
	switch body {
	case BodyJSON:
		object := map[string]any{}
		for _, f := range fields {
			if err := put(object, strings.Split(f.Name, "."), f.Value); err != nil {
				return nil, "", err
			}
		}
		raw, err = json.Marshal(object)
		return raw, "application/json", err
	case bodyMultipart:
		var out bytes.Buffer
		w := multipart.NewWriter(&out)
		for _, f := range fields {
			if err := w.WriteField(f.Name, f.Value); err != nil {
				return nil, "", err
			}
		}
		if err := w.Close(); err != nil {
			return nil, "", err
		}
		return out.Bytes(), w.FormDataContentType(), nil
	}
	pairs := make([]string, len(fields))
	for i, f := range fields {
		pairs[i] = url.QueryEscape(f.Name) + "=" + url.QueryEscape(f.Value)
	}
	return []byte(strings.Join(pairs, "&")), "application/x-www-form-urlencoded", nil
}

// put sets a member of a JSON object, or of an object in it.
func put(object map[string]any, path []string, value string) error {
	for _, step := range path[:len(path)-1] {
		inner, ok := object[step].(map[string]any)
		if !ok {
			if object[step] != nil {
				return fmt.Errorf("building the login: field %s is a text and an object", printable(step))
			}
			inner = map[string]any{}
			object[step] = inner
		}
		object = inner
	}
	object[path[len(path)-1]] = value
	return nil
}

// rehearse reads a login as lockout will, before it is sent: what lockout
// refuses needs no guess.
func (p *prober) rehearse(l *login) error {
	field := func(name string) []credentials.Place {
		return []credentials.Place{{From: credentials.FromField, Name: name}}
	}
	user := field(l.user)
	if l.segment > 0 {
		user = []credentials.Place{{From: credentials.FromPath, Name: strconv.Itoa(l.segment)}}
	}
	reader, err := credentials.NewLoginRule(credentials.LoginConfig{
		User: user, Secret: field(l.secret),
		Form: l.body == BodyForm, JSON: l.body == BodyJSON, Multipart: l.body == bodyMultipart,
	})
	if err != nil {
		return fmt.Errorf("reading the login as lockout does: %w", err)
	}
	r, err := l.request(context.Background(), p.User, p.wrong)
	if err != nil {
		return err
	}
	if _, err = reader.Read(r, r.URL.RequestURI()); err != nil {
		var refusal *credentials.Refusal
		if errors.As(err, &refusal) {
			return fmt.Errorf("reading the login as lockout does: it would be refused, because %s", refusal.Detail)
		}
		return fmt.Errorf("reading the login as lockout does: %w", err)
	}
	return nil
}

// login sends one login.
func (v *visit) login(ctx context.Context, l *login, user, password string) (*answer, error) {
	r, err := l.request(ctx, user, password)
	if err != nil {
		return nil, err
	}
	return v.send(r)
}

// sender sends a login in a visit.
type sender func(v *visit, user, password string) (*answer, error)

// probeLogin makes both logins at an address without a page.
func (p *prober) probeLogin(ctx context.Context, l *login) (*rule, error) {
	if err := p.rehearse(l); err != nil {
		return nil, err
	}
	return p.both(l, func(v *visit, user, password string) (*answer, error) { return v.login(ctx, l, user, password) })
}

// both makes the wrong login, then the right one, which ends what the service
// may have begun to count.
func (p *prober) both(l *login, send sender) (*rule, error) {
	t := &trial{prober: p, login: l}
	what := fmt.Sprintf("POST %s as %s", l.where(), l.body)
	var err error
	p.guesses++
	if t.wrong, err = send(p.newVisit(), p.User, p.wrong); err != nil {
		return nil, fmt.Errorf("sending a wrong password: %w", err)
	}
	p.refusal = p.gist(t.wrong)
	p.did(fmt.Sprintf("%s, a wrong password: %s", what, t.wrong.says()))
	v := p.newVisit()
	p.guesses++
	if t.right, err = send(v, p.User, p.Password); err != nil {
		return nil, fmt.Errorf("sending the right password: %w", err)
	}
	p.did(fmt.Sprintf("%s, the right password: %s", what, t.right.says()))
	if err := t.verdict(); err != nil {
		return nil, err
	}
	if v.loggedIn = true; len(v.cookies.Cookies(l.url)) > 0 {
		p.strange++
		if t.within, err = send(v, p.invented, p.wrong); err != nil {
			return nil, fmt.Errorf("sending a wrong password in the session of the right one: %w", err)
		}
		p.did(fmt.Sprintf("%s, in the session of the right one, a user who does not exist: %s", what, t.within.says()))
		if t.formless = v.formless; t.formless != nil {
			p.did(fmt.Sprintf("GET %s, in the session of the right one: %s", printable(p.url.EscapedPath()), t.formless.says()))
		}
	}
	return t.derive()
}
