// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// rule is what a block says.
type rule struct {
	login            *login
	basic            bool
	success, failure []string // conditions
	known            []string // presets
}

// write writes the block, with the report as comments.
func (r *rule) write(report *Report, where string) (string, error) {
	step, err := r.step()
	if err != nil {
		return "", err
	}
	report.Open = append(report.Open, r.limits()...)
	var b strings.Builder
	comment(&b, "", "Written by `caddy lockout probe` after logging in at "+where)
	for _, did := range report.Did {
		comment(&b, "  ", did)
	}
	for _, preset := range r.known {
		comment(&b, "", "The answers look like those of a service with a preset: `lockout "+preset+"` knows more of its doors than this rule.")
	}
	comment(&b, "", "What this rule leaves open:")
	for _, open := range report.Open {
		comment(&b, "  - ", open)
	}
	b.WriteString("lockout {\n" + step + "}\n")
	return b.String(), nil
}

// maxColumns is where a comment goes on in another line.
const maxColumns = 100

// comment writes a sentence as lines of a comment.
func comment(b *strings.Builder, lead, sentence string) {
	line := "# " + lead
	empty := true
	for _, w := range strings.Fields(sentence) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(w) > maxColumns {
			b.WriteString(line + "\n")
			line, empty = "# "+strings.Repeat(" ", len(lead)), true
		}
		if !empty {
			line += " "
		}
		line, empty = line+w, false
	}
	b.WriteString(line + "\n")
}

// limits is what no probe can see.
func (r *rule) limits() []string {
	const names = "where the service takes several names for one account, such as a user name and an e-mail address, each has guesses of its own; see `names` and `identity` in the README"
	if r.basic {
		return []string{names, "passwords that the service takes in other places than the header Authorization, such as a login form or an API, are not counted"}
	}
	return []string{names, fmt.Sprintf("only POST %s is counted, and a body there that is not %s is refused. Other doors to the same accounts, such as an API, HTTP Basic, "+
		"a second login page, codes, or a change of the password, need steps of their own or `deny`", r.login.where(), r.login.body)}
}

func (r *rule) step() (string, error) {
	if r.basic {
		return `	step password {
		user basic
		success status 2xx 3xx 403 404 405 409 412
		failure status 401
		neutral status 502 503 504
	}
`, nil
	}
	path, user, err := r.login.places()
	if err != nil {
		return "", err
	}
	secret, err := word(r.login.secret)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("	step password {")
	line("		match %s", path)
	if r.login.grant {
		line("		match field grant_type password")
	}
	line("		accept %s", r.login.body)
	line("		user %s", user)
	line("		secret field %s", secret)
	line("		success %s", strings.Join(r.success, " & "))
	line("		failure %s", strings.Join(r.failure, " & "))
	line("	}")
	if r.login.grant {
		line("	pass {")
		line("		match %s", path)
		line("		match has grant_type")
		line("	}")
	}
	return b.String(), nil
}

// places says by which paths the login is known, and where its user stands.
func (l *login) places() (path, user string, err error) {
	if l.segment > 0 {
		before, behind := l.around()
		path, err = word("^" + regexp.QuoteMeta(before) + "[^/]+" + regexp.QuoteMeta(behind) + "$")
		return "path_regexp " + path, fmt.Sprint("path ", l.segment), err
	}
	if path, err = word(l.url.EscapedPath()); err != nil {
		return "", "", err
	}
	if strings.Contains(path, "*") {
		return "", "", fmt.Errorf("writing the rule: the path %s holds a *", path)
	}
	user, err = word(l.user)
	return "path " + path, "field " + user, err
}
