// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"regexp"
	"slices"
	"strings"
)

// service is a login service that there is a preset for, and how to tell it by
// what was seen. What is not empty has to match.
type service struct {
	preset string
	path   *regexp.Regexp
	fields []string // fields of the login, all of them
	cookie *regexp.Regexp
	json   string // a field of the right answer
}

var services = []service{
	{preset: "wordpress", fields: []string{"log", "pwd"}},
	{preset: "django", fields: []string{"csrfmiddlewaretoken"}},
	{preset: "mediawiki", fields: []string{"wpName", "wpPassword"}},
	{preset: "dex", path: regexp.MustCompile(`/auth/[^/]+/login$`), fields: []string{"login", "password"}},
	{preset: "kratos", path: regexp.MustCompile(`/self-service/login$`)},
	{preset: "pocketbase", path: regexp.MustCompile(`/api/collections/[^/]+/auth-with-password$`)},
	{preset: "better-auth", path: regexp.MustCompile(`/sign-in/(email|username)$`)},
	{preset: "better-auth", cookie: regexp.MustCompile(`better-auth\.session_token$`)},
	{preset: "vaultwarden", path: regexp.MustCompile(`/identity/connect/token$`)},
	{preset: "keycloak", path: regexp.MustCompile(`/realms/[^/]+/(login-actions/authenticate|protocol/openid-connect/token)$`)},
	{preset: "vault", path: regexp.MustCompile(`/v1/auth/[^/]+/login`), json: "client_token"},
	{preset: "authelia", path: regexp.MustCompile(`/api/firstfactor$`)},
	{preset: "authentik", path: regexp.MustCompile(`/api/v3/flows/executor/`)},
	{preset: "grafana", cookie: regexp.MustCompile(`^grafana_session`)},
	{preset: "gitea", fields: []string{"user_name", "password"}, cookie: regexp.MustCompile(`^(i_like_gitea|gitea_)`)},
	{preset: "nextcloud", fields: []string{"user", "password", "requesttoken"}},
	{preset: "gitlab-devise", fields: []string{"user[login]", "user[password]"}},
	{preset: "gitlab-devise", fields: []string{"user[email]", "user[password]"}},
	{preset: "spring-security", cookie: regexp.MustCompile(`^JSESSIONID$`), fields: []string{"username", "password"}},
	{preset: "directus", path: regexp.MustCompile(`/auth/login$`), json: "data.access_token"},
	{preset: "zitadel-login-v1", path: regexp.MustCompile(`/ui/login/`)},
	{preset: "zitadel-session-v2", path: regexp.MustCompile(`/v2/sessions$`)},
}

// known names the presets of services that answer like this one.
func (t *trial) known() (presets []string) {
	names := []string{t.login.user, t.login.secret}
	for _, f := range t.login.fields {
		names = append(names, f.Name)
	}
	cookies := slices.Concat(t.seen, t.wrong.live, t.right.live)
	for _, s := range services {
		if s.path != nil && !s.path.MatchString(strings.TrimSuffix(t.login.url.Path, "/")) ||
			slices.ContainsFunc(s.fields, func(name string) bool { return !slices.Contains(names, name) }) ||
			s.cookie != nil && !slices.ContainsFunc(cookies, s.cookie.MatchString) ||
			s.json != "" && !t.rightHas(s.json) {
			continue
		}
		presets = addOnce(presets, s.preset)
	}
	if len(presets) == 0 && t.login.grant {
		presets = []string{"oauth2-password-grant"}
	}
	return t.offered(presets)
}

// offered are the presets that there are.
func (p *prober) offered(presets []string) []string {
	return slices.DeleteFunc(presets, func(name string) bool { return p.HasPreset != nil && !p.HasPreset(name) })
}

func (t *trial) rightHas(path string) bool {
	return slices.ContainsFunc(t.right.leaves, func(l leaf) bool {
		return l.isSet() && strings.HasSuffix(strings.Join(l.path, "."), path)
	})
}
