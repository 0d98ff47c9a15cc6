// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"net/url"
	"strings"
	"testing"
)

// ofAPI are the encodings that are tried at the API as well: PHP reads the other
// ones for it as for the form.
var ofAPI = map[string]bool{
	"plain form": true, "query of a POST": true, "query of a GET": true, "name in the query": true, "secret in the query": true, "another name in the query": true,
	"multipart": true, "JSON as application/json": true, "gzip of application/x-www-form-urlencoded": true, "PUT": true,
}

// mediaWikiDoors are the ways to try a password that MediaWiki has.
func mediaWikiDoors() []door {
	name := func(a account) string { return strings.ToUpper(a.Name[:1]) + a.Name[1:] }
	doors := encodings(mediaWikiLogin, "wpName", "wpPassword", name, mediaWikiToken)
	for _, d := range encodings("/api.php?format=json", "username", "password", name, func(c *client) []string {
		return []string{"action", "clientlogin", "loginreturnurl", "http://127.0.0.1/", "logintoken", mediaWikiAPI(c)}
	}) {
		if ofAPI[d.name] {
			doors = append(doors, door{name: "clientlogin, " + d.name, try: d.try})
		}
	}
	for _, d := range encodings("/api.php?format=json", "lgname", "lgpassword", name, func(c *client) []string {
		return []string{"action", "login", "lgtoken", mediaWikiAPI(c)}
	}) {
		if ofAPI[d.name] {
			doors = append(doors, door{name: "login, " + d.name, try: d.try})
		}
	}
	form := func(target string, more ...string) func(*client, account, string) answer {
		return func(c *client, a account, secret string) answer {
			return c.form(target, append(append([]string{"wpName", name(a), "wpPassword", secret}, mediaWikiToken(c)...), more...)...)
		}
	}
	bare := func(target string, more ...string) func(*client, account, string) answer {
		return func(c *client, a account, secret string) answer {
			token := mediaWikiToken(c)
			return c.form(target, append([]string{"wpName", name(a), "wpPassword", secret, "authAction", "login", "wpLoginToken", token[len(token)-1]}, more...)...)
		}
	}
	clientLogin := func(target string, send func(c *client, target string, fields []string) answer) func(*client, account, string) answer {
		return func(c *client, a account, secret string) answer {
			return send(c, target, []string{"username", name(a), "password", secret, "loginreturnurl", "http://127.0.0.1/", "logintoken", mediaWikiAPI(c)})
		}
	}
	body := func(c *client, target string, fields []string) answer { return c.form(target, fields...) }
	for _, at := range []string{
		"/index.php/Special:UserLogin", "/index.php/Spezial:Anmelden", "/index.php/special:userlogin", "/index.php/Special:Login", "/index.php/Special:UserLogin/x",
		"/?title=Special:UserLogin", "/index.php?title=Spezial:Anmelden", "/index.php?title=special_:_user%4Cogin", "/index.php?title=:Special:UserLogin",
		"/index.php?title=Special:UserLogin&returnto=Main_Page", "/index.php?title=Special%3AUserLogin%2Freturn", "/Special:UserLogin", "/wiki/Special:UserLogin",
		"/index.php?title=Special:CreateAccount", "/index.php?title=Special:ChangeCredentials/MediaWiki%5CAuth%5CPasswordAuthenticationRequest", "/index.php?title=Special:BotPasswords",
		"/index.php?title=Special:UserLogin&curid=0", "/index.php?action=submit&title=Special:UserLogin", "/index.php?search=x&title=Special:UserLogin", "/index.php/rest.php?title=Special:UserLogin",
		"/rest.php?title=Special:UserLogin", "/rest.php/../index.php?title=Special:UserLogin", "/load.php/../index.php?title=Special:UserLogin", "/thumb.php?title=Special:UserLogin",
		"/img_auth.php/Special:UserLogin", "/opensearch_desc.php?title=Special:UserLogin", "/index.php/Special%3AUserLogin", "/index.php?title=%E2%80%8ESpecial:UserLogin", "/mw-config/index.php?title=Special:UserLogin",
	} {
		doors = append(doors, door{name: "form at " + at, try: bare(at)})
	}
	for _, key := range []string{"username", "%75sername", "+username", "%20username", "username%00x", "username%00"} {
		doors = append(doors, door{name: "clientlogin, " + key + " in the query", try: clientLogin("/api.php?action=clientlogin&format=json", func(c *client, target string, fields []string) answer {
			return c.form(target+"&"+key+"="+url.QueryEscape(fields[1]), append([]string{"retype", fields[3]}, fields[2:]...)...)
		})}, door{name: "clientlogin, " + key + " in the body", try: clientLogin("/api.php?action=clientlogin&format=json", func(c *client, target string, fields []string) answer {
			return c.post(target, formType, key+"="+url.QueryEscape(fields[1])+"&"+encodeForm(fields[2:]))
		})})
	}
	doors = append(doors,
		door{name: "title in the body", try: form("/index.php")},
		door{name: "another title in the query", try: form("/index.php?title=Special:Upload")},
		door{name: "beside an edit", try: form("/index.php?title=X&action=submit", "wpTextbox1", "x")},
		door{name: "beside a lookup of names", try: form(mediaWikiLogin, "username", "Decoy")},
		door{name: "beside a clientlogin", try: form(mediaWikiLogin, "username", "Decoy", "password", "x")},
		door{name: "beside a login", try: form(mediaWikiLogin, "lgname", "Decoy")},
		door{name: "beside a new account", try: form(mediaWikiLogin, "wpRetype", "x", "email", "x@example.test")},
		door{name: "clientlogin, action in the query", try: clientLogin("/api.php?action=clientlogin&format=json", body)},
		door{name: "clientlogin with path behind", try: clientLogin("/api.php/x?action=clientlogin&format=json", body)},
		door{name: "clientlogin as XML", try: clientLogin("/api.php?action=clientlogin&format=xml", body)},
		door{name: "clientlogin as JSONP", try: clientLogin("/api.php?action=clientlogin&format=json&callback=x", body)},
		door{name: "clientlogin with requests", try: clientLogin("/api.php?action=clientlogin&format=json&loginrequests=MediaWiki%5CAuth%5CPasswordAuthenticationRequest", body)},
		door{name: "clientlogin, name in the query", try: clientLogin("/api.php?action=clientlogin&format=json", func(c *client, target string, fields []string) answer {
			return c.form(target+"&"+encodeForm(fields[:2]), fields[2:]...)
		})},
		door{name: "clientlogin beside a new password", try: clientLogin("/api.php?action=clientlogin&format=json", func(c *client, target string, fields []string) answer {
			return c.form(target, append([]string{"retype", fields[3], "authAction", "change"}, fields...)...)
		})},
		door{name: "clientlogin from another origin", try: clientLogin("/api.php?action=clientlogin&format=json&origin=*", body)},
		door{name: "multipart with a file", try: func(c *client, a account, secret string) answer {
			fields := append([]string{"wpName", name(a), "wpPassword", secret}, mediaWikiToken(c)...)
			text := strings.TrimSuffix(multipart(fields), "--\r\n") + "\r\nContent-Disposition: form-data; name=\"wpUploadFile\"; filename=\"x.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n--" + boundary + "--\r\n"
			return c.post(mediaWikiLogin, multipartType, text)
		}},
		door{name: "5 MiB before", try: form(mediaWikiLogin, "x", strings.Repeat("x", 5<<20))},
	)
	return doors
}

