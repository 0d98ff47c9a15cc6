// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func named(names ...string) (guesses []shot) {
	for _, name := range names {
		guesses = append(guesses, shot{body: "username=" + name + "&password=GUESS"})
	}
	return guesses
}

// Names: P090-P103.
func identityAttacks() []attack {
	return []attack{
		raw("P090", "case", counted, named("VICTIM", "P090V", "P090v", "p090V")...),
		raw("P091", "blanks", either, named("+VICTIM", "VICTIM+", "++VICTIM++", "VICTIM%20")...),
		raw("P092", "full width", either, named("%EF%BD%90092v", "p092%EF%BD%96", "%EF%BC%B0092V")...),
		raw("P093", "composed and not", counted, named("VICTIM%C3%A9", "VICTIMe%CC%81", "VICTIM%C3%89", "VICTIME%CC%81")...),
		raw("P094", "zero width", either, named("p094%E2%80%8Bv", "p094v%EF%BB%BF", "p0%C2%AD94v", "p094v%EF%B8%8F")...),
		raw("P095", "NUL", refused, named("VICTIM%00x", "VICTIM%00")...),
		raw("P096", "Turkish letters", either, named("VICTIM%C4%B0", "VICTIM%C4%B1", "VICTIMi", "VICTIMI")...),
		raw("P097", "tab and newline", either, named("%09VICTIM", "VICTIM%0A", "%0D%0AVICTIM", "VICTIM%0B")...),
		{"P103", "Cyrillic", cyrillic},
		raw("X420", "other blanks", either, named("VICTIM%C2%A0", "VICTIM%E3%80%80", "VICTIM%E2%80%89", "VICTIM%C2%85")...),
		raw("X421", "ligatures and signs", either, named("VICTIM%EF%AC%81", "VICTIMfi", "VICTIM%EF%AC%81")...),
		raw("X422", "sharp s", either, named("VICTIM%C3%9F", "VICTIMss", "VICTIM%E1%BA%9E", "VICTIMSS")...),
		raw("X423", "Kelvin", either, named("VICTIM%E2%84%AA", "VICTIMk", "VICTIMK")...),
		raw("X424", "sigma", either, named("VICTIM%CE%A3", "VICTIM%CF%83", "VICTIM%CF%82")...),
		raw("X425", "mathematical letters", either, named("p425%F0%9D%90%AFz", "x425v%F0%9D%91%8E", "x425va")...),
		raw("X426", "overlong", either, named("VICTIM%C1%A1", "%C1%B8426v")...),
		raw("X427", "surrogate bytes", either, named("VICTIM%ED%A0%80", "VICTIM%ED%B0%80")...),
		raw("X428", "tags and selectors", either, named("x428%F3%A0%80%A1v", "x428%F3%A0%84%80v", "x428%EF%B8%8Fv")...),
		raw("X429", "direction", either, named("x429%E2%80%AEv", "%E2%80%8Fx429v", "x429v%E2%81%A9")...),
		raw("X430", "circled", either, named("%E2%93%A5430v", "x%E2%91%A3%E2%91%A20v")...),
		raw("X431", "inner blanks", either, named("VICTIM+a", "VICTIM++a", "VICTIM%C2%A0a", "VICTIM%09a")...),
	}
}

// Two names that look alike are two people.
func cyrillic(t *testing.T, a *arena, victim string) {
	a.storm(t, victim, counted, named(victim+"a")...)
	if got := a.send(t, shot{body: "username=VICTIM%D0%B0&password=right"}.bytes(a.address(), victim, 0)); got != http.StatusOK {
		t.Errorf("the other got %d", got)
	}
}

