// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"bytes"
	"strings"
)

// maxFoldedBytes bounds the work on a target that is not plain. Servers refuse
// longer ones; here they count as a spelling of a guarded path.
const maxFoldedBytes = 8 << 10

// matchFolded matches a path that is not plain. Readers differ in when they
// decode, what they cut and whether they resolve dot segments before or after,
// so there is no single folded form. The path is decoded to the end, cut into
// all segments that any reader sees, and matched against what readers may drop
// between them.
func (p *Paths) matchFolded(path string, anywhere bool) Match {
	m := Match{Pattern: -1}
	if len(p.patterns) == 0 {
		return m
	}
	if len(path) > maxFoldedBytes {
		m.Folded = true
		return m
	}
	var stack [512]byte
	decoded := decodeTarget(append(stack[:0], path...))
	climbs := climbs(decoded)
	anywhere = anywhere || climbs
	first, certain := firstByte(decoded)
	certain = certain && !anywhere
	for i := range p.patterns {
		t := &p.patterns[i]
		if certain && len(t.segments) > 0 && t.segments[0][0] != first {
			continue
		}
		// A path that climbs can leave the prefix that it begins with.
		if t.matches(path) && !(climbs && len(t.segments) > 0) {
			if !t.isPrefix {
				return Match{Pattern: i}
			}
			if m.Pattern < 0 {
				m.Pattern = i
			}
			continue
		}
		m.Folded = m.Folded || t.readsAs(decoded, anywhere)
	}
	if m.Folded {
		m.Pattern = -1
	}
	return m
}

// matchAbsolute matches a target that does not begin with a slash: in absolute
// form its path counts, anything else is only compared leniently.
func (p *Paths) matchAbsolute(target string) Match {
	if target == "" || target == "*" {
		return Match{Pattern: -1}
	}
	path, wellFormed := cutAuthority(target)
	if wellFormed {
		return p.Match(path)
	}
	if m := p.matchFolded(target, true); m.Folded {
		return m
	}
	_, path, _ = strings.Cut(target, ":")
	return p.matchFolded(path, true)
}

// cutAuthority returns the path and query of a target in absolute form
// (RFC 9112, section 3.2.2). It is well-formed when no reader can take another
// part of it for the host.
func cutAuthority(target string) (path string, wellFormed bool) {
	scheme, rest, found := strings.Cut(target, "://")
	if !found || scheme == "" || strings.ContainsFunc(scheme, func(r rune) bool { return !isSchemeRune(r) }) {
		return target, false
	}
	i := strings.IndexAny(rest, `/\?#;@%`)
	switch {
	case i < 0:
		return "/", rest != ""
	case i == 0 || rest[i] != '/' && rest[i] != '?':
		return rest, false
	case rest[i] == '?':
		return "/" + rest[i:], true
	}
	return rest[i:], true
}

func isSchemeRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '+' || r == '-' || r == '.'
}

// readsAs reports whether some reader takes the decoded path for the pattern.
func (t *pattern) readsAs(decoded []byte, anywhere bool) bool {
	if t.follows(decoded, anywhere) {
		return true
	}
	if bytes.IndexByte(decoded, 0) >= 0 {
		// Some cut at NUL, which follows does; others drop it.
		decoded = bytes.ReplaceAll(decoded, []byte{0}, nil)
		if t.follows(decoded, anywhere) {
			return true
		}
	}
	// "//host/login" is a reference with a host to WHATWG URL parsers.
	if len(decoded) > 1 && isSlash(decoded[0]) && isSlash(decoded[1]) {
		rest := bytes.TrimLeft(decoded, `/\`)
		if i := bytes.IndexAny(rest, `/\`); i >= 0 {
			return t.follows(rest[i:], anywhere)
		}
	}
	return false
}

// follows reports whether the segments of the pattern follow each other in the
// path, apart from what a reader may drop: empty segments and dots always, all
// behind one of ; ? # NUL at the end, segments behind a ; as its parameters,
// and any segment when the path climbs. Bit k of a set stands for the first k
// segments of the pattern.
func (t *pattern) follows(path []byte, anywhere bool) bool {
	complete := uint64(1) << len(t.segments)
	next, skipping := uint64(1), uint64(0)
	if anywhere {
		skipping = next
	}
	for start := 0; ; {
		end := start
		for end < len(path) && !isSeparator(path[end]) {
			end++
		}
		if segment := trimSegment(path[start:end]); len(segment) > 0 {
			next = t.step(next|skipping, segment)
		}
		if anywhere || end < len(path) && path[end] == ';' {
			skipping |= next
		}
		if next&complete != 0 && (anywhere || t.rest || end == len(path) || !isSlash(path[end])) {
			return true
		}
		if end == len(path) {
			return false
		}
		start = end + 1
	}
}

// step returns the set after one more segment.
func (t *pattern) step(set uint64, segment []byte) (after uint64) {
	for k, want := range t.segments {
		if set&(1<<k) == 0 {
			continue
		}
		matches := string(segment) == want
		if k == len(t.segments)-1 && !matches {
			if t.partial {
				matches = bytes.HasPrefix(segment, []byte(want))
			} else if dot := bytes.LastIndexByte(segment, '.'); dot > 0 {
				matches = string(trimSegment(segment[:dot])) == want
			}
		}
		if matches {
			after |= 1 << (k + 1)
		}
	}
	return after
}

// firstByte returns the first byte of the first segment that is not trimmed
// away. It is certain when no reader drops that segment: it decides most
// targets, of hidden folders and escaped names, without matching.
func firstByte(path []byte) (first byte, certain bool) {
	certain = bytes.IndexByte(path, ';') < 0 && !(len(path) > 1 && isSlash(path[0]) && isSlash(path[1]))
	for _, c := range path {
		if !isSeparator(c) && c != '.' && c != ' ' {
			return c, certain
		}
	}
	return 0, certain
}

// climbs reports whether a path holds a segment of dots that some server takes
// for "..", alone or with blanks that it trims first.
func climbs(path []byte) bool {
	dots, other := 0, false
	for _, c := range path {
		switch {
		case isSeparator(c):
			if dots > 1 && !other {
				return true
			}
			dots, other = 0, false
		case c == '.':
			dots++
		case c != ' ':
			other = true
		}
	}
	return dots > 1 && !other
}

func trimSegment(segment []byte) []byte {
	for len(segment) > 0 && (segment[0] == '.' || segment[0] == ' ') {
		segment = segment[1:]
	}
	for len(segment) > 0 && (segment[len(segment)-1] == '.' || segment[len(segment)-1] == ' ') {
		segment = segment[:len(segment)-1]
	}
	return segment
}

func isSlash(c byte) bool { return c == '/' || c == '\\' }

func isSeparator(c byte) bool {
	return c == '/' || c == '\\' || c == ';' || c == '?' || c == '#' || c == 0
}
