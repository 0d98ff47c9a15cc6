// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// lead is where a redirect leads, as a regular expression over Location.
type lead struct{ re *regexp.Regexp }

func (l *lead) matches(a *answer) bool {
	return slices.ContainsFunc(a.header.Values("Location"), l.re.MatchString)
}

func (l *lead) condition() string {
	w, err := word(l.re.String())
	if err != nil {
		return ""
	}
	return "header_regexp Location " + w
}

// locationMarks are where the right login is sent and the wrong one is not: by
// the path, or by the query when the path is one.
func (t *trial) locationMarks() []*mark {
	l := t.right.leads(t.User)
	if l == nil {
		return nil
	}
	if l.matches(t.wrong) {
		if l = t.right.leadsWithKey(t.User, t.wrong); l == nil || l.matches(t.wrong) {
			return nil
		}
	}
	if l.condition() == "" {
		return nil
	}
	return []*mark{{
		conditions: []string{l.condition()}, has: l.matches,
		weak: "success is told by the address that the answer redirects to; see that it goes elsewhere after everything else that may be sent to this path, " +
			"and that a page to go to after the login (next, return_to) is no other address",
	}}
}

// leads describes where a redirect leads by its path.
func (a *answer) leads(user string) *lead { return a.leadsTo(user, `([?#;].*)?$`) }

// leadsWithKey describes it by a parameter that the other redirect lacks, or by
// having no query.
func (a *answer) leadsWithKey(user string, other *answer) *lead {
	to, from := a.location(), other.location()
	if to == nil || from == nil {
		return nil
	}
	keys := []string{}
	for key := range to.Query() {
		if key != "" && !from.Query().Has(key) && isCode(key) {
			keys = append(keys, key)
		}
	}
	if len(keys) > 0 {
		return a.leadsTo(user, `\?(.*&)?`+regexp.QuoteMeta(slices.Min(keys))+`=`)
	}
	if to.RawQuery == "" && from.RawQuery != "" {
		return a.leadsTo(user, `$`)
	}
	return nil
}

func (a *answer) leadsTo(user, end string) *lead {
	if !a.isRedirect() {
		return nil
	}
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		return nil
	}
	expr := "^"
	switch {
	case to.Host != "" && to.Host != a.url.Host:
		expr += regexp.QuoteMeta(origin(to))
	case strings.HasPrefix(to.Path, "/"), to.Host != "":
		expr += `(https?://[^/?#]+)?` // the site has another address than the service
	}
	path, _, _ := strings.Cut(to.EscapedPath(), ";")
	for i, segment := range strings.Split(path, "/") {
		if i > 0 {
			expr += "/"
		}
		if looksRandom(segment) || segment == url.PathEscape(user) || segment == user {
			expr += `[^/?#;]+`
		} else {
			expr += regexp.QuoteMeta(segment)
		}
	}
	re, err := regexp.Compile(expr + end)
	if err != nil {
		return nil
	}
	return &lead{re}
}