// basicHead is an Authorization header for the victim, whose guess is filled in
// as the scheme demands: before it is encoded.
func basicHead(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func basicGuess(head string) shot {
	return shot{method: "GET", target: "/private", bare: true, head: head}
}

// Headers, tenants and other doors: P110-P116.
func headerAttacks() []attack {
	return []attack{
		raw("P110", "client addresses", counted, shot{head: "X-Forwarded-For: 10.0.0.GUESS\r\nX-Real-IP: 10.1.1.1\r\nForwarded: for=GUESS"}),
		raw("P111", "organization of the client", counted, shot{head: "x-zitadel-orgid: GUESS"}),
		raw("P112", "organization without a limit", counted, shot{head: "x-zitadel-orgid: unlimited"}),
		raw("P114", "Connection names a header", either, shot{head: "Connection: close, Content-Type"}, shot{head: "Connection: Cookie, Authorization"}, basicGuess("Connection: Authorization\r\n"+basicHead("p114v", "x"))),
		raw("P115", "hosts", counted, shot{head: "X-Forwarded-Host: evil.example"}, shot{head: "X-Forwarded-Proto: https\r\nX-Forwarded-Port: 1"}),
		{"P116", "one counter for all doors", oneCounter},
	}
}

// Whatever door a guess takes, it counts for the user.
func oneCounter(t *testing.T, a *arena, victim string) {
	doors := []shot{
		{},
		{kind: jsonType, body: plainJSON},
		{target: "/api/session", kind: jsonType, body: plainJSON},
		{target: "/token", body: "grant_type=password&username=VICTIM&password=GUESS"},
		basicGuess(basicHead(victim, "wrong")),
		{method: "PROPFIND", target: "/dav", bare: true, head: basicHead(strings.ToUpper(victim), "wrong")},
	}
	for i, g := range doors {
		a.send(t, g.bytes(a.address(), victim, i))
	}
	if got := a.service.count(victim); got != attackLimit {
		t.Errorf("%d checks over all doors, want %d", got, attackLimit)
	}
	for i, g := range doors {
		if got := a.send(t, g.bytes(a.address(), victim, i)); got != http.StatusForbidden {
			t.Errorf("door %d: status %d after the lock", i, got)
		}
	}
	a.expectUser(t, victim, attackLimit, true)
}

// ownHeaderAttacks are further inputs of the same classes.
func ownHeaderAttacks() (rows []attack) {
	for i, head := range []string{
		"Content-Type: application/json", "content_type: application/json", "Content-Type : application/json", "X-HTTP-Method-Override: GET\r\nX-HTTP-Method-Override: PUT",
		"Connection: keep-alive, content-length", "Connection: close\r\nConnection: Content-Type", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
		"Upgrade: websocket\r\nConnection: Upgrade", "Cookie: username=VICTIM\r\nCookie: a=b", "X_Original_URL: /login", "Content-Disposition: form-data; name=\"username\"",
		"Expect: 200-ok", "Host: evil.example", "Transfer-Encoding: identity", "Content-Location: /x", "Proxy-Connection: close, Content-Type", "Keep-Alive: 5\r\nTE: trailers",
		"Content-Digest: sha-256=:AAAA:",
	} {
		rows = append(rows, raw(fmt.Sprintf("X%03d", i+450), fmt.Sprint("header ", i), either, shot{head: head}))
	}
	for i, head := range []string{
		"Authorization: basic VAL", "Authorization: BASIC VAL", "Authorization: Basic  VAL", "Authorization: Basic\tVAL", "Authorization: Bearer x, Basic VAL", "Authorization: Basic VAL, Basic VAL",
		"Authorization: Basic VAL=", "Authorization: Basic VAL\r\nAuthorization: Basic VAL", "authorization: Basic VAL", "Authorization_: x\r\nAuthorization: Basic VAL", "Authorization: Digest username=\"VICTIM\" Basic VAL",
		"Authorization:Basic VAL", "Authorization:\r\n Basic VAL", "Authorization: \"Basic\" VAL", "Authorization: Basic: VAL", "Authorization: Basic VA L",
	} {
		id := fmt.Sprintf("X%03d", i+480)
		value := base64.StdEncoding.EncodeToString([]byte(strings.ToLower(id) + "v:wrong"))
		rows = append(rows, raw(id, fmt.Sprint("Basic ", i), either, basicGuess(strings.ReplaceAll(head, "VAL", value))))
	}
	return rows
}
