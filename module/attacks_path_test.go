// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"strings"
)

func targetsOf(id, name string, want wanted, targets ...string) attack {
	var guesses []shot
	for _, target := range targets {
		guesses = append(guesses, shot{target: target})
	}
	return raw(id, name, want, guesses...)
}

// Targets: P070-P080.
func pathAttacks() []attack {
	return []attack{
		targetsOf("P070", "slash behind", either, "/login/"),
		targetsOf("P071", "two slashes", either, "//login"),
		targetsOf("P072", "dot", either, "/./login"),
		targetsOf("P073", "climbing", either, "/x/../login"),
		targetsOf("P074", "escaped letter", either, "/%6cogin"),
		targetsOf("P075", "capitals", either, "/LOGIN"),
		targetsOf("P076", "query", counted, "/login?x=1"),
		targetsOf("P077", "parameter", either, "/login;jsessionid=1"),
		targetsOf("P078", "dots", either, "/login%2e", "/login/."),
		targetsOf("P079", "absolute form", counted, "http://HOST/login"),
		targetsOf("P080", "escaped twice", either, "/%252flogin", "/%256cogin"),
	}
}

// Methods: P081-P087.
func methodAttacks() []attack {
	return []attack{
		raw("P081", "GET with credentials", either, shot{method: "GET", target: "/login?username=VICTIM&password=GUESS", bare: true}),
		raw("P082", "PUT", either, shot{method: "PUT"}),
		raw("P083", "override in a header", counted, shot{head: "X-HTTP-Method-Override: PUT"}),
		raw("P084", "override in the body", counted, shot{body: "_method=PUT&username=VICTIM&password=GUESS"}),
		raw("P085", "HTTP/1.0", counted, shot{proto: "HTTP/1.0"}),
		{"P086", "100 continue", expectContinue},
		raw("P087", "OPTIONS", either, shot{method: "OPTIONS"}),
	}
}

// ownPathAttacks are further inputs of the same classes.
func ownPathAttacks() (rows []attack) {
	for i, target := range []string{
		"/login%00", "/login%00.css", "/login%23", "/login%3fx", "/login%20", "/login%09", "/%20login", "/login..", "/login.json", "/login.php", "/login.php/x",
		"/login%2f", "/login%5c", `/\login`, `\login`, "/x/..%2flogin", "/x/%2e%2e/login", "/x%2f..%2flogin", "/..;/login", "/x/..;/login", "/;/login", "/;a=b/login",
		"/log%C0%AEin/../login", "/%C0%AFlogin", "/%EF%BD%8Cogin", "/logi%EF%BD%8E", "/log%C4%B1n", "/LOG%C4%B0N", "/%u006cogin", "/%2525256cogin", "/login/index.php", "/index.php/login",
		"/login/x/..", "/login//", "///login", "/.//login", "/login/%2e", "/login/./", "/Login/", "/lOgIn?x", "/login%0d%0a", "/login%7f", "/%6c%6f%67%69%6e", "/login;", "/login;/", "/login;x/y",
		"http://HOST//login", "http://evil.example/login", "HTTP://HOST/Login", "http://HOST/x/../login", "https://HOST/login", "http://HOST/%6cogin", "/login%E2%80%8B", "/login%C2%AD", "/login*", "/api//session", "/API/session", "/api/session/", "/token/", "/Token", "/token.json",
		"/xmlrpc.php", "/xmlrpc.php/", "/XMLRPC.PHP", "//xmlrpc.php", "/graphql/", "/%67raphql", "/batch;x",
	} {
		rows = append(rows, targetsOf(fmt.Sprintf("X%03d", i+300), "target "+strings.NewReplacer("/", "|", "\\", "!").Replace(target), either, target))
	}
	for i, head := range []string{
		"X-Original-URL: /login", "X-Rewrite-URL: /login", "X-Original-URL: /%6cogin", "X-Rewrite-URL: //login/", "X-Original-URL: /x\r\nX-Original-URL: /login",
	} {
		rows = append(rows, raw(fmt.Sprintf("X%03d", i+390), fmt.Sprint("target in a header ", i), either, shot{target: "/", head: head}))
	}
	for i, method := range []string{"HEAD", "PATCH", "DELETE", "TRACE", "post", "POSTX", "PROPFIND", "LINK", "QUERY", "CONNECT"} {
		target := "/login?username=VICTIM&password=GUESS"
		rows = append(rows, raw(fmt.Sprintf("X%03d", i+270), "method "+method, either, shot{method: method, target: target}, shot{method: method}))
	}
	return rows
}
