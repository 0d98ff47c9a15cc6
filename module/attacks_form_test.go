// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// form bodies: P020-P033, P058, P059.
func formAttacks() []attack {
	filler := strings.Repeat("f=1&", 1001)
	return []attack{
		raw("P020", "two names, the last is the victim", either, shot{body: "username=DECOY&username=VICTIM&password=GUESS"}),
		raw("P021", "two names, the first is the victim", either, shot{body: "username=VICTIM&username=DECOY&password=GUESS"}),
		raw("P022", "victim in the query", either, shot{target: "/login?username=VICTIM", body: "username=DECOY&password=GUESS"}),
		raw("P023", "all in the query of a POST", either, shot{target: "/login?username=VICTIM&password=GUESS", body: none}),
		raw("P024", "array name", either, shot{body: "username[]=VICTIM&password=GUESS"}, shot{body: "username=DECOY&username[]=VICTIM&password=GUESS"}),
		raw("P025", "escaped key", either, shot{body: "%75sername=VICTIM&password=GUESS"}, shot{body: "username=DECOY&%75sername=VICTIM&password=GUESS"}),
		raw("P026", "broken escape before the name", either, shot{body: "a=%zz&username=VICTIM&password=GUESS"}, shot{body: "%=1&username=DECOY&username=VICTIM&password=GUESS"}),
		raw("P027", "semicolon", either, shot{body: "username=DECOY;username=VICTIM&password=GUESS"}, shot{body: "username=VICTIM;password=GUESS"}),
		raw("P028", "1001 fillers", either, shot{body: filler + "username=VICTIM&password=GUESS"}),
		raw("P029", "form labelled text", either, shot{kind: "text/plain"}),
		raw("P030", "two passwords", either, shot{body: "username=VICTIM&password=GUESSa&password=GUESSb"}),
		{"P031", "empty and missing name", emptyNames},
		raw("P032", "white space only", refused, shot{body: "username=%20%09&password=GUESS&x=VICTIM"}, shot{body: "username=++&password=GUESS"}, shot{body: "username=%C2%A0&password=GUESS"}),
		raw("P033", "10 KB and 1 MB name", refused, shot{body: "username=VICTIM" + strings.Repeat("x", 10<<10) + "&password=GUESS"}, shot{body: "username=VICTIM" + strings.Repeat("x", 1<<20) + "&password=GUESS"}),
		raw("P058", "charset", either, shot{kind: formType + "; charset=utf-7"}, shot{kind: formType + "; charset=utf-8; charset=utf-7", body: "username+AD0-VICTIM&password=GUESS"}),
		raw("P059", "Latin 1", either, shot{kind: formType + "; charset=iso-8859-1", body: "username=VICTIM%e9&password=GUESS"}, shot{body: "username=VICTIM%e9&password=GUESS"}),
	}
}

// 200 logins without a name lock nobody.
func emptyNames(t *testing.T, a *arena, victim string) {
	for i := range 100 {
		for _, body := range []string{"username=&password=GUESS", "password=GUESS"} {
			if got := a.send(t, shot{body: body}.bytes(a.address(), victim, i)); got != http.StatusBadRequest {
				t.Fatalf("%s: status %d", body, got)
			}
		}
	}
	if got := a.send(t, strings.Replace(shot{}.bytes(a.address(), victim, 10), "guess10", "right..", 1)); got != http.StatusUnauthorized {
		t.Errorf("another user got %d", got)
	}
}

// ownFormAttacks are further inputs of the same classes.
func ownFormAttacks() []attack {
	field := func(key string) shot {
		return shot{body: "username=DECOY&" + key + "=VICTIM&password=GUESS"}
	}
	var rows []attack
	for i, key := range []string{
		"Username", "USERNAME", "user%6eame", "%2575sername", "username%00", "username%00x", "+username", "username+", "%09username", "username%0a",
		"%EF%BD%95sername", "u%CC%80sername", "username%E2%80%8B", "user%C2%ADname", "username%5B0%5D", "username[a]", "username%5B", "[username]",
		"username[]", "u%C5%BFername", "username.", "username%20", "__proto__[username]", "constructor[prototype][username]", "%EF%BB%BFusername", "user%C0%AEname", "username[][]",
	} {
		rows = append(rows, raw(fmt.Sprintf("X%03d", i+1), "field "+strings.ReplaceAll(key, "/", ""), either, field(key)))
	}
	for i, body := range []string{
		"&&username=VICTIM&&password=GUESS&&",
		"username=VICTIM&password=GUESS\r\n&username=DECOY",
		"username=DECOY\r\nusername=VICTIM&password=GUESS",
		"username=DECOY%26username=VICTIM&password=GUESS",
		"username=DECOY%00VICTIM&password=GUESS",
		"username==VICTIM&password=GUESS",
		"username&username=VICTIM&password=GUESS",
		"password=GUESS&username=VICTIM&password=GUESSb",
		"PASSWORD=GUESSc&username=VICTIM&password=GUESS",
		"password[]=GUESSa&password[]=GUESSb&username=VICTIM",
		"_charset_=utf-7&username=VICTIM&password=GUESS",
		"{\"x\":\"&username=VICTIM&password=GUESS&y=\"}",
		"--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nVICTIM\r\n--x\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nGUESS\r\n--x--",
		"username=VICTIM&password=GUESS#",
		"?username=VICTIM&password=GUESS",
		"username=VICTIM%u0000&password=GUESS",
	} {
		rows = append(rows, raw(fmt.Sprintf("X%03d", i+40), fmt.Sprint("form ", i), either, shot{body: body}))
	}
	for i, kind := range []string{
		formType + ", text/plain", "text/plain, " + formType, formType + ";charset", formType + "; charset=", formType + "; charset=\"UTF-8\"; x=y",
		"APPLICATION/X-WWW-FORM-URLENCODED", formType + " ;charset=UTF-8", "application/x-www-form-urlencoded\t", "application/xml", none, formType + "; boundary=x",
		"multipart/form-data", "application/x-www-form-urlencoded/json", "application/json;" + formType,
	} {
		rows = append(rows, raw(fmt.Sprintf("X%03d", i+60), fmt.Sprint("type ", i), either, shot{kind: kind}))
	}
	return rows
}
