// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"strings"
)

// RawPath returns the path of a request target as the client wrote it: without
// query, and without scheme and host of a target in absolute form.
func RawPath(target string) string {
	if target != "" && target[0] != '/' {
		target, _ = cutAuthority(target)
	}
	return cutQuery(target)
}

// LeadsElsewhere reports whether some server may take a target for a path that
// does not begin and end as it stands there: it climbs, or something in it ends it
// or is dropped.
func LeadsElsewhere(target string) bool {
	path := RawPath(target)
	if len(path) > maxFoldedBytes {
		return true
	}
	decoded := decodeTarget([]byte(path))
	return climbs(decoded) || strings.ContainsAny(string(decoded), "\x00?#;\\")
}

// Spellings calls yield with the paths that some server may read out of a
// target, in lower case, until yield returns true; it reports whether it did.
// They are for regular expressions, which cannot be folded themselves; plain
// patterns are compared by Paths. A target for which there is no end of
// readings counts as one that matches.
func Spellings(target string, yield func(string) bool) bool {
	path := target
	if path != "" && path[0] != '/' {
		var wellFormed bool
		if path, wellFormed = cutAuthority(path); !wellFormed && strings.ContainsAny(path, `/\%`) {
			return true
		}
	}
	path = cutQuery(path)
	if len(path) > maxFoldedBytes {
		return true
	}
	var buf [256]byte
	decoded := decodeTarget(append(buf[:0], path...))
	if climbs(decoded) {
		return true
	}
	text := strings.ReplaceAll(string(decoded), `\`, "/")
	for _, text := range cuts(text) {
		if tidy := tidySegments(text); yield(tidy) || yieldEnds(tidy, yield) {
			return true
		}
	}
	return false
}

// cuts returns the readings of a decoded path that differ in what ends it or is
// dropped: a NUL, an encoded question mark or hash, path parameters.
func cuts(path string) []string {
	list := []string{strings.ReplaceAll(path, "\x00", "")}
	if rest, found := strings.CutPrefix(path, "//"); found {
		// A reference with a host to WHATWG URL parsers.
		if _, behind, found := strings.Cut(strings.TrimLeft(rest, "/"), "/"); found {
			list = append(list, "/"+behind)
		}
	}
	if i := strings.IndexAny(path, "\x00?#"); i >= 0 {
		list = append(list, path[:i])
	}
	if strings.IndexByte(path, ';') >= 0 {
		for _, p := range list {
			before, _, _ := strings.Cut(p, ";")
			segments := strings.Split(p, "/")
			for i := range segments {
				segments[i], _, _ = strings.Cut(segments[i], ";")
			}
			list = append(list, before, strings.Join(segments, "/"))
		}
	}
	return list
}

// tidySegments trims dots and blanks around segments and drops empty ones.
func tidySegments(path string) string {
	var b strings.Builder
	for segment := range strings.SplitSeq(path, "/") {
		if segment = string(trimSegment([]byte(segment))); segment != "" {
			b.WriteByte('/')
			b.WriteString(segment)
		}
	}
	if b.Len() == 0 || strings.HasSuffix(path, "/") {
		b.WriteByte('/')
	}
	return b.String()
}

// yieldEnds tries what servers add to or drop from the end of a path: a slash,
// an extension, the index of a directory; and what stands behind the name of a
// script.
func yieldEnds(path string, yield func(string) bool) bool {
	bare := strings.TrimSuffix(path, "/")
	if yield(bare) || yield(bare+"/") {
		return true
	}
	slash := strings.LastIndexByte(bare, '/')
	if dot := strings.LastIndexByte(bare, '.'); dot > slash+1 {
		if yield(bare[:dot]) || yield(bare[:dot]+"/") {
			return true
		}
	}
	if slash >= 0 && (beginsWith(bare[slash+1:], "index.") || beginsWith(bare[slash+1:], "default.")) {
		if yield(bare[:slash+1]) || yield(bare[:slash]) {
			return true
		}
	}
	for rest := path; ; {
		_, behind, found := strings.Cut(rest, ".php/")
		if !found {
			return false
		}
		if yield("/" + behind) {
			return true
		}
		rest = behind
	}
}
