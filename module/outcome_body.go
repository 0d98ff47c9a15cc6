// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"bytes"
	"net/http"
	"regexp"
	"regexp/syntax"
	"strings"
)

// answerBody is what conditions see of the body of an answer.
type answerBody struct {
	// text is at most maxHeld long, so that what a condition says does not depend
	// on how the answer was cut into packets.
	text []byte
	// cut: the service has said more than text, or something else. What is not
	// found may be there all the same: a client that can lengthen an answer must
	// not be able to push the mark of a failure out of sight.
	cut  bool
	json jsonAnswer
}

func (a *answer) readable() answerBody {
	b := answerBody{text: a.body[:min(len(a.body), maxHeld)], cut: !a.complete || len(a.body) > maxHeld || a.partial()}
	if a.encoded() {
		b.text, b.cut = nil, true
	}
	b.json = jsonAnswer{text: b.text, cut: b.cut}
	return b
}

// partial reports an answer whose body is not the whole of what it stands for: a
// range that the client asked for, or nothing because it knows the rest.
func (a *answer) partial() bool {
	return a.status == http.StatusPartialContent || a.status == http.StatusNotModified
}

// encoded reports a Content-Encoding. The transport decodes what it asks for.
func (a *answer) encoded() bool {
	for _, coding := range a.header["Content-Encoding"] {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return true
		}
	}
	return false
}

func (b *answerBody) contains(text string) truth {
	return b.found(bytes.Contains(b.text, []byte(text)))
}

// matches tries a regular expression. What it says of the end of the text is not
// about the end of the answer when that was cut.
func (b *answerBody) matches(re *regexp.Regexp, looksAtEnd bool) truth {
	if b.cut && looksAtEnd {
		return truthUnknown
	}
	return b.found(re.Match(b.text))
}

func (b *answerBody) hasJSON(path []string, want string) truth {
	if b.cut {
		return truthUnknown
	}
	return truthOf(b.json.matches(path, want))
}

func (b *answerBody) found(here bool) truth {
	if !here && b.cut {
		return truthUnknown
	}
	return truthOf(here)
}

// looksAtEnd reports whether a regular expression asks where the text or a line
// or a word ends.
func looksAtEnd(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpEndText, syntax.OpEndLine, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	}
	for _, part := range re.Sub {
		if looksAtEnd(part) {
			return true
		}
	}
	return false
}

// verdicts is a set of them.
type verdicts uint16

const (
	wrongVerdicts verdicts = 1<<verdictFailure | 1<<verdictFirstWrong | 1<<verdictSecondWrong
	neutralOne    verdicts = 1 << verdictNeutral
	pendingOne    verdicts = 1 << verdictPending
)

// unless is the verdict of a rule when rules before it may have matched as well,
// had the whole answer been there. The rules of a success have to be seen to
// match; those that forgive less hold what comes behind them up.
func (v verdict) unless(others verdicts) verdict {
	switch v {
	case verdictSuccess, verdictPending:
		if others&(wrongVerdicts|neutralOne) != 0 {
			return verdictUnclassified
		}
		if others&pendingOne != 0 {
			return verdictPending
		}
	case verdictNeutral:
		if others&wrongVerdicts != 0 {
			return verdictUnclassified
		}
	case verdictFirstWrong, verdictSecondWrong:
		if others&wrongVerdicts&^(1<<v) != 0 {
			return verdictFailure
		}
	}
	return v
}
