// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// optionsSite has a door for each option of a step, and of a site.
const optionsSite = `
		step password {
			match path /login
			accept form json multipart
			decode gzip
			user field username | field email
			secret field password
			success status 200 & set_cookie sid
			failure status 401
		}
		step password {
			match path /two
			match field type a
			user field username
			secret field password
			success status 200 & set_cookie sid
		}
		step password {
			match path /two
			match field type b
			user field email
			secret field pin
			success status 200 & set_cookie sid
		}
		step password {
			match path /two
			match method POST
			match field type c
			user field username
			secret field password
			success status 200 & set_cookie sid
		}
		step password {
			match path /two
			user field username
			secret field code
			success status 200 & set_cookie sid
		}
		step password {
			match path /auth
			user header X-Auth-User
			secret header X-Auth-Key
			success status 200 & set_cookie sid
		}
		step password {
			match path /mixed
			user field username
			secret field password
			success status 200 & set_cookie sid
		}
		step password {
			match path /mixed
			match method GET
			user header X-Auth-User
			secret header X-Auth-Key
			success status 200 & set_cookie sid
		}
		step password {
			match path /q
			user query username
			secret query password
			success status 200 & set_cookie sid
		}
		step password {
			match path /u/*
			user path 2
			secret header X-Auth-Key
			success status 200 & set_cookie sid
		}
		step password {
			match path_regexp ^/realms/[a-z]+/login$
			user field username
			secret field password
			success status 200 & set_cookie sid
		}
		step password {
			match path /kind
			match header X-Kind a
			user field username
			secret field password
			success status 200 & set_cookie sid
		}
		step password {
			match path /kind
			match header X-Kind b
			user field email
			secret field pin
			success status 200 & set_cookie sid
		}
		step password {
			match path /verbatim
			canonical_forward off
			user field username
			secret field password
			success status 200 & set_cookie sid
		}
		step password {
			match path /api/*
			user basic
			success status 200 & set_cookie sid
			failure status 401
		}
		step password {
			match path /token
			match field grant_type password
			accept form
			user field username
			secret field password
			success status 200 & set_cookie sid
		}
		guard /door
		pass {
			match path /token
			match field grant_type refresh_token
		}
		pass {
			match path /kind
			match header X-Kind logout
		}
		pass {
			match path /mixed
			match method DELETE
		}
		deny {
			match path /ws
			match header Upgrade websocket
		}
		deny {
			match path /query
			match has query
		}
		deny {
			match path /query
			match field action login
		}`

// optionsNames merges what mergeNames does.
const optionsNames = `names {
			ignore_accents
			strip_domain CORP
			strip_plus_tags
			underscore_is_blank
			strip_trailing_dots
			alias p098v@example.test p098v
			alias o003v-mail o003v
		}`

