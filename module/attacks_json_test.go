// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

func utf16Text(s string, bigEndian bool) string {
	var b strings.Builder
	for _, u := range append([]uint16{0xfeff}, utf16.Encode([]rune(s))...) {
		if bigEndian {
			b.WriteString(string([]byte{byte(u >> 8), byte(u)}))
		} else {
			b.WriteString(string([]byte{byte(u), byte(u >> 8)}))
		}
	}
	return b.String()
}

func jsonGuess(body string) shot { return shot{kind: jsonType, body: body} }

const plainJSON = `{"username":"VICTIM","password":"GUESS"}`

// JSON bodies: P034-P048.
func jsonAttacks() []attack {
	batch := strings.Repeat(`{"jsonrpc":"2.0","method":"login","params":`+plainJSON+`},`, 10)
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	var keys strings.Builder
	for i := range 9000 {
		fmt.Fprintf(&keys, `"k%06d":1,`, i)
	}
	return []attack{
		raw("P034", "member twice", either, jsonGuess(`{"username":"DECOY","username":"VICTIM","password":"GUESS"}`), jsonGuess(`{"username":"VICTIM","username":"DECOY","password":"GUESS"}`)),
		raw("P035", "array of passwords", refused, jsonGuess(`{"username":"VICTIM","password":["GUESSa","GUESSb"]}`)),
		raw("P036", "array of names", either, jsonGuess(`{"username":["VICTIM"],"password":"GUESS"}`)),
		raw("P037", "operator", refused, jsonGuess(`{"username":{"$eq":"VICTIM"},"password":"GUESS"}`), jsonGuess(`{"username":"VICTIM","password":{"$ne":"GUESS"}}`)),
		raw("P038", "capital key", either, jsonGuess(`{"USERNAME":"VICTIM","password":"GUESS"}`), jsonGuess(`{"username":"DECOY","USERNAME":"VICTIM","password":"GUESS"}`)),
		raw("P039", "labelled text or nothing", either, shot{kind: "text/plain", body: plainJSON}, shot{kind: none, body: plainJSON}),
		raw("P040", "UTF-16", either, shot{kind: jsonType + "; charset=utf-16", body: utf16Text(`{"username":"p040v","password":"x"}`, false)}, shot{kind: jsonType, body: utf16Text(`{"username":"p040v","password":"y"}`, true)}),
		raw("P041", "comment", either, jsonGuess("// comment\n"+plainJSON), jsonGuess(`{/*"username":"DECOY",*/"username":"VICTIM","password":"GUESS"}`)),
		raw("P042", "two documents", either, jsonGuess(`{"username":"DECOY","password":"GUESS"}`+plainJSON), jsonGuess(plainJSON+"\n"+`{"username":"DECOY","password":"GUESS"}`)),
		raw("P043", "lone surrogate in a sibling", either, jsonGuess(`{"a":"\ud800","username":"VICTIM","password":"GUESS"}`), jsonGuess(`{"user\udc00name":"VICTIM","username":"DECOY","password":"GUESS"}`)),
		raw("P044", "number as name", either, jsonGuess(`{"username":1000,"password":"GUESS","x":"VICTIM"}`)),
		raw("P045", "null, true, object", refused, jsonGuess(`{"username":null,"password":"GUESS"}`), jsonGuess(`{"username":"VICTIM","password":true}`), jsonGuess(`{"username":{},"password":"GUESS"}`), jsonGuess(`{"username":"VICTIM","password":null}`)),
		raw("P046", "batches", refused, jsonGuess("["+strings.TrimSuffix(batch, ",")+"]"), shot{target: "/graphql", kind: jsonType, body: "[" + plainJSON + "," + plainJSON + "]"}, shot{target: "/batch", kind: jsonType, body: "[" + plainJSON + "]"}),
		raw("P047", "deep and wide", either, jsonGuess(`{"username":"VICTIM","password":"GUESS","x":`+deep+`}`), jsonGuess(`{`+keys.String()+`"username":"VICTIM","password":"GUESS"}`)),
		raw("P048", "form that is JSON", refused, jsonGuess(`username=VICTIM&password=GUESS&x={"username":"DECOY"}`), jsonGuess(`{"a":"&username=VICTIM&password=GUESS&b=","username":"DECOY","password":"GUESS"}`)),
	}
}

// ownJSONAttacks are further inputs of the same classes.
func ownJSONAttacks() (rows []attack) {
	for i, body := range []string{
		`{"username":"VICTIM","password":"GUESS","x":NaN}`,
		`{"username":"VICTIM","password":"GUESS","x":1e999999}`,
		`{"username":"VICTIM","password":"GUESS","x":` + strings.Repeat("9", 5000) + `}`,
		`{"__proto__":{"username":"VICTIM","password":"GUESS"},"username":"DECOY","password":"GUESS"}`,
		plainJSON + `{`,
		`{"username":"DECOY","password":"GUESS","constructor":{"prototype":{"username":"VICTIM"}}}`,
		`{'username':'VICTIM','password':'GUESS'}`,
		`{username:"VICTIM",password:"GUESS"}`,
		`{"username":"VICTIM","password":"GUESS",}`,
		`{"user\u006eame":"VICTIM","username":"DECOY","password":"GUESS"}`,
		`{"username\u0000":"VICTIM","username":"DECOY","password":"GUESS"}`,
		`{"username ":"VICTIM","username":"DECOY","password":"GUESS"}`,
		`{"ｕsername":"VICTIM","username":"DECOY","password":"GUESS"}`,
		`{"u\u017fername":"VICTIM","username":"DECOY","password":"GUESS"}`,
		`{"username[]":"VICTIM","username":"DECOY","password":"GUESS"}`,
		`{"username":"VICTIM\u0000DECOY","password":"GUESS"}`,
		`{"username":"DECOY","password":"GUESS"}` + "\x00" + plainJSON,
		"\ufeff" + plainJSON,
		")]}',\n" + plainJSON,
		`{"a":{"b":1,"b":2},"username":"VICTIM","password":"GUESS"}`,
		`"{\"username\":\"VICTIM\",\"password\":\"GUESS\"}"`,
		`{"username":"VICTIM","password":"GUESS"} // {"username":"DECOY"}`,
		"\t" + plainJSON + "\x0c",
		`{"username":"DECOY","password":"GUESS","username ":"VICTIM"}`,
		"{\"username\":\"VI\tVICTIM\",\"password\":\"GUESS\"}",
		`{"username":"VICTIM","password":"GUESS","PASSWORD":"GUESSb"}`,
		"{\"username\":\"VICTIM\",\"password\":\"GUESS\",\"x\":\"\xc0\xaf\"}",
		`{"username":"\ud835\udc2f","password":"GUESS","user":"VICTIM"}`,
	} {
		rows = append(rows, raw(fmt.Sprintf("X%03d", i+100), fmt.Sprint("JSON ", i), either, jsonGuess(body)))
	}
	for i, kind := range []string{
		"application/json; charset=utf-16", "application/json, text/plain", "application/vnd.api+json", "text/json", "application/json;charset=utf-8;charset=latin1",
		"application/x-json", "application/json5", "application/json; profile=\"x\"", "application/graphql", "application/ld+json",
	} {
		rows = append(rows, raw(fmt.Sprintf("X%03d", i+140), fmt.Sprint("JSON type ", i), either, shot{kind: kind, body: plainJSON}))
	}
	return rows
}
