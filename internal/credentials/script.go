// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import "strings"

// throughScript reports whether a target leads to a guarded path by way of the
// file behind it. Two layouts do so by themselves: a front controller routes
// what stands behind its name (/index.php/login), and the index of a directory
// answers for it (/login/index.php). Both are other spellings to us: the
// configuration names the path that people use.
func (p *Paths) throughScript(rawTarget string) bool {
	path := cutQuery(rawTarget)
	if strings.IndexByte(path, '%') < 0 {
		return p.behindScript(path) || p.isIndex(path)
	}
	// A dot may be written %2e, %252e or %u002e.
	if strings.IndexByte(path, '.') < 0 && !strings.Contains(path, "%2") && !strings.Contains(path, "%u") && !strings.Contains(path, "%U") {
		return false
	}
	var buf [256]byte
	decoded := string(decodeTarget(append(buf[:0], path...)))
	return p.behindScript(decoded) || p.isIndex(decoded)
}

// behindScript tries what stands behind each name of a script.
func (p *Paths) behindScript(path string) bool {
	const end = ".php/"
	for {
		dot := strings.IndexByte(path, '.')
		if dot < 0 || len(path) < dot+len(end) {
			return false
		}
		path = path[dot:]
		if equalFold(path[:len(end)], end) && p.hits(path[len(end)-1:]) {
			return true
		}
		path = path[1:]
	}
}

// isIndex tries the directory of an index file, with and without its slash.
func (p *Paths) isIndex(path string) bool {
	slash := strings.LastIndexByte(path, '/')
	if slash < 0 || !beginsWith(path[slash+1:], "index.") && !beginsWith(path[slash+1:], "default.") {
		return false
	}
	return p.hits(path[:slash+1]) || slash > 0 && p.hits(path[:slash])
}

func beginsWith(s, lower string) bool {
	return len(s) >= len(lower) && equalFold(s[:len(lower)], lower)
}

func (p *Paths) hits(path string) bool {
	m := p.match(path)
	return m.Pattern >= 0 || m.Folded
}
