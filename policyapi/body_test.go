// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestBodies is the table of request bodies in chapter 3 of the contract, and
// what else a body can be.
func TestBodies(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	type values struct{ password, otp uint32 }
	for i, tt := range []struct {
		name, body, contentType string
		want                    values
		message                 string // of a 400
	}{
		{"numbers", `{"maxPasswordAttempts": 5, "maxOtpAttempts": 6}`, "application/json", values{5, 6}, ""},
		{"strings", `{"maxPasswordAttempts": "12", "maxOtpAttempts": "7"}`, "", values{12, 7}, ""},
		{"20.0", `{"maxPasswordAttempts": 20.0}`, "", values{20, 0}, ""},
		{"2.1e1", `{"maxPasswordAttempts": 2.1e1}`, "", values{21, 0}, ""},
		{`"22.0"`, `{"maxPasswordAttempts": "22.0"}`, "", values{22, 0}, ""},
		{"snake case", `{"max_password_attempts": 23, "max_otp_attempts": 24}`, "", values{23, 24}, ""},
		{"unknown fields", `{"maxPasswordAttempts": 24, "showLockOutFailures": true, "x": {"y": [1, {"z": null}]}}`, "", values{24, 0}, ""},
		{"text/plain", `{"maxPasswordAttempts": 25}`, "text/plain", values{25, 0}, ""},
		{"application/xml", `{"maxPasswordAttempts": 26}`, "application/xml", values{26, 0}, ""},
		{"charset", `{"maxPasswordAttempts": 27}`, "application/json; charset=utf-8", values{27, 0}, ""},
		{"form type, JSON body", `{"maxPasswordAttempts": 28}`, "application/x-www-form-urlencoded", values{28, 0}, ""},
		{"broken type", `{"maxPasswordAttempts": 29}`, "a/b; c=\x7f", values{29, 0}, ""},
		{"null field", `{"maxPasswordAttempts": null, "maxOtpAttempts": 1}`, "", values{0, 1}, ""},
		{"absent field", `{"maxOtpAttempts": 1}`, "", values{0, 1}, ""},
		{"empty object", `{}`, "", values{}, ""},
		{"empty body", ``, "", values{}, ""},
		{"only blanks", " \n\t", "", values{}, ""},
		{"bytes behind", `{"maxPasswordAttempts": 30} xx`, "", values{30, 0}, ""},
		{"second object", `{"maxPasswordAttempts": 31}{"maxPasswordAttempts": 99}`, "", values{31, 0}, ""},
		{"largest", `{"maxPasswordAttempts": 4294967295}`, "", values{4294967295, 0}, ""},
		{"escaped name", `{"\u006daxPasswordAttempts": 32}`, "", values{32, 0}, ""},
		{"largest body", `{"x":"` + strings.Repeat("a", 64<<10-8) + `"}`, "", values{}, ""},

		{"same field twice", `{"maxPasswordAttempts":1,"maxPasswordAttempts":1}`, "", values{}, `proto: (line 1:26): duplicate field "maxPasswordAttempts"`},
		{"both spellings", `{"maxPasswordAttempts":1, "max_password_attempts":1}`, "", values{}, `proto: (line 1:27): duplicate field "max_password_attempts"`},
		{"-1", `{"maxPasswordAttempts": -1}`, "", values{}, "proto: (line 1:25): invalid value for uint32 field maxPasswordAttempts: -1"},
		{`"-1"`, `{"maxPasswordAttempts":"-1"}`, "", values{}, "proto: (line 1:24): invalid value for uint32 field maxPasswordAttempts: "},
		{"2^32", `{"maxPasswordAttempts":4294967296}`, "", values{}, "proto: (line 1:24): invalid value for uint32 field maxPasswordAttempts: "},
		{"P160 2^64-1", `{"maxPasswordAttempts":18446744073709551615}`, "", values{}, "proto: (line 1:24): invalid value for uint32 field maxPasswordAttempts: "},
		{"P160 2^53+1", `{"maxPasswordAttempts":"9007199254740993"}`, "", values{}, "proto: (line 1:24): invalid value for uint32 field maxPasswordAttempts: "},
		{"1.5", `{"maxPasswordAttempts":1.5}`, "", values{}, "proto: (line 1:24): invalid value for uint32 field maxPasswordAttempts: "},
		{`"abc"`, `{"maxPasswordAttempts":"abc"}`, "", values{}, "proto: (line 1:24): invalid value for uint32 field maxPasswordAttempts: "},
		{`""`, `{"maxPasswordAttempts":""}`, "", values{}, "proto: (line 1:24): invalid value for uint32 field maxPasswordAttempts: "},
		{`" 3"`, `{"maxPasswordAttempts":" 3"}`, "", values{}, "proto: (line 1:24): invalid value for uint32 field maxPasswordAttempts: "},
		{"true", `{"maxPasswordAttempts":true}`, "", values{}, "proto: (line 1:24): invalid value for uint32 field maxPasswordAttempts: "},
		{"object", `{"maxPasswordAttempts":{}}`, "", values{}, "proto: (line 1:24): "},
		{"[]", `[]`, "", values{}, "proto: syntax error (line 1:1): unexpected token ["},
		{`"x"`, `"x"`, "", values{}, "proto: syntax error (line 1:1): unexpected token"},
		{"null", `null`, "", values{}, "proto: syntax error (line 1:1): unexpected token null"},
		{"5", `5`, "", values{}, "proto: syntax error (line 1:1): unexpected token 5"},
		{"cut", `{"maxPasswordAttempts": 1`, "", values{}, "unexpected EOF"},
		{"leading zero", `{"maxPasswordAttempts": 03}`, "", values{}, "invalid character '3' after object key:value pair"},
		{"byte order mark", "\ufeff{}", "", values{}, "invalid character 'ï' looking for beginning of value"},
		{"form", "maxPasswordAttempts=3", "application/x-www-form-urlencoded", values{}, "invalid character 'm' looking for beginning of value"},
		{"deep nesting", strings.Repeat(`{"x":`, 11_000) + "1" + strings.Repeat("}", 9_000), "", values{}, "invalid character '{' exceeded max depth"},
		{"too large", `{"x":"` + strings.Repeat("a", 64<<10-7) + `"}`, "", values{}, "request body is larger than 65536 bytes"},
		{"10 MB", `{"maxPasswordAttempts":1,"x":"` + strings.Repeat("a", 10<<20) + `"}`, "", values{}, "request body is larger than 65536 bytes"},
		{"too many blanks behind", `{}` + strings.Repeat(" ", 64<<10), "", values{}, "request body is larger than 65536 bytes"},
		{"invalid UTF-8", "{\"x\":\"\xff\",\"maxPasswordAttempts\":1}", "", values{}, "proto: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			organization := fmt.Sprint("organization-", i)
			const target = "/management/v1/policies/lockout"
			before := values{77, 78}
			s.send(t, "POST", target, `{"maxPasswordAttempts":77,"maxOtpAttempts":78}`, "x-zitadel-orgid", organization).expect(t, 200, 0, "")
			r := httptest.NewRequest("PUT", target, strings.NewReader(tt.body))
			r.Header.Set("Authorization", "Bearer "+adminToken)
			r.Header.Set("X-Zitadel-OrgID", organization)
			if tt.contentType != "" {
				r.Header.Set("Content-Type", tt.contentType)
			}
			if len(tt.body)%2 == 0 {
				r.ContentLength = -1 // as if it came in chunks
			}
			a := s.do(t, r)
			if tt.message != "" {
				if a.expect(t, 400, 3, tt.message); a.JSON["details"] != nil {
					t.Errorf("details: %v", a.JSON["details"])
				}
				tt.want = before
			} else {
				a.expect(t, 200, 0, "")
			}
			var got struct {
				Policy struct{ MaxPasswordAttempts, MaxOtpAttempts json.Number }
			}
			if err := json.Unmarshal([]byte(s.send(t, "GET", target, "", "x-zitadel-orgid", organization).Body), &got); err != nil {
				t.Fatal(err)
			}
			if zero(got.Policy.MaxPasswordAttempts) != fmt.Sprint(tt.want.password) || zero(got.Policy.MaxOtpAttempts) != fmt.Sprint(tt.want.otp) {
				t.Errorf("policy %v, want %v", got.Policy, tt.want)
			}
		})
	}
}

// zero is a number that may be left out.
func zero(n json.Number) string {
	if n == "" {
		return "0"
	}
	return n.String()
}
