// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// matchTarget finds the reading of a request's target that matches guarded
// paths. There are up to three: what the login service gets, what the client
// sent before a rewrite of the site, and what a header asks for that some
// frameworks take for the target.
func matchTarget(paths *credentials.Paths, r *http.Request) (target string, m credentials.Match) {
	target = r.RequestURI
	if m = paths.Match(target); m.Pattern >= 0 {
		return target, m
	}
	if sent, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && sent.RequestURI != target {
		if was := paths.Match(sent.RequestURI); was.Pattern >= 0 || was.Folded {
			return sent.RequestURI, was
		}
	}
	if r.Method == http.MethodGet && r.ContentLength == 0 && strings.IndexByte(target, '?') < 0 {
		return target, m // carries no login
	}
	for _, name := range [...]string{"X-Original-Url", "X-Rewrite-Url"} {
		for _, wanted := range r.Header[name] {
			if was := paths.Match(wanted); was.Pattern >= 0 || was.Folded {
				m.Folded = true
			}
		}
	}
	return target, m
}

// declineUpgrade drops an upgrade to anything but WebSocket, which a server may
// always do (RFC 9110, section 7.8). After one to HTTP/2, logins would pass
// through the tunnel unseen.
func declineUpgrade(r *http.Request) {
	if upgrade := r.Header["Upgrade"]; len(upgrade) > 1 || len(upgrade) == 1 && !strings.EqualFold(upgrade[0], "websocket") {
		r.Header.Del("Upgrade")
	}
}
