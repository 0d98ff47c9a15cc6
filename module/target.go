// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// targets are the paths of doors: patterns and regular expressions.
type targets struct {
	paths    *credentials.Paths // nil: no patterns
	patterns []string
	regexps  []pathRegexp
}

// pathRegexp is a regular expression over raw paths, and the same for the
// spellings that servers fold, which are in lower case.
type pathRegexp struct {
	raw, folded *regexp.Regexp
	// whole: it describes a path up to its end, like a pattern without a star.
	whole bool
}

func newTargets(patterns, expressions []string) (t targets, err error) {
	if len(patterns) > 0 {
		if t.paths, err = credentials.NewPaths(patterns); err != nil {
			return t, fmt.Errorf("checking match path: %w", err)
		}
		t.patterns = patterns
	}
	for _, expr := range expressions {
		var re pathRegexp
		if re.raw, err = compileRegexp("match path_regexp", expr); err != nil {
			return t, err
		}
		if re.folded, err = regexp.Compile("(?i)(?:" + expr + ")"); err != nil {
			return t, fmt.Errorf("checking match path_regexp %q: %w", expr, err)
		}
		re.whole = strings.HasSuffix(expr, "$")
		t.regexps = append(t.regexps, re)
	}
	return t, nil
}

// anywhere reports that no path was named.
func (t *targets) anywhere() bool { return t.paths == nil && len(t.regexps) == 0 }

// spot is what a target has to do with paths.
type spot uint8

const (
	elsewhere spot = iota
	near           // another spelling of one
	on             // one of them, byte for byte
)

// on reports whether a target is one of the paths byte for byte. Doors are told
// apart with it after locate has found that there is one.
func (t *targets) on(target string) bool {
	for i := range t.patterns {
		if t.paths.Exact(target, i) {
			return true
		}
	}
	if len(t.regexps) == 0 {
		return false
	}
	path := credentials.RawPath(target)
	for i := range t.regexps {
		if t.regexps[i].raw.MatchString(path) {
			return true
		}
	}
	return false
}

// match compares one target. What is another spelling of a path is near even
// when a prefix covers it: what reads as two paths is neither.
func (t *targets) match(target string) spot {
	found, whole := elsewhere, false
	if t.paths != nil {
		switch m := t.paths.Match(target); {
		case m.Pattern >= 0:
			found, whole = on, !strings.HasSuffix(t.patterns[m.Pattern], "*")
		case m.Folded:
			found = near
		}
	}
	if len(t.regexps) == 0 || found == on && whole {
		return found
	}
	return t.matchRegexps(target, found)
}

func (t *targets) matchRegexps(target string, found spot) spot {
	path, covered := credentials.RawPath(target), found == on
	for i := range t.regexps {
		re := &t.regexps[i]
		if re.raw.MatchString(path) {
			if re.whole {
				return on
			}
			covered = true
		}
	}
	if found == near {
		return near
	}
	for i := range t.regexps {
		re := &t.regexps[i]
		if !re.raw.MatchString(path) && credentials.Spellings(target, re.folded.MatchString) {
			return near
		}
	}
	if covered {
		return on
	}
	return elsewhere
}

// locate finds the reading of a request's target that has to do with the paths.
// There are up to three: what the login service gets, what the client sent
// before a rewrite of the site, and what a header asks for that some frameworks
// take for the target.
func (t *targets) locate(r *http.Request) (target string, at spot) {
	target = r.RequestURI
	if at = t.match(target); at == on {
		return target, at
	}
	if sent, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && sent.RequestURI != target {
		if was := t.match(sent.RequestURI); was != elsewhere {
			return sent.RequestURI, was
		}
	}
	if t.inHeaders(r.Header) {
		at = near
	}
	return target, at
}

// inHeaders reports whether a header asks for one of the paths.
func (t *targets) inHeaders(h http.Header) bool {
	for _, name := range [...]string{"X-Original-Url", "X-Rewrite-Url"} {
		for _, wanted := range h[name] {
			if t.match(wanted) != elsewhere {
				return true
			}
		}
	}
	return false
}

// declineUpgrade drops an upgrade to anything but WebSocket, which a server may
// always do (RFC 9110, section 7.8). After one to HTTP/2, logins would pass
// through the tunnel unseen.
func declineUpgrade(r *http.Request) {
	if upgrade := r.Header["Upgrade"]; len(upgrade) > 1 || len(upgrade) == 1 && !strings.EqualFold(upgrade[0], "websocket") {
		r.Header.Del("Upgrade")
	}
}
