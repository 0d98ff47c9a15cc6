// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"path"
	"strings"
)

// readSegment reads the nth segment of the path of a target, counted from 1.
// The path has to have one reading as a row of segments: none that is empty or
// made of dots, no parameters, no escapes that hide a separator or another
// escape.
func readSegment(target string, n int) (text string, present bool, err *Refusal) {
	if len(target) == 0 || target[0] != '/' {
		var wellFormed bool
		if target, wellFormed = cutAuthority(target); !wellFormed {
			return "", false, errPath()
		}
	}
	rest := strings.TrimSuffix(cutQuery(target)[1:], "/")
	for i := 1; rest != ""; i++ {
		var segment string
		segment, rest, present = strings.Cut(rest, "/")
		decoded, ok := decodeStrict(strings.ReplaceAll(segment, "+", "%2B"))
		if !ok || strings.Trim(decoded, ". ") == "" || present && rest == "" ||
			strings.ContainsAny(decoded, `/\%;?#`) || strings.ContainsFunc(decoded, isControl) {
			return "", false, errPath()
		}
		if i == n {
			// Windows takes off dots and blanks at the end.
			if text = decoded; strings.TrimRight(text, ". ") != text {
				return "", false, errPath()
			}
		}
	}
	if formats[strings.ToLower(path.Ext(text))] {
		// Rails takes it for the format of the answer, others for a part of the name.
		return "", false, Refuse(ReasonMalformedPath, "the user name in the path ends like a file")
	}
	return text, text != "", nil
}

var formats = map[string]bool{
	".json": true, ".xml": true, ".html": true, ".htm": true, ".js": true, ".css": true, ".csv": true, ".txt": true, ".text": true,
	".yaml": true, ".yml": true, ".rss": true, ".atom": true, ".pdf": true, ".php": true, ".jsp": true, ".do": true, ".aspx": true, ".action": true,
}

func errPath() *Refusal {
	return Refuse(ReasonMalformedPath, "the path can be cut into segments in more than one way")
}
