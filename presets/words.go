// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"fmt"
	"strings"
	"unicode"
)

// word is a token of the Caddyfile, with the place where it stands in the file.
type word struct {
	text       string // without quotes
	quote      byte   // ", ` or 0
	start, end int    // in the file, quotes included
	line       int
	index      int  // in its line
	regexp     bool // it is a regular expression
}

// scan splits a file into words as Caddy does. What presets have no need of, and
// what would be hard to write anew, is refused: heredocs and lines that go on
// behind a backslash.
func scan(text string) ([]word, error) {
	var words []word
	line, index := 1, 0
	for at := 0; at < len(text); {
		switch c := text[at]; {
		case c == '\n':
			line, index = line+1, 0
			at++
		case unicode.IsSpace(rune(c)):
			at++
		case c == '#':
			at += len(text[at:]) - len(afterLine(text[at:]))
		default:
			w, err := scanWord(text, at)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", line, err)
			}
			w.line, w.index = line, index
			line += strings.Count(text[w.start:w.end], "\n")
			index++
			at = w.end
			words = append(words, w)
		}
	}
	markRegexps(words)
	return words, nil
}

// afterLine cuts up to the end of the line.
func afterLine(text string) string {
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		return text[i:]
	}
	return ""
}

func scanWord(text string, at int) (word, error) {
	w := word{start: at}
	rest := text[at:]
	switch rest[0] {
	case '`':
		length := strings.IndexByte(rest[1:], '`')
		if length < 0 {
			return w, fmt.Errorf("the quotes are not closed: %.40s", rest)
		}
		w.quote, w.text, w.end = '`', rest[1:1+length], at+length+2
	case '"':
		end := 1
		for end < len(rest) && rest[end] != '"' {
			if rest[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(rest) {
			return w, fmt.Errorf("the quotes are not closed: %.40s", rest)
		}
		w.quote, w.text, w.end = '"', strings.ReplaceAll(rest[1:end], `\"`, `"`), at+end+1
	default:
		length := strings.IndexFunc(rest, unicode.IsSpace)
		if length < 0 {
			length = len(rest)
		}
		w.text, w.end = rest[:length], at+length
		if strings.HasPrefix(w.text, "<<") || strings.HasSuffix(w.text, "\\") {
			return w, fmt.Errorf("presets take no heredoc and no backslash at the end of a word: %s", w.text)
		}
	}
	return w, nil
}

// markRegexps finds the words that are regular expressions: all behind a word
// that says so, up to an operator.
func markRegexps(words []word) {
	first, inRegexp := "", false
	for i := range words {
		w := &words[i]
		if w.index == 0 {
			first, inRegexp = w.text, false
		}
		switch {
		case w.quote == 0 && (w.text == "&" || w.text == "|"):
			inRegexp = false
		case w.quote == 0 && (strings.HasSuffix(w.text, "_regexp") || w.text == "user_pattern"):
			inRegexp = true
		default:
			w.regexp = inRegexp || first == "identity" && w.index > 2
		}
	}
}