// mergeNames gives all checks to the account that a service with these options
// takes a name for.
func mergeNames(users map[string][]string) map[string][]string {
	merged := map[string][]string{}
	for name, secrets := range users {
		for before := ""; before != name; {
			before = name
			name = canonicalUser(decodeLeniently(name, false))
			name = strings.Map(func(r rune) rune {
				if 0x300 <= r && r < 0x370 {
					return -1
				}
				return r
			}, norm.NFD.String(name))
			name = strings.TrimRight(strings.ReplaceAll(name, "_", " "), ". ")
			if domain, user, found := strings.Cut(name, `\`); found && (strings.TrimSpace(domain) == "corp" || domain == "") {
				name = user
			}
			name = strings.TrimSuffix(strings.TrimSuffix(name, "@corp."), "@corp")
			if local, tag, found := strings.Cut(name, "+"); found && local != "" {
				_, domain, at := strings.Cut(tag, "@")
				if name = local; at {
					name += "@" + domain
				}
			}
			name = strings.Join(strings.Fields(name), " ")
		}
		switch name {
		case "p098v@example.test":
			name = "p098v"
		case "o003v-mail":
			name = "o003v"
		}
		addLogin(merged, name, secrets...)
	}
	return merged
}

func TestAttacksOnOptions(t *testing.T) {
	t.Parallel()
	service := startLenient(t)
	service.options = true
	a := &arena{node: startNode(t, options(maxAttempts(attackLimit), optionsNames)+siteBlock(optionsSite, proxyTo(service.URL))), service: service}
	t.Run("rows", func(t *testing.T) {
		for _, row := range optionsAttacks() {
			t.Run(row.id+"_"+strings.ReplaceAll(row.name, " ", "_"), func(t *testing.T) {
				t.Parallel()
				row.run(t, a, strings.ToLower(row.id)+"v")
			})
		}
	})
}

// at is a form guess at another path.
func at(target, body string, head ...string) shot {
	return shot{target: target, body: body, head: strings.Join(head, "\r\n")}
}

// bare is a request without a body.
func bareTo(method, target string, head ...string) shot {
	return shot{method: method, target: target, bare: true, head: strings.Join(head, "\r\n")}
}

// mixed is a multipart body with a boundary that no name holds.
func mixed(kind string, pieces ...string) shot {
	if kind == "" {
		kind = "multipart/form-data; boundary=xYzZy"
	}
	return shot{kind: kind, body: strings.Join(pieces, "\r\n")}
}

func piece(disposition, value string) string {
	return "--xYzZy\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + value
}

// optionsAttacks are rows of the public list and of ours, with options on.
func optionsAttacks() []attack {
	const user, secret, last = `name="username"`, `name="password"`, "--xYzZy--\r\n"
	const guess = "username=VICTIM&password=GUESS"
	name, key := "X-Auth-User: VICTIM", "X-Auth-Key: GUESS"
	return []attack{
		raw("P060", "plain", counted, mixed("", piece(user, "VICTIM"), piece(secret, "GUESS"), last)),
		raw("P061", "two names", refused, mixed("", piece(user, "DECOY"), piece(user, "VICTIM"), piece(secret, "GUESS"), last), mixed("", piece(user, "VICTIM"), piece(user, "DECOY"), piece(secret, "GUESS"), last)),
		raw("P062", "file name", refused, mixed("", piece(user+`; filename="x"`, "VICTIM"), piece(secret, "GUESS"), last), mixed("", piece(user, "DECOY"), piece(user+`; filename*=utf-8''x`, "VICTIM"), piece(secret, "GUESS"), last)),
		raw("P063", "unquoted", refused, mixed("", piece("name=username", "VICTIM"), piece("name=password", "GUESS"), last)),
		raw("P064", "preamble and epilogue", refused, mixed("", "username=DECOY&password=GUESS", piece(user, "VICTIM"), piece(secret, "GUESS"), last),
			mixed("", piece(user, "DECOY"), piece(secret, "GUESS"), last, piece(user, "VICTIM"), last)),
		raw("P065", "nested", refused, mixed("", piece(user, "DECOY"), piece(secret, "GUESS"), "--xYzZy\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nVICTIM\r\n--c--", last)),
		raw("P098", "alias", counted, named("VICTIM", "VICTIM%40example.test", "P098V%40Example.TEST")...),
		raw("P099", "domain", counted, named("CORP%5CVICTIM", "VICTIM", "corp%5CP099V", "VICTIM%40corp")...),
		raw("P100", "plus tag", counted, named("VICTIM%2B1", "VICTIM%2BGUESS", "VICTIM%EF%BC%8Bx", "VICTIM%2B")...),
		raw("P101", "accents", counted, named("VICTIM%C3%A9", "VICTIMe", "VICTIM%C3%AA", "VICTIMe%CC%81%CC%88")...),
		raw("P102", "trailing dot", counted, named("VICTIM.", "VICTIM", "VICTIM..", "VICTIM.+")...),

		raw("O001", "options of names together", counted, named("CORP%5CVICTIM%2Bx.", "VICTIM.%2Btag", "VICTIM_", "VICTIM%2Bx%40corp", "V%CC%80ICTIM", "VICTIM%EF%BC%8E", "_VICTIM")...),
		raw("O002", "domain twice and empty", either, named("CORP%5C%5CVICTIM", "CORP%5CCORP%5CVICTIM", "%5CVICTIM", "CORP%5CVICTIM%40corp", "VICTIM%40corp.", "CORP+%5CVICTIM", "%EF%BC%A3orp%EF%BC%BCVICTIM")...),
		raw("O003", "alias and tag", counted, named("o003v-mail", "O003V-MAIL%2Bx", "CORP%5Co003v-mail", "VICTIM", "o003v-m%C3%A1il")...),
		raw("O004", "sent as either field", counted, at("/login", "email=VICTIM&password=GUESS"), at("/login", guess)),
		raw("O005", "both fields", refused, at("/login", "username=DECOY&email=VICTIM&password=GUESS"), at("/login", "username=&email=VICTIM&password=GUESS"), at("/login", "email=DECOY&Username=VICTIM&password=GUESS")),
		raw("O006", "other field in the query", refused, at("/login?email=VICTIM", "username=DECOY&password=GUESS"), at("/login?%45mail=VICTIM", "username=DECOY&password=GUESS")),
		raw("O007", "both members", refused, jsonGuess(`{"username":"DECOY","email":"VICTIM","password":"GUESS"}`), jsonGuess(`{"email":"VICTIM","username":null,"password":"GUESS"}`)),
		raw("O008", "multipart, other spelling", refused, mixed("", piece(user, "DECOY"), piece(`name="Username"`, "VICTIM"), piece(secret, "GUESS"), last), mixed("", piece(user, "DECOY"), piece(`name="%75sername"`, "VICTIM"), piece(secret, "GUESS"), last),
			mixed("", piece(user, "DECOY"), piece(`name="username[]"`, "VICTIM"), piece(secret, "GUESS"), last)),
		raw("O009", "multipart, extended name", refused, mixed("", piece(user+`; name*=utf-8''email`, "VICTIM"), piece(secret, "GUESS"), last), mixed("", piece(user, "DECOY"), piece(`name="x"; name="username"`, "VICTIM"), piece(secret, "GUESS"), last)),
		raw("O010", "multipart, bare line feeds", refused, mixed("", strings.ReplaceAll(piece(user, "DECOY")+"\r\n"+piece(user, "VICTIM"), "\r\n", "\n"), piece(secret, "GUESS"), last)),
		raw("O011", "multipart, folded header", refused, mixed("", "--xYzZy\r\nContent-Disposition: form-data;\r\n name=\"username\"\r\n\r\nVICTIM", piece(secret, "GUESS"), last)),
		raw("O012", "multipart, transfer encoding", refused, mixed("", "--xYzZy\r\nContent-Disposition: form-data; name=\"username\"\r\nContent-Transfer-Encoding: base64\r\n\r\nVICTIM", piece(secret, "GUESS"), last)),
		raw("O013", "multipart, charset", refused, mixed("multipart/form-data; charset=utf-7; boundary=xYzZy", piece(user, "VICTIM"), piece(secret, "GUESS"), last), mixed("multipart/form-data; boundary=xYzZy; boundary=a", piece(user, "VICTIM"), piece(secret, "GUESS"), last)),
		raw("O014", "multipart, charset field", refused, mixed("", piece(`name="_charset_"`, "utf-7"), piece(user, "VICTIM"), piece(secret, "GUESS"), last)),
		raw("O015", "multipart, no end", refused, mixed("", piece(user, "VICTIM"), piece(secret, "GUESS")), mixed("", piece(user, "DECOY"), piece(secret, "GUESS"), "--xYzZy--garbage", piece(user, "VICTIM"), last)),
		raw("O016", "multipart, boundary within a value", refused, mixed("", piece(user, "DECOY xYzZy"), piece(secret, "GUESS"), last), mixed("", piece(user, "DECOY\r\n--xYzZ\r\nx"), piece(secret, "GUESS"), last)),
		raw("O017", "multipart, prototype", refused, mixed("", piece(user, "DECOY"), piece(secret, "GUESS"), piece(`name="a[__proto__][username]"`, "VICTIM"), last)),
		raw("O018", "multipart and gzip", refused, shot{kind: "multipart/form-data; boundary=xYzZy", head: "Content-Encoding: gzip", body: gzipped(piece(user, "decoy") + "\r\n" + piece(user, "o018v") + "\r\n" + piece(secret, "x") + "\r\n" + last)}),
		raw("O019", "multipart labelled form", refused, func() shot { g := mixed(formType, piece(user, "VICTIM"), piece(secret, "GUESS"), last); return g }()),
		raw("O020", "gzip", counted, shot{head: "Content-Encoding: gzip", body: gzipped("username=o020v&password=x")}, shot{}),
		raw("O021", "gzip, two members", refused, shot{head: "Content-Encoding: gzip", body: gzipped("username=decoy&password=x") + gzipped("&username=o021v")}),
		raw("O022", "gzip within gzip", refused, shot{head: "Content-Encoding: gzip", body: gzipped(gzipped("username=o022v&password=x"))}, shot{head: "Content-Encoding: gzip, gzip", body: gzipped(gzipped("username=o022v&password=x"))}),
		raw("O023", "gzip, other names", refused, shot{head: "Content-Encoding: x-gzip", body: gzipped("username=o023v&password=x")}, shot{head: "Content-Encoding: gzip\r\nContent-Encoding: gzip", body: gzipped("username=o023v&password=x")}, shot{head: "Content_Encoding: gzip", body: gzipped("username=o023v&password=x")}),
		raw("O024", "gzip, decoy behind it", refused, shot{head: "Content-Encoding: gzip", body: gzipped("username=decoy&password=x") + "username=o024v&password=x"}),
		raw("O025", "gzip, truncated", refused, shot{head: "Content-Encoding: gzip", body: gzipped("username=o025v&password=x")[:30]}),
		raw("O026", "not gzip", refused, shot{head: "Content-Encoding: gzip"}),
		raw("O027", "gzip bomb", refused, shot{head: "Content-Encoding: gzip", body: gzipped("username=o027v&password=" + strings.Repeat("x", 10<<20))}),
		raw("O028", "gzip where it is not decoded", refused, shot{target: "/two", head: "Content-Encoding: gzip", body: gzipped("type=a&username=o028v&password=x")}),
		raw("O029", "digest", refused, at("/login", guess, "Content-Digest: sha-256=:AAAA:"), shot{head: "Content-Encoding: gzip\r\nDigest: x", body: gzipped("username=o029v&password=x")}),

		raw("O030", "two steps, one body", refused, at("/two", "type=a&username=DECOY&password=GUESS&email=VICTIM&pin=GUESS"), at("/two", "type=b&username=VICTIM&password=GUESS&email=DECOY&pin=GUESS")),
		raw("O031", "two steps, users of both", refused, at("/two", "type=a&username=DECOY&password=GUESS&email=VICTIM")),
		raw("O032", "two steps, secret of the one without field", refused, at("/two", "type=a&username=VICTIM&password=GUESS&code=GUESSb")),
		raw("O033", "the field twice", refused, at("/two", "type=a&type=b&username=DECOY&email=VICTIM&pin=GUESS"), at("/two", "type=b&Type=a&username=VICTIM&password=GUESS&email=DECOY&pin=GUESS"), at("/two", "type[]=b&type=a&username=VICTIM&password=GUESS")),
		raw("O034", "the field in the query", either, at("/two?type=b", "type=a&username=DECOY&password=GUESS&email=VICTIM&pin=GUESS")),
		raw("O035", "the field in another case", refused, at("/two", "type=A&email=VICTIM&pin=GUESS"), at("/two", "email=VICTIM&pin=GUESS")),
		raw("O036", "the field as no string", refused, shot{target: "/two", kind: jsonType, body: `{"type":["b"],"email":"VICTIM","pin":"GUESS"}`}, shot{target: "/two", kind: jsonType, body: `{"type":"a","type":"b","username":"DECOY","password":"x","email":"VICTIM","pin":"GUESS"}`}),
		raw("O037", "pass with the login in the query", refused, at("/token?username=VICTIM&password=GUESS", "grant_type=refresh_token"), at("/token?grant_type=password&username=VICTIM&Password=GUESS", "grant_type=refresh_token")),
		raw("O038", "pass with the login beside", refused, at("/token", "grant_type=refresh_token&username=VICTIM&password=GUESS"), at("/token", "grant_type=refresh_token&username=VICTIM&PASSWORD=GUESS"), at("/token", "grant_type=refresh_token&username=VICTIM&password[]=GUESS")),
		raw("O039", "pass in another type", refused, shot{target: "/token", kind: jsonType, body: `{"grant_type":"refresh_token","username":"VICTIM","password":"GUESS"}`}, shot{target: "/token", kind: "multipart/form-data; boundary=xYzZy", body: piece(`name="grant_type"`, "refresh_token") + "\r\n" + piece(user, "VICTIM") + "\r\n" + piece(secret, "GUESS") + "\r\n" + last}),
		raw("O040", "pass by header", refused, at("/kind", guess, "X-Kind: logout\r\nX-Kind: a"), at("/kind", guess, "X-Kind: a\r\nX-Kind: logout"), at("/kind", guess, "X_Kind: logout")),
		raw("O041", "pass by method and override", refused, shot{method: "DELETE", target: "/mixed", head: "X-HTTP-Method-Override: POST"}),
		raw("O042", "headers of two steps", refused, at("/kind", "username=DECOY&password=GUESS&email=VICTIM&pin=GUESS", "X-Kind: a\r\nX-Kind: b"), at("/kind", "username=DECOY&password=GUESS&email=VICTIM&pin=GUESS", "X-Kind: a\r\nX_Kind: b")),

		raw("O050", "headers", counted, bareTo("GET", "/auth", name, key), bareTo("POST", "/auth", name, key)),
		raw("O051", "headers twice", either, bareTo("GET", "/auth", "X-Auth-User: DECOY", name, key), bareTo("GET", "/auth", "X-Auth-User: DECOY", "X_Auth_User: VICTIM", key), bareTo("GET", "/auth", name, "X_Auth_Key: GUESS")),
		raw("O052", "headers by other methods", refused, bareTo("HEAD", "/auth", name, key), bareTo("OPTIONS", "/auth", name, key), bareTo("PUT", "/auth", name, key)),
		raw("O053", "headers beside a form step", refused, bareTo("HEAD", "/mixed", name, key), bareTo("OPTIONS", "/mixed", name, key)),
		raw("O054", "headers on a spelling", refused, bareTo("GET", "/Auth", name, key), bareTo("GET", "/auth/", name, key), bareTo("GET", "//auth", name, key), bareTo("HEAD", "/%61uth", name, key)),
		raw("O055", "headers and a target in a header", refused, bareTo("GET", "/", "X-Original-URL: /auth", name, key), bareTo("GET", "/", "X-Rewrite-URL: /Auth/", name, key)),
		raw("O056", "headers and a body", refused, shot{target: "/auth", head: "X-Auth-User: DECOY\r\n" + key, body: guess}),
		raw("O057", "headers named by Connection", refused, shot{method: "GET", target: "/auth", bare: true, head: name + "\r\n" + key + "\r\nConnection: X-Auth-User"}),
		raw("O058", "header in Latin 1", refused, bareTo("GET", "/auth", "X-Auth-User: VICTIM\xe9", key), bareTo("GET", "/auth", "X-Auth-User: VICTIM\xc3\xa9", key)),
		raw("O059", "headers as trailers", refused, shot{bare: true, target: "/auth", head: "Transfer-Encoding: chunked\r\nTrailer: X-Auth-User\r\nX-Auth-User: DECOY\r\n" + key, body: "0\r\nX-Auth-User: o059v\r\n\r\n"}),

		raw("O060", "query", counted, bareTo("GET", "/q?"+guess), bareTo("POST", "/q?"+guess)),
		raw("O061", "query twice", refused, bareTo("GET", "/q?username=DECOY&"+guess), bareTo("GET", "/q?username=DECOY&Username=VICTIM&password=GUESS"), bareTo("GET", "/q?username=DECOY;username=VICTIM&password=GUESS")),
		raw("O062", "query and body", refused, at("/q?username=DECOY&password=GUESS", guess), at("/q", guess), shot{method: "GET", target: "/q?username=DECOY&password=GUESS"}),
		raw("O063", "query by other methods", refused, bareTo("HEAD", "/q?"+guess), bareTo("OPTIONS", "/q?"+guess), bareTo("DELETE", "/q?"+guess)),
		raw("O064", "query behind a second question mark", refused, bareTo("GET", "/q?x?"+guess), bareTo("GET", "/q??username=VICTIM&?password=GUESS"), bareTo("GET", "/q?username=DECOY&password=GUESS&?username=VICTIM"), bareTo("GET", "/q%3f"+guess)),
		raw("O065", "query with bad escapes", refused, bareTo("GET", "/q?username=%zz&"+guess), bareTo("GET", "/q?username=VICTIM%00&password=GUESS"), bareTo("GET", "/q?username=VICTIM%e9&password=GUESS")),
		raw("O066", "query in a header", refused, bareTo("GET", "/", "X-Original-URL: /q?"+guess), bareTo("GET", "/q?username=DECOY&password=GUESS", "X-Rewrite-URL: /q?"+guess), bareTo("GET", "/", "X-Rewrite-URL: /login?"+guess)),
		raw("O067", "prototype in the query", refused, bareTo("GET", "/q?username=DECOY&password=GUESS&a[__proto__][username]=VICTIM")),
		raw("O068", "query, spellings of the path", refused, bareTo("GET", "/Q?"+guess), bareTo("GET", "/q/?"+guess), bareTo("GET", "/x/..%2fq?"+guess), bareTo("GET", "/q;x?"+guess)),

		raw("O070", "path", counted, bareTo("GET", "/u/VICTIM", key), bareTo("GET", "/u/O070V", key), bareTo("POST", "/u/VICTIM/", key), bareTo("GET", "/u/%6f070v", key)),
		raw("O071", "path, other spellings", refused, bareTo("GET", "/u//VICTIM", key), bareTo("GET", "/u/./VICTIM", key), bareTo("GET", "/u/DECOY/../VICTIM", key), bareTo("GET", "/U/VICTIM", key), bareTo("GET", "/u;x/VICTIM", key), bareTo("GET", "/u/VICTIM;x", key)),
		raw("O072", "path, hidden separators", refused, bareTo("GET", "/u/DECOY%2f..%2fVICTIM", key), bareTo("GET", "/u/%2fVICTIM", key), bareTo("GET", "/u/VICTIM%3fx", key), bareTo("GET", "/u/VICTIM%00", key), bareTo("GET", `/u\VICTIM`, key), bareTo("GET", "/u/VICTIM%2500", key)),
		raw("O073", "path, formats", refused, bareTo("GET", "/u/VICTIM.json", key), bareTo("GET", "/u/VICTIM.XML", key)),
		raw("O074", "path and the key in another place", either, bareTo("HEAD", "/u/VICTIM", key), bareTo("GET", "/u/VICTIM", "X_Auth_Key: GUESS"), bareTo("OPTIONS", "/u/VICTIM", key)),
		raw("O075", "path in a header", refused, bareTo("GET", "/", "X-Original-URL: /u/VICTIM", key), bareTo("GET", "/u/DECOY", "X-Rewrite-URL: /u/VICTIM", key)),

		raw("O080", "path_regexp", counted, at("/realms/main/login", guess), at("http://HOST/realms/main/login", guess)),
		raw("O081", "path_regexp, spellings", refused, at("/realms/main/Login", guess), at("/realms/main/login/", guess), at("/realms//main/login", guess), at("/realms/x/../main/login", guess), at("/realms/main/login;x", guess), at("/realms/main/%6cogin", guess), at("/realms/main/login.json", guess), at("/realms/main/login%2f", guess)),
		raw("O082", "path_regexp behind a host", either, at("//x/realms/main/login", guess), at("//HOST/realms/main/login", guess), at(`/\x/realms/main/login`, guess)),
		raw("O083", "path_regexp, odd absolute forms", either, at("http:/realms/main/login", guess), at("http://a@HOST/realms/main/login", guess), at("http:///realms/main/login", guess), at("http:realms/main/login", guess), at("x:/realms/main/login", guess), at("http://HOST#/realms/main/login", guess)),
		raw("O084", "path_regexp behind a script", refused, at("/index.php/realms/main/login", guess), at("/realms/main/login/index.php", guess)),

		raw("O090", "verbatim", counted, at("/verbatim", guess), at("/verbatim", "&&%75sername=VICTIM&password=GUESS"), shot{target: "/verbatim", kind: jsonType, body: plainJSON}),
		raw("O091", "verbatim, two readings", refused, at("/verbatim", "username=DECOY&"+guess), at("/verbatim", "username=DECOY&%2575sername=VICTIM&password=GUESS"), shot{target: "/verbatim", kind: jsonType, body: `{"username":"DECOY","user\u006eame":"VICTIM","password":"GUESS"}`}),
		raw("O092", "a question mark before the key", refused, at("/verbatim", "?username=VICTIM&username=DECOY&password=GUESS"), at("/login", "?username=VICTIM&username=DECOY&password=GUESS")),
		raw("O093", "members below", refused, shot{target: "/verbatim", kind: jsonType, body: `{"username":"DECOY","password":"GUESS","session":{"username":"VICTIM","password":"GUESS"}}`}, shot{target: "/verbatim", kind: jsonType, body: `{"username":"DECOY","password":"GUESS","users":[{"Username":"VICTIM"}]}`}),
		raw("O094", "prototypes within", refused, at("/verbatim", "username=DECOY&password=GUESS&a[__proto__][username]=VICTIM"), at("/verbatim", "username=DECOY&password=GUESS&a.constructor.prototype.username=VICTIM"), at("/verbatim?__proto__[username]=VICTIM", "username=DECOY&password=GUESS")),

		raw("O100", "Basic on a path", counted, bareTo("GET", "/api/x", basicHead("o100v", "x")), bareTo("PUT", "/api/x", basicHead("O100V", "y"))),
		raw("O101", "Basic on another spelling", refused, bareTo("GET", "/API/x", basicHead("o101v", "x")), bareTo("GET", "//api/x", basicHead("o101v", "x")), bareTo("GET", "/%61pi/x", basicHead("o101v", "x")), bareTo("HEAD", "/y/../api/x", basicHead("o101v", "x"))),
		raw("O102", "Basic and a target in a header", refused, bareTo("GET", "/", "X-Original-URL: /api/x", basicHead("o102v", "x")), bareTo("GET", "/", "X-Rewrite-URL: /API/x", basicHead("o102v", "x")), bareTo("HEAD", "/", "X-Rewrite-URL: /api/x", basicHead("o102v", "x"))),
		raw("O103", "Basic with names of options", counted, bareTo("GET", "/api/x", basicHead(`CORP\o103v`, "x")), bareTo("GET", "/api/x", basicHead("o103v+x", "y")), bareTo("GET", "/api/x", basicHead("o103v@corp", "y"))),

		raw("O110", "guard", refused, at("/door", guess), at("/door", "x=1"), bareTo("GET", "/door?"+guess), shot{target: "/door", kind: jsonType, body: plainJSON}, bareTo("GET", "/door", key), at("/Door/", guess), bareTo("PUT", "/door")),
		raw("O111", "deny an upgrade", refused, shot{method: "GET", target: "/ws?" + guess, bare: true, head: "Upgrade: WebSocket\r\nConnection: Upgrade"}, shot{method: "GET", target: "/WS/?" + guess, bare: true, head: "Upgrade: websocket\r\nConnection: Upgrade"}),
		raw("O112", "deny by field", refused, at("/query", "query=x&"+guess), at("/query", "action=LOGIN&"+guess), at("/query", "action=+login&"+guess), shot{target: "/query", kind: jsonType, body: `{"query":"mutation","username":"VICTIM","password":"GUESS"}`}),
		raw("O120", "names encoded twice", either, named("%256f120v", "%25256f120v", "o120%2576", "CORP%255Co120v", "VICTIM%2500", "VICTIM%252Bx")...),
		raw("O121", "names encoded twice in other places", either, bareTo("GET", "/q?username=o121%2576&password=GUESS"), bareTo("GET", "/u/o121%2576", key), bareTo("GET", "/auth", "X-Auth-User: %6f121v", key),
			bareTo("GET", "/api/x", basicHead("%6f121v", "x")), jsonGuess(`{"username":"%6f121v","password":"GUESS"}`), mixed("", piece(user, "%6f121v"), piece(secret, "GUESS"), last)),
		{"O122", "HTTP/2 without a length", func(t *testing.T, a *arena, victim string) {
			c := http2Client(t)
			for i := range 3 * attackLimit {
				for _, g := range []struct{ target, kind, body string }{
					{"/login", formType, guess}, {"/two", formType, "type=a&" + guess}, {"/token", formType, "grant_type=password&" + guess}, {"/token", formType, "grant_type=refresh_token&" + guess},
					{"/auth", "", ""}, {"/login", "multipart/form-data; boundary=xYzZy", piece(user, "VICTIM") + "\r\n" + piece(secret, "GUESS") + "\r\n" + last}, {"/mixed", formType, guess},
				} {
					body := strings.NewReplacer("VICTIM", victim, "GUESS", fmt.Sprint("g", i)).Replace(g.body)
					r, err := http.NewRequest(http.MethodPost, a.URL+g.target, io.NopCloser(strings.NewReader(body)))
					if err != nil {
						t.Fatal(err)
					}
					r.Header.Set("Content-Type", g.kind)
					if g.kind == "" {
						r.Method = http.MethodGet
						r.Header = http.Header{"X-Auth-User": {victim}, "X-Auth-Key": {fmt.Sprint("g", i)}}
					}
					read(c.Do(r))
				}
			}
			if got := a.service.count(victim); got != attackLimit {
				t.Errorf("%d checks, want %d", got, attackLimit)
			}
			a.expectUser(t, victim, attackLimit, true)
		}},
		{"O123", "two nodes, all doors, a pause and another policy", func(t *testing.T, a *arena, victim string) {
			redis := redistest.Start(t)
			line := redisLine(redis, "\n\t\t\ttimeout 500ms")
			var nodes []*arena
			for range 2 {
				nodes = append(nodes, &arena{node: startNode(t, options(line, maxAttempts(2*attackLimit), optionsNames)+siteBlock(optionsSite, proxyTo(a.service.URL))), service: a.service})
			}
			doors := append(named("VICTIM", "CORP%5CVICTIM", "VICTIM%2Bx", "VICTIM."), at("/two", "type=a&"+guess), bareTo("GET", "/auth", name, key), bareTo("GET", "/q?"+guess),
				bareTo("GET", "/api/x", basicHead(victim, "wrong")), mixed("", piece(user, "VICTIM"), piece(secret, "GUESS"), last))
			storm := func() {
				var wg sync.WaitGroup
				for i := range 6 * len(doors) {
					wg.Go(func() { nodes[i%2].send(t, doors[i%len(doors)].bytes(nodes[i%2].address(), victim, i)) })
				}
				wg.Wait()
			}
			nodes[0].send(t, doors[0].bytes(nodes[0].address(), victim, 999))
			pause(t, redis)
			storm()
			resume(t, redis)
			eventually(t, "the recovery", func() bool {
				return nodes[0].try(t, order{Do: "user", User: victim}).Error == "" && nodes[1].try(t, order{Do: "user", User: victim}).Error == ""
			})
			nodes[1].order(t, passwordLimit(attackLimit))
			eventually(t, "the policy on the first node", func() bool {
				probe := fmt.Sprint(victim, "probe", time.Now().UnixNano())
				for i := range attackLimit + 1 {
					nodes[0].send(t, shot{}.bytes(nodes[0].address(), probe, i))
				}
				return a.service.count(probe) == attackLimit
			})
			for range 3 {
				storm()
			}
			if got := a.service.count(victim); got != attackLimit {
				t.Errorf("%d checks, want %d", got, attackLimit)
			}
			nodes[0].expectUser(t, victim, attackLimit, true)
		}},
		raw("O113", "deny by a field in the query", refused, bareTo("GET", "/query?query=mutation&"+guess), at("/query?action=login", guess), at("/query?Query=x", guess), bareTo("GET", "/query?action=Login&"+guess)),
	}
}