var mediaWikiTargets = []string{
	"/index.php?title=Special:UserLogin&title=X", "/index.php?title=X&title=Special:UserLogin", "//index.php?title=Special:UserLogin", "/index%2ephp?title=Special:UserLogin",
}

func mediaWikiPasses() []pass {
	token := func(c *client) string {
		body := c.get("/api.php?action=query&meta=tokens&format=json").body
		return strings.ReplaceAll(answer{body: body}.find(`"csrftoken":"`, `"`), `\\`, `\`)
	}
	login := func(c *client, a account) {
		mediaWikiForm(c, a.Name, a.Secret)
	}
	return []pass{
		{"main page", func(c *client, _ account) answer { return c.get("/index.php") }},
		{"login page", func(c *client, _ account) answer { return c.get(mediaWikiLogin) }},
		{"login page with a name", func(c *client, _ account) answer { return c.get(mediaWikiLogin + "&wpName=Alice") }},
		{"page with an umlaut", func(c *client, _ account) answer { return c.get("/index.php/M%C3%BCller") }},
		{"style sheets", func(c *client, _ account) answer {
			return c.get("/load.php?lang=de&modules=skins.vector.styles.legacy&only=styles&skin=vector")
		}},
		{"list of users", func(c *client, _ account) answer {
			return c.get("/index.php?title=Special:ListUsers&username=Alice&group=&wpsubmit=&wpFormIdentifier=mw-listusers-form&limit=50")
		}},
		{"API", func(c *client, _ account) answer { return c.get("/api.php?action=query&list=allusers&format=json") }},
		{"API, posted", func(c *client, _ account) answer {
			return c.form("/api.php", "action", "query", "list", "allusers", "format", "json")
		}},
		{"REST", func(c *client, _ account) answer { return c.get("/rest.php/v1/search/page?q=x") }},
		{"REST, posted", func(c *client, _ account) answer {
			return c.json("/rest.php/v1/page", map[string]string{"source": "x", "title": "x", "comment": "x"})
		}},
		{"forgotten password", func(c *client, a account) answer {
			c.get("/index.php?title=Special:PasswordReset&uselang=en")
			return c.form("/index.php?title=Special:PasswordReset", "wpUsername", a.Name, "wpEmail", "", "title", "Special:PasswordReset", "wpEditToken", `+\`)
		}},
		{"logged in: edit, long edit, upload page, preferences, logout", func(c *client, a account) answer {
			login(c, a)
			text := strings.Repeat("Ein langer Text & mehr. ", 10_000)
			got := c.form("/api.php", "action", "edit", "format", "json", "title", "Long", "text", text+c.base, "token", token(c))
			if !strings.Contains(got.body, `"Success"`) {
				c.t.Errorf("a long edit by API: status %d: %.300s", got.status, got.body)
			}
			title := "/index.php?title=Seite" + c.base[strings.LastIndex(c.base, ":")+1:] + "&action="
			c.get(title + "edit")
			fields := []string{"wpUnicodeCheck", "ℳ𝒲♥𝓊𝓃𝒾𝒸ℴ𝒹ℯ", "wpUltimateParam", "1", "wpSection", "", "wpTextbox1", text + "\r\n== x ==\r\n" + c.base, "wpSummary", "x",
				"wpSave", "1", "editRevId", "0", "wpEditToken", token(c)}
			if got = c.post(title+"submit", multipartType, multipart(fields)); got.status != 302 {
				c.t.Errorf("an edit: status %d: %.300s", got.status, got.body)
			}
			if got = c.form("/index.php?title=Spezial:Einstellungen", "wprealname", "x", "wpEditToken", token(c)); got.status != 302 && got.status != 200 {
				c.t.Errorf("preferences: status %d: %.300s", got.status, got.body)
			}
			return c.form("/api.php", "action", "logout", "format", "json", "token", token(c))
		}},
		{"logged in: another password, by form and API", func(c *client, a account) answer {
			login(c, a)
			page := "/index.php?title=Special:ChangeCredentials/MediaWiki%5CAuth%5CPasswordAuthenticationRequest&uselang=en"
			if got := c.form(page, "password", a.Secret, "retype", a.Secret, "authAction", "change", "wpEditToken", token(c)); got.status != 200 && got.status != 302 {
				c.t.Errorf("another password by form: status %d: %.300s", got.status, got.body)
			}
			got := c.form("/api.php", "action", "changeauthenticationdata", "format", "json", "changeauthrequest", `MediaWiki\Auth\PasswordAuthenticationRequest`,
				"password", a.Secret, "retype", a.Secret, "changeauthtoken", token(c))
			if !strings.Contains(got.body, "success") {
				c.t.Errorf("another password by API: status %d: %.300s", got.status, got.body)
			}
			return got
		}},
		{"new account", func(c *client, _ account) answer {
			page := c.get("/index.php?title=Spezial:Benutzerkonto_anlegen&uselang=en")
			name := "Neu " + c.base[strings.LastIndex(c.base, ":")+1:]
			got := c.form("/index.php?title=Spezial:Benutzerkonto_anlegen&uselang=en", "wpName", name, "wpPassword", "Neues-Wort-1865", "retype", "Neues-Wort-1865", "email", "", "realname", "",
				"wpCreateaccount", "x", "authAction", "create", "wpCreateaccountToken", page.find(`name="wpCreateaccountToken" type="hidden" value="`, `"`), "title", "Special:CreateAccount")
			if !mediaWikiRight(got) {
				c.t.Errorf("a new account: status %d: %.300s", got.status, got.body)
			}
			return got
		}},
	}
}

func mediaWikiRight(a answer) bool { return a.setsCookie("wikiUserID") }

func mediaWikiMore(s *suite, t *testing.T) {
	t.Run("twins", s.mediaWikiTwins)
	t.Run("session", s.mediaWikiSession)
}

// Names that differ in more than the first letter are different people here, and
// none forgives guesses at another.
func (s *suite) mediaWikiTwins(t *testing.T) {
	a := who("ivan")
	for _, twin := range []string{"IVAN", "Iv\uff41n", "Iván"} {
		s.fresh(t, a)
		s.touched[a.Name] = true
		c := newClient(t, s.caddy.site)
		page := c.get("/index.php?title=Spezial:Benutzerkonto_anlegen&uselang=en")
		got := c.form("/index.php?title=Spezial:Benutzerkonto_anlegen&uselang=en", "wpName", twin, "wpPassword", "Twin-1865-xyz", "retype", "Twin-1865-xyz",
			"wpCreateaccount", "x", "authAction", "create", "wpCreateaccountToken", page.find(`name="wpCreateaccountToken" type="hidden" value="`, `"`))
		if !s.right(got) {
			t.Errorf("no account %s: status %d: %.300s", url.QueryEscape(twin), got.status, got.body)
			continue
		}
		total := 0
		for range 2 * limit {
			reached, _ := s.guess(t, s.identity(a))
			total += reached
			if got := s.login(newClient(t, s.caddy.site), twin, "Twin-1865-xyz"); !s.right(got) {
				t.Errorf("the twin cannot log in: status %d", got.status)
			}
		}
		if total > limit {
			t.Errorf("%d guesses reached the service, forgiven by %s", total, twin)
		}
	}
}

// Whoever is logged in gets nothing forgiven for a guess at another.
func (s *suite) mediaWikiSession(t *testing.T) {
	own, a := who("judy"), who("olivia")
	total := 0
	for range limit {
		c := newClient(t, s.caddy.site)
		if got := s.login(c, s.identity(own), own.Secret); !s.right(got) {
			t.Fatalf("no login: status %d", got.status)
		}
		secret := wrongSecret()
		s.login(c, s.identity(a), secret)
		total += s.arrivals.with(secret)
		secret = wrongSecret()
		c.form("/api.php?format=json", "action", "clientlogin", "username", a.Name, "password", secret, "loginreturnurl", "http://127.0.0.1/", "logintoken", mediaWikiAPI(c))
		total += s.arrivals.with(secret)
	}
	if total > limit {
		t.Errorf("%d guesses reached the service", total)
	}
}
