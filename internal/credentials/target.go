// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"fmt"
	"strings"
)

// Match says what a target has to do with the guarded paths.
type Match struct {
	// Pattern is the index of the pattern that the path matches byte for byte,
	// or -1. A pattern without a star goes before prefixes; else the first counts.
	Pattern int
	// Folded: the target does not match byte for byte, but some server reads
	// it as a guarded path (D1). Pattern is -1 then.
	Folded bool
}

// Paths are the guarded paths of a site. They are safe for concurrent use.
type Paths struct {
	patterns []pattern
	// byLength finds the patterns whose folded form has a given length. It
	// rejects nearly every target without a comparison.
	byLength [][]int
	prefixes []prefix
}

// prefix is the folded beginning of a pattern behind which more may follow.
type prefix struct {
	pattern int
	folded  string
}

// NewPaths compiles guarded paths: "/login", or a prefix that ends in a star,
// as "/api/*". Patterns are plain paths, so that a target equal to one has one
// reading only. The same path may be given more than once.
func NewPaths(patterns []string) (*Paths, error) {
	p := &Paths{patterns: make([]pattern, 0, len(patterns))}
	for i, written := range patterns {
		t, err := newPattern(written)
		if err != nil {
			return nil, fmt.Errorf("compiling guarded path %q: %w", written, err)
		}
		p.patterns = append(p.patterns, t)
		for len(p.byLength) <= len(t.folded) {
			p.byLength = append(p.byLength, nil)
		}
		p.byLength[len(t.folded)] = append(p.byLength[len(t.folded)], i)
		if t.rest {
			folded := t.folded
			if !t.partial && folded != "/" {
				folded += "/"
			}
			p.prefixes = append(p.prefixes, prefix{pattern: i, folded: folded})
		}
	}
	return p, nil
}

// Match compares a request target, as in http.Request.RequestURI, with the
// guarded paths. The query plays no part, nor do scheme and host of a target
// in absolute form. Plain targets that match nothing cost no allocation.
//
// A target under a prefix that is also another pattern in a different spelling
// is Folded: with "/api/*" and "/api/login", "/api//login" is refused rather
// than read as one of the two.
func (p *Paths) Match(rawTarget string) Match {
	m := p.match(rawTarget)
	if m.Pattern < 0 && !m.Folded {
		m.Folded = p.throughScript(rawTarget)
	}
	return m
}

func (p *Paths) match(rawTarget string) Match {
	if len(rawTarget) == 0 || rawTarget[0] != '/' {
		return p.matchAbsolute(rawTarget)
	}
	previous, dot, parentDot := byte('/'), 0, 0
	end := len(rawTarget)
scan:
	for i := 1; i < len(rawTarget); i++ {
		c := rawTarget[i]
		switch targetBytes[c] {
		case plainByte:
		case slashByte:
			if previous == '/' || previous == '.' {
				return p.matchFolded(cutQuery(rawTarget), false)
			}
			parentDot, dot = dot, 0
		case dotByte:
			if previous == '/' {
				return p.matchFolded(cutQuery(rawTarget), false)
			}
			dot = i
		case queryByte:
			end = i
			break scan
		default:
			return p.matchFolded(cutQuery(rawTarget), false)
		}
		previous = c
	}
	length := end
	if previous == '/' && end > 1 {
		length, dot = end-1, parentDot
	}
	if previous == '.' {
		return p.matchFolded(rawTarget[:end], false)
	}
	return p.matchPlain(rawTarget[:end], length, dot)
}

// matchPlain matches a path of which only letter case, one extension and one
// slash at the end can be folded. Length leaves out the slash; dot is where
// the extension begins, or 0.
func (p *Paths) matchPlain(path string, length, dot int) Match {
	m := Match{Pattern: -1}
	if length < len(p.byLength) {
		for _, i := range p.byLength[length] {
			t := &p.patterns[i]
			if !equalFold(path[:length], t.folded) {
				continue
			}
			switch {
			case !t.matches(path):
				m.Folded = true
			case !t.isPrefix:
				return Match{Pattern: i}
			case m.Pattern < 0:
				m.Pattern = i
			}
		}
	}
	if dot > 0 && dot < len(p.byLength) {
		for _, i := range p.byLength[dot] {
			t := &p.patterns[i]
			if equalFold(path[:dot], t.folded) && !t.matches(path) {
				m.Folded = true
			}
		}
	}
	for _, x := range p.prefixes {
		if len(path) < len(x.folded) || !equalFold(path[:len(x.folded)], x.folded) {
			continue
		}
		if !p.patterns[x.pattern].matches(path) {
			m.Folded = true
		} else if m.Pattern < 0 || x.pattern < m.Pattern {
			m.Pattern = x.pattern
		}
	}
	if m.Folded {
		m.Pattern = -1
	}
	return m
}

// Exact reports whether the target matches one pattern byte for byte. Steps
// that share a path, or a prefix and a path below it, are told apart with it
// after Match has found a pattern; it does not look for other readings.
func (p *Paths) Exact(rawTarget string, pattern int) bool {
	if len(rawTarget) == 0 || rawTarget[0] != '/' {
		path, wellFormed := cutAuthority(rawTarget)
		if !wellFormed {
			return false
		}
		rawTarget = path
	}
	return p.patterns[pattern].matches(cutQuery(rawTarget))
}

// equalFold compares ASCII letters in any case with a lower-case string of the
// same length.
func equalFold(s, lower string) bool {
	// The last letter differs more often than the first.
	for i := len(s) - 1; i >= 0; i-- {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func cutQuery(target string) string {
	path, _, _ := strings.Cut(target, "?")
	return path
}

const (
	plainByte = iota
	slashByte
	dotByte
	queryByte
	foldByte
)

// targetBytes says what a byte of a target is to Match.
var targetBytes = func() (classes [256]byte) {
	for c := range classes {
		if c <= ' ' || c >= 0x7f {
			classes[c] = foldByte
		}
	}
	for _, c := range []byte(`%\;#`) {
		classes[c] = foldByte
	}
	classes['/'], classes['.'], classes['?'] = slashByte, dotByte, queryByte
	return classes
}()
