// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"regexp"
)

// logoutLink is what only a page for somebody who is logged in has, in quotes:
// a page that repeats what was sent to it writes them in another way.
var logoutLink = regexp.MustCompile(`(?i)\b(href|action)="[a-z0-9_./-]*(log|sign)[_-]?(out|off)[a-z0-9_./-]*"`)

// textMarks are links by which one logs out, in services that answer both
// logins with a page.
func (t *trial) textMarks() []*mark {
	if !t.right.isHTML() {
		return nil
	}
	link := logoutLink.Find(t.right.body)
	if link == nil {
		return nil
	}
	w, err := word(string(link))
	if err != nil {
		return nil
	}
	return []*mark{{
		conditions: []string{"body " + w},
		has:        func(a *answer) bool { return bytes.Contains(a.body, link) },
		weak: "success is told by a link in the page that logs out, because nothing else was found; see that no other answer at this path has it, " +
			"and that the service writes quotes of what it repeats as entities",
	}}
}
