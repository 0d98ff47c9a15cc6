// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"errors"
	"fmt"
	"strings"
)

// pattern is one guarded path.
type pattern struct {
	raw      string // as written, without the star
	isPrefix bool
	folded   string   // lower case, dots trimmed, no slash at the end
	segments []string // of folded
	partial  bool     // the last segment is only the beginning of one ("/api*")
	rest     bool     // further segments may follow
}

// maxSegments bounds the segments of a pattern: matching keeps a bit for each.
const maxSegments = 60

func newPattern(written string) (pattern, error) {
	t := pattern{raw: written}
	if t.raw, t.isPrefix = strings.CutSuffix(written, "*"); !strings.HasPrefix(t.raw, "/") {
		return t, errors.New(`it must begin with "/"`)
	}
	for i := range len(t.raw) {
		switch c := t.raw[i]; {
		case c == '*':
			return t, errors.New(`"*" may only be the last character`)
		case c == '?', c == '#':
			return t, errors.New("it must not hold a query or fragment: a path is matched whatever its query")
		case c == '%':
			return t, errors.New(`it must not hold "%": encoded spellings are recognised without being listed`)
		case c == ';':
			return t, errors.New(`it must not hold ";": path parameters are recognised without being listed`)
		case c >= 0x80:
			return t, errors.New("it must be ASCII: other letters arrive percent-encoded, guard a prefix instead")
		case c <= ' ', c == 0x7f, strings.IndexByte("\\\"<>^`{|}", c) >= 0:
			return t, fmt.Errorf("it must not hold %q, which is not part of a URL path", c)
		}
	}
	trimmed := strings.TrimSuffix(t.raw[1:], "/")
	t.partial = t.isPrefix && !strings.HasSuffix(t.raw, "/")
	t.rest = t.isPrefix
	if trimmed != "" {
		for segment := range strings.SplitSeq(trimmed, "/") {
			if segment == "" {
				return t, errors.New(`it must not hold "//"`)
			}
			if strings.HasSuffix(segment, ".") && (!t.partial || strings.Trim(segment, ".") == "") {
				return t, errors.New("no segment may end in a dot")
			}
			t.segments = append(t.segments, strings.ToLower(strings.TrimLeft(segment, ".")))
		}
		// /login.php/anything runs login.php in PHP and CGI.
		t.rest = t.rest || strings.Contains(t.segments[len(t.segments)-1], ".")
	} else if t.raw == "//" {
		return t, errors.New(`it must not hold "//"`)
	}
	if len(t.segments) > maxSegments {
		return t, fmt.Errorf("it must not have more than %d segments", maxSegments)
	}
	t.folded = "/" + strings.Join(t.segments, "/")
	return t, nil
}

// matches reports whether a path matches the pattern byte for byte.
func (t *pattern) matches(path string) bool {
	if t.isPrefix {
		return strings.HasPrefix(path, t.raw)
	}
	return path == t.raw
}
