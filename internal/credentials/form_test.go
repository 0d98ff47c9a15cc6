// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

func TestReadForm(t *testing.T) {
	t.Parallel()
	rule := loginRule(t)
	for _, tc := range []struct{ name, body, want string }{
		{"plain", "username=alice&password=x", "alice:x"},
		{"other fields", "a=1&a=2&b[c]=3&username=alice&password=x&utf8=%E2%9C%93&_method=PUT", "alice:x"},
		{"equals sign in a value", "username=alice&password=a=b", "alice:a=b"},
		{"empty pairs", "&username=alice&&password=x&", "alice:x"},
		{"raw UTF-8", "username=jos\u00e9&password=x", "jos\u00e9:x"},
		{"P020 P021 user twice", "username=decoy&username=victim&password=x", "ambiguous_credentials"},
		{"user twice, one encoded", "username=decoy&%75sername=victim&password=x", "ambiguous_credentials"},
		{"P024 array", "username[]=victim&password=x", "ambiguous_credentials"},
		{"array beside", "username=decoy&username[]=victim&password=x", "ambiguous_credentials"},
		{"map beside", "username=decoy&username%5b0%5d=victim&password=x", "ambiguous_credentials"},
		{"open bracket", "username=decoy&username[=victim&password=x", "ambiguous_credentials"},
		{"bracketed, as qs reads it", "username=decoy&[username]=victim&password=x", "ambiguous_credentials"},
		{"P025 encoded key alone", "%75sername=victim&password=x", "victim:x"},
		{"key encoded twice", "%2575sername=victim&username=decoy&password=x", "ambiguous_credentials"},
		{"P026 broken escape", "a=%zz&username=victim&password=x", "malformed_body"},
		{"cut escape", "username=victim&password=x%4", "malformed_body"},
		{"broken escape in a key", "a%=1&username=victim&password=x", "malformed_body"},
		{"P027 semicolon", "username=decoy;username=victim&password=x", "malformed_body"},
		{"P028 fillers", strings.Repeat("a=1&", 1001) + "username=victim&password=x", "malformed_body"},
		{"500 pairs", strings.Repeat("a=1&", 498) + "username=alice&password=x", "alice:x"},
		{"501 pairs", strings.Repeat("a=1&", 499) + "username=alice&password=x", "malformed_body"},
		{"P030 secret twice", "username=alice&password=a&password=b", "ambiguous_credentials"},
		{"secret as array", "username=alice&password[]=a&password=b", "ambiguous_credentials"},
		{"P031 empty user", "username=&password=x", "missing_user"},
		{"P031 no user", "password=x", "missing_user"},
		{"user without equals sign", "username&password=x", "missing_user"},
		{"empty body", "", "missing_user"},
		{"P032 blanks only", "username=+%C2%A0+&password=x", "missing_user"},
		{"no secret", "username=alice", "missing_secret"},
		{"empty secret", "username=alice&password=", "missing_secret"},
		{"P048 JSON inside", `username=victim&x={"username":"decoy"}&password=x`, "victim:x"},
		{"JSON labelled as form", `{"username":"victim","password":"x"}`, "malformed_body"},
		{"JSON behind blanks", `  {"a":"&username=victim&password=x"}`, "malformed_body"},
		{"array labelled as form", "[&username=victim&password=x]", "malformed_body"},
		{"string labelled as form", `"&username=victim&password=x"`, "malformed_body"},
		{"comment", "//&username=victim&password=x", "malformed_body"},
		{"XML", "<a>&username=victim&password=x", "malformed_body"},
		{"byte order mark", "\ufeffusername=victim&password=x", "malformed_body"},
		{"P059 Latin-1", "username=jos%e9&password=x", "malformed_body"},
		{"raw Latin-1", "username=jos\xe9&password=x", "malformed_body"},
		{"overlong", "username=%c0%afx&password=x", "malformed_body"},
		{"P095 NUL in the user", "username=victim%00x&password=x", "malformed_body"},
		{"NUL in a key", "username%00x=victim&username=decoy&password=x", "malformed_body"},
		{"NUL in another value", "a=%00&username=alice&password=x", "malformed_body"},
		{"raw NUL", "a=\x00&username=alice&password=x", "malformed_body"},
		{"line break behind", "username=alice&password=x\r\n", "malformed_body"},
		{"P097 tab in the user", "username=%09alice&password=x", "bad_name"},
		{"P097 line break in the user", "username=alice%0a&password=x", "bad_name"},
		{"control in the secret", "username=alice&password=x%0d", "bad_secret"},
		{"line break in another value", "username=alice&password=x&note=a%0d%0ab", "alice:x"},
		{"upper-case key", "USERNAME=victim&username=decoy&password=x", "ambiguous_credentials"},
		{"upper-case key alone", "USERNAME=victim&password=x", "ambiguous_credentials"},
		{"blank before the key", "+username=victim&username=decoy&password=x", "ambiguous_credentials"},
		{"blank behind the key", "username%20=victim&username=decoy&password=x", "ambiguous_credentials"},
		{"full-width key", "%EF%BD%95sername=victim&username=decoy&password=x", "ambiguous_credentials"},
		{"zero-width space in the key", "user%E2%80%8Bname=victim&username=decoy&password=x", "ambiguous_credentials"},
		{"long s in the key", "u%C5%BFername=victim&username=decoy&password=x", "ambiguous_credentials"},
		{"charset field", "_charset_=utf-7&username=alice&password=x", "ambiguous_credentials"},
		{"charset field, UTF-8", "_charset_=UTF-8&username=alice&password=x", "alice:x"},
		{"charset sentinel", "utf8=%26%2310003%3B&username=alice&password=x", "ambiguous_credentials"},
		{"JSON payload field", "username=decoy&password=x&@jsonPayload=%7B%7D", "ambiguous_credentials"},
		{"content field", "username=decoy&password=x&_content=y", "ambiguous_credentials"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(t, rule, post(formType, tc.body)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestReadNestedForm(t *testing.T) {
	t.Parallel()
	rule := newRule(t, credentials.LoginConfig{Form: true, User: field("user[login]"), Secret: field("user[password]")})
	for _, tc := range []struct{ name, body, want string }{
		{"plain", "user[login]=alice&user[password]=x&user[remember_me]=1", "alice:x"},
		{"encoded", "user%5Blogin%5D=alice&user%5Bpassword%5D=x", "alice:x"},
		{"the parent as a value", "user=victim&user[login]=decoy&user[password]=x", "ambiguous_credentials"},
		{"a child", "user[login][]=victim&user[login]=decoy&user[password]=x", "ambiguous_credentials"},
		{"dotted", "user.login=victim&user[login]=decoy&user[password]=x", "ambiguous_credentials"},
		{"open bracket", "user[login=victim&user[login]=decoy&user[password]=x", "ambiguous_credentials"},
		{"blanks in the bracket", "user[login+]=victim&user[login]=decoy&user[password]=x", "ambiguous_credentials"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(t, rule, post(formType, tc.body)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestReadFormWithDots(t *testing.T) {
	t.Parallel()
	rule := newRule(t, credentials.LoginConfig{Form: true, User: field("username"), Secret: field("password")})
	for key, want := range map[string]string{
		"username.0": "ambiguous_credentials", "Username.x.y": "ambiguous_credentials", "username[0].x": "ambiguous_credentials",
		"user.name": "decoy:x", "x.username": "decoy:x", "usernames.0": "decoy:x",
	} {
		if got := outcome(t, rule, post(formType, "username=decoy&password=x&"+key+"=victim")); got != want {
			t.Errorf("%s beside username, as Rocket reads it: %s, want %s", key, got, want)
		}
	}
}

func TestReadFormWithUnderscores(t *testing.T) {
	t.Parallel()
	rule := newRule(t, credentials.LoginConfig{Form: true, User: field("user_name"), Secret: field("password")})
	for _, key := range []string{"user.name", "user+name", "user[name"} {
		if got := outcome(t, rule, post(formType, "user_name=decoy&password=x&"+key+"=victim")); got != "ambiguous_credentials" {
			t.Errorf("%s beside user_name, as PHP reads it: %s", key, got)
		}
	}
}

// formReaders are how others read one field of a form.
var formReaders = map[string]func(body, field string) string{
	"net/url, first": func(body, field string) string {
		values, _ := url.ParseQuery(body)
		return values.Get(field)
	},
	"net/url, last": func(body, field string) string {
		values, _ := url.ParseQuery(body)
		if all := values[field]; len(all) > 0 {
			return all[len(all)-1]
		}
		return ""
	},
	"PHP": func(body, field string) (value string) {
		for pair := range strings.SplitSeq(body, "&") {
			key, v, _ := strings.Cut(pair, "=")
			key, v = lenientUnescape(key), lenientUnescape(v)
			key, _, _ = strings.Cut(key, "\x00")
			key = strings.TrimLeft(key, " ")
			if open := strings.IndexByte(key, '['); open > 0 && strings.IndexByte(key[open:], ']') > 0 {
				key, v = key[:open], "Array"
			}
			if strings.NewReplacer(".", "_", " ", "_", "[", "_").Replace(key) == field {
				value = v
			}
		}
		return value
	},
	"semicolons, any case, first": func(body, field string) string {
		for pair := range strings.FieldsFuncSeq(body, func(r rune) bool { return r == '&' || r == ';' }) {
			key, v, _ := strings.Cut(pair, "=")
			if strings.EqualFold(strings.TrimSpace(lenientUnescape(key)), field) {
				return lenientUnescape(v)
			}
		}
		return ""
	},
}

func lenientUnescape(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return strings.ReplaceAll(s, "+", " ")
}

func FuzzForm(f *testing.F) {
	for _, seed := range []string{"username=alice&password=x", "username[]=v&username=d&password=x", "user%00name=a&password", "a=%zz;username=b&password=1", "%75sername=v&password=+"} {
		f.Add(seed)
	}
	rule := loginRule(f)
	f.Fuzz(func(t *testing.T, body string) {
		login, err := rule.Read(post(formType, body), "/login")
		if err != nil {
			return
		}
		for name, read := range formReaders {
			if user, secret := read(body, "username"), read(body, "password"); user != login.User || secret != login.Secret {
				t.Fatalf("%q is %q, %q to %s, but %q, %q to us", body, user, secret, name, login.User, login.Secret)
			}
		}
	})
}
