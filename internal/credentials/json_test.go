// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

func TestReadJSON(t *testing.T) {
	t.Parallel()
	rule := loginRule(t)
	with := func(member string) string { return `{"username":"alice","password":"x",` + member + `}` }
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, `"k%d":1,`, i)
	}
	for _, tc := range []struct{ name, body, want string }{
		{"plain", `{"username":"alice","password":"x"}`, "alice:x"},
		{"blanks", " \t\r\n{ \"username\" : \"alice\" , \"password\" : \"x\" } \n", "alice:x"},
		{"other members", with(`"a":[1,-0.5e+3,{"b":null}],"c":{},"d":[],"e":true,"f":false,"a.b":1,"a_b":2`), "alice:x"},
		{"escapes", `{"user\u006eame":"al\u0069ce\/\"\\","password":"x"}`, `alice/"\:x`},
		{"P034 user twice", `{"username":"decoy","username":"victim","password":"x"}`, "ambiguous_credentials"},
		{"user twice, one escaped", `{"username":"decoy","\u0075sername":"victim","password":"x"}`, "ambiguous_credentials"},
		{"secret twice", with(`"password":"y"`), "ambiguous_credentials"},
		{"any member twice", with(`"a":1,"a":2`), "ambiguous_credentials"},
		{"any member twice, other case", with(`"a":1,"A":2`), "ambiguous_credentials"},
		{"inner member twice", with(`"a":[{"b":1,"b":2}]`), "ambiguous_credentials"},
		{"P038 other case alone", `{"USERNAME":"victim","password":"x"}`, "ambiguous_credentials"},
		{"other case beside", with(`"UserName":"victim"`), "ambiguous_credentials"},
		{"long s", with(`"uſername":"victim"`), "ambiguous_credentials"},
		{"blank behind", with(`"username ":"victim"`), "ambiguous_credentials"},
		{"full-width", with(`"ｕsername":"victim"`), "ambiguous_credentials"},
		{"zero-width", with(`"user\u200bname":"victim"`), "ambiguous_credentials"},
		{"brackets", with(`"username[]":"victim"`), "ambiguous_credentials"},
		{"NUL in a name", with(`"username\u0000":"victim"`), "malformed_body"},
		{"control in a name", with(`"username\n":"victim"`), "malformed_body"},
		{"P035 secret as array", `{"username":"alice","password":["a","b"]}`, "wrong_type"},
		{"P036 user as array", `{"username":["victim"],"password":"x"}`, "wrong_type"},
		{"P037 user as object", `{"username":{"$eq":"victim"},"password":"x"}`, "wrong_type"},
		{"P044 user as number", `{"username":1000,"password":"x"}`, "wrong_type"},
		{"P045 null user", `{"username":null,"password":"x"}`, "wrong_type"},
		{"P045 true secret", `{"username":"alice","password":true}`, "wrong_type"},
		{"P045 empty object as secret", `{"username":"alice","password":{}}`, "wrong_type"},
		{"P031 empty user", `{"username":"","password":"x"}`, "missing_user"},
		{"P031 no user", `{"password":"x"}`, "missing_user"},
		{"user deeper only", `{"a":{"username":"victim"},"password":"x"}`, "ambiguous_credentials"},
		{"user deeper, too", with(`"a":{"b":[{"UserName":"victim"}]}`), "ambiguous_credentials"},
		{"secret deeper, too", with(`"session":{"password":"y"}`), "ambiguous_credentials"},
		{"other members deeper", with(`"session":{"user":"victim","name":"y"}`), "alice:x"},
		{"empty object", `{}`, "missing_user"},
		{"no secret", `{"username":"alice"}`, "missing_secret"},
		{"P040 byte order mark", "\ufeff" + `{"username":"alice","password":"x"}`, "malformed_body"},
		{"P040 UTF-16", "{\x00\"\x00u\x00", "malformed_body"},
		{"P041 comment", "// c\n" + `{"username":"alice","password":"x"}`, "malformed_body"},
		{"comment inside", `{/*"username":"decoy"*/"username":"victim","password":"x"}`, "malformed_body"},
		{"P042 two documents", `{"username":"decoy","password":"x"}{"username":"victim","password":"x"}`, "malformed_body"},
		{"P042 two lines", `{"username":"decoy","password":"x"}` + "\n" + `{"username":"victim","password":"x"}`, "malformed_body"},
		{"P043 lone surrogate in a sibling", with(`"a":"\ud800"`), "malformed_body"},
		{"lone low surrogate", with(`"a":"\udc00"`), "malformed_body"},
		{"surrogate pair", with(`"a":"\ud83d\ude00"`), "malformed_body"},
		{"surrogate in a name", with(`"username\ud800":"victim"`), "malformed_body"},
		{"encoded surrogate", with("\"a\":\"\xed\xa0\x80\""), "malformed_body"},
		{"invalid UTF-8", with("\"a\":\"\xff\""), "malformed_body"},
		{"P046 batch", `[{"username":"alice","password":"x"}]`, "malformed_body"},
		{"string", `"username"`, "malformed_body"},
		{"P047 200 levels", with(`"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200)), "malformed_body"},
		{"32 levels", with(`"a":` + strings.Repeat("[", 31) + strings.Repeat("]", 31)), "alice:x"},
		{"33 levels", with(`"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32)), "malformed_body"},
		{"P047 many members", with(many.String() + `"z":1`), "malformed_body"},
		{"P048 form with JSON inside", `username=victim&x={"username":"decoy"}`, "malformed_body"},
		{"form inside", with(`"a":"&username=victim&password=y&"`), "ambiguous_credentials"},
		{"form inside, semicolons and case", with(`"a":";USERNAME=victim;"`), "ambiguous_credentials"},
		{"form inside, encoded", with(`"a":"&%75sername[]=victim"`), "ambiguous_credentials"},
		{"ampersand alone", `{"username":"alice","password":"a&b=c"}`, "alice:a&b=c"},
		{"NUL escape", with(`"a":"\u0000"`), "malformed_body"},
		{"P095 NUL in the user", `{"username":"victim\u0000x","password":"x"}`, "malformed_body"},
		{"P097 tab in the user", `{"username":"\talice","password":"x"}`, "bad_name"},
		{"control in the secret", `{"username":"alice","password":"x\u001f"}`, "bad_secret"},
		{"line break in a sibling", with(`"a":"x\ny"`), "alice:x"},
		{"raw control", with("\"a\":\"\t\""), "malformed_body"},
		{"trailing comma", `{"username":"alice","password":"x",}`, "malformed_body"},
		{"trailing comma in array", with(`"a":[1,]`), "malformed_body"},
		{"single quotes", `{'username':'alice','password':'x'}`, "malformed_body"},
		{"bare name", `{username:"alice","password":"x"}`, "malformed_body"},
		{"leading zero", with(`"a":01`), "malformed_body"},
		{"leading plus", with(`"a":+1`), "malformed_body"},
		{"hexadecimal", with(`"a":0x1`), "malformed_body"},
		{"no digits behind the point", with(`"a":1.`), "malformed_body"},
		{"no digits in the exponent", with(`"a":1e`), "malformed_body"},
		{"NaN", with(`"a":NaN`), "malformed_body"},
		{"upper-case literal", with(`"a":TRUE`), "malformed_body"},
		{"unknown escape", with(`"a":"\x41"`), "malformed_body"},
		{"cut escape", with(`"a":"\u00`), "malformed_body"},
		{"missing value", with(`"a":`), "malformed_body"},
		{"missing colon", with(`"a" 1`), "malformed_body"},
		{"missing comma", with(`"a":1 "b":2`), "malformed_body"},
		{"no-break space", "\u00a0" + `{"username":"alice","password":"x"}`, "malformed_body"},
		{"cut", `{"username":"alice","password":"x"`, "malformed_body"},
		{"empty", "", "malformed_body"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(t, rule, post(jsonType, tc.body)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestReadJSONPath(t *testing.T) {
	t.Parallel()
	rule := newRule(t, credentials.LoginConfig{JSON: true, User: field("checks.user.loginName"), Secret: field("checks.password.password")})
	for _, tc := range []struct{ name, body, want string }{
		{"plain", `{"checks":{"user":{"loginName":"alice"},"password":{"password":"x"}}}`, "alice:x"},
		{"password elsewhere", `{"password":"y","checks":{"user":{"loginName":"alice"},"password":{"password":"x"}}}`, "alice:x"},
		{"step in another case", `{"Checks":{"user":{"loginName":"victim"}},"checks":{"user":{"loginName":"decoy"},"password":{"password":"x"}}}`, "ambiguous_credentials"},
		{"end in another case", `{"checks":{"user":{"loginName":"decoy","loginname":"victim"},"password":{"password":"x"}}}`, "ambiguous_credentials"},
		{"dotted member", `{"checks.user.loginName":"victim","checks":{"user":{"loginName":"decoy"},"password":{"password":"x"}}}`, "ambiguous_credentials"},
		{"dotted member deeper", `{"checks":{"user.loginName":"victim","user":{"loginName":"decoy"},"password":{"password":"x"}}}`, "ambiguous_credentials"},
		{"step is an array", `{"checks":[{"user":{"loginName":"alice"},"password":{"password":"x"}}]}`, "wrong_type"},
		{"step is a string", `{"checks":{"user":"alice","password":{"password":"x"}}}`, "wrong_type"},
		{"end is an object", `{"checks":{"user":{"loginName":{}},"password":{"password":"x"}}}`, "wrong_type"},
		{"no user", `{"checks":{"password":{"password":"x"}}}`, "missing_user"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(t, rule, post(jsonType, tc.body)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// FuzzJSON: what we accept, encoding/json accepts with the same values, also
// when it matches members in any case.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"username":"alice","password":"x"}`, `{"username":"a","password":"\u00e9","x":[1e5,{"y":null}]}`, `{"username":"a","USERNAME":"b","password":"c"}`, `{"a":"&username=b","username":"a","password":"c"}`} {
		f.Add(seed)
	}
	rule := loginRule(f)
	f.Fuzz(func(t *testing.T, body string) {
		login, err := rule.Read(post(jsonType, body), "/login")
		if err != nil {
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &members); err != nil {
			t.Fatalf("accepted %q: %v", body, err)
		}
		var fields struct{ Username, Password string }
		if err := json.Unmarshal([]byte(body), &fields); err != nil {
			t.Fatalf("accepted %q: %v", body, err)
		}
		var user, secret string
		if json.Unmarshal(members["username"], &user) != nil || json.Unmarshal(members["password"], &secret) != nil ||
			user != login.User || secret != login.Secret || fields.Username != user || fields.Password != secret {
			t.Fatalf("%q: %q, %q to us; %q, %q by name; %+v by field", body, login.User, login.Secret, user, secret, fields)
		}
		for name, read := range formReaders {
			if read(body, "username") != "" {
				t.Fatalf("%q is a form with a user to %s", body, name)
			}
		}
	})
}
