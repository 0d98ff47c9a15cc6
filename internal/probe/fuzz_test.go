// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzRule lets a service say anything. What comes of it is a block of the lines
// that a block has: nothing that the service says becomes a directive, a
// placeholder or a line of its own.
func FuzzRule(f *testing.F) {
	plain := loginPage("/login", `<input type="hidden" name="csrf" value="1">`)
	f.Add(plain, "sid=1; Path=/", "/home", `{"token":"x"}`, "{}")
	f.Add(plain, "a`b{$HOME}=1", "/{env.HOME}`\n}", `{"a b":{"token":"x"},"status":"ok"}`, `{"status":"no"}`)
	f.Add(`<form method=post><input name="a&b"><input type=password name="}">`, "", "//evil\\x", `<a href="/logout">`, "")
	f.Add(`<form method=post action="/a{b}*"><input name="u"><input type=password name="p">`, "", "", `{"success":"a|b & c"}`, `{"success":"d"}`)
	f.Fuzz(func(t *testing.T, markup, cookie, location, right, wrong string) {
		u, _ := url.Parse("http://127.0.0.1/login")
		p := &prober{Options: Options{User: alice, Password: wonderland}, url: u, wrong: "Wrong", report: new(Report)}
		answered := func(status int, kind, body string, header ...string) *answer {
			h := http.Header{"Content-Type": {kind}}
			for i := 0; i < len(header); i += 2 {
				h.Set(header[i], header[i+1])
			}
			return newAnswer(u, &http.Response{StatusCode: status, Header: h}, []byte(body))
		}
		g := &page{answer: answered(200, "text/html", markup)}
		g.forms, g.base = readForms(g.body)
		form, err := g.loginForm(p)
		if err != nil || form == nil {
			return
		}
		form.note(p)
		if p.rehearse(&form.login) != nil {
			return
		}
		kind := "application/json"
		if strings.HasPrefix(right, "<") {
			kind = "text/html"
		}
		tr := &trial{
			prober: p, login: &form.login, wrong: answered(302, kind, wrong, "Location", "/login"),
			right: answered(302, kind, right, "Set-Cookie", cookie, "Location", location),
		}
		p.did(tr.right.says())
		if tr.verdict() != nil {
			return
		}
		rule, err := tr.derive()
		if err != nil {
			return
		}
		block, err := rule.write(p.report, safeURL(u))
		if err == nil {
			checkBlock(t, block)
		}
	})
}

// checkBlock looks for lines that no block has.
func checkBlock(t *testing.T, block string) {
	t.Helper()
	words := map[string]bool{"match": true, "accept": true, "user": true, "secret": true, "success": true, "failure": true}
	for line := range strings.Lines(block) {
		line = strings.TrimSuffix(line, "\n")
		first, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case strings.HasPrefix(line, "#"):
		case line == "lockout {", line == "\tstep password {", line == "\t}", line == "}":
			continue
		case !strings.HasPrefix(line, "\t\t") || !words[first] || strings.Count(rest, "`")%2 != 0:
			t.Errorf("line %q of\n%s", line, block)
		}
		if strings.ContainsAny(line, "{}\r\v\f\x00") {
			t.Errorf("line %q of\n%s", line, block)
		}
	}
}
