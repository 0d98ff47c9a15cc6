// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// doors is a site with every kind of rule.
const doors = `
		guard /account/* /sudo
		guard path_regexp ^/t/[a-z]+/mfa(/|$)
		step password {
			match path /users/sign_in
			match has user[otp_attempt]
			accept form
			user field user[login]
			secret field user[otp_attempt]
			success status 200 & set_cookie sid
			failure status 401
		}
		step password {
			match {
				path /users/sign_in
				has user[password]
			}
			accept form
			user field user[login]
			secret field user[password]
			success status 200 & set_cookie sid
			failure status 401
		}
		step password {
			match path_regexp ^/realms/[^/]+/login$
			match header X-Flow password*
			user field username
			secret field password
			success status 200 & set_cookie sid
			failure status 401
		}
		step password {
			match path /flow
			match field method password ldap
			accept json
			user field username
			secret field password
			success status 200 & set_cookie sid
			failure status 401
		}
		pass {
			match path /users/sign_in
			match field action resend
		}
		pass {
			match method DELETE
			match path /account/session
		}
		pass {
			match path /flow.json
		}
		deny {
			match path /xmlrpc.php /api/batch
		}
		deny {
			match path /ws
			match header Upgrade websocket
		}
		deny {
			match path /graphql
			match has query
		}
		deny {
			match header Authorization Basic*
			match except /basic/* /users/sign_in
			match except_regexp ^/[^/]+/dav$
			match except_regexp ^/v[0-9]/
		}`

// doorCase is one request. The service answers "page" to what is no login.
type doorCase struct {
	name, method, target, kind, body, header string
	status                                   int
}

const formType, jsonType = "application/x-www-form-urlencoded", "application/json"

var doorCases = []doorCase{
	{"first step", "POST", "/users/sign_in", formType, "user[login]=a&user[otp_attempt]=123", "", 200},
	{"second step", "POST", "/users/sign_in", formType, "user[login]=a&user[password]=x", "", 200},
	{"both secrets", "POST", "/users/sign_in", formType, "user[login]=a&user[password]=x&user[otp_attempt]=1", "", 400},
	{"neither", "POST", "/users/sign_in", formType, "user[login]=a", "", 403},
	{"empty secret", "POST", "/users/sign_in", formType, "user[login]=a&user[password]=", "", 403},
	{"secret twice", "POST", "/users/sign_in", formType, "user[login]=a&user[password]=x&user[password]=y", "", 400},
	{"secret in another spelling", "POST", "/users/sign_in", formType, "user[login]=a&user[Password]=x", "", 400},
	{"another type", "POST", "/users/sign_in", jsonType, `{"user":{"password":"x"}}`, "", 403},
	{"text", "POST", "/users/sign_in", "text/plain", "user[password]=x", "", 415},
	{"no user", "POST", "/users/sign_in", formType, "user[password]=x", "", 400},
	{"passes by a field", "POST", "/users/sign_in", formType, "action=resend", "", 200},
	{"passes by a field, with a secret", "POST", "/users/sign_in", formType, "action=resend&user[login]=a&user[password]=", "", 200},
	{"other spelling", "POST", "/Users/sign_in/", formType, "user[login]=a&user[password]=x", "", 404},
	{"page", "GET", "/users/sign_in", "", "", "", 200},
	{"page with a query", "GET", "/users/sign_in?next=/", "", "", "", 200},
	{"credentials in the query", "GET", "/users/sign_in?user[login]=a&user[password]=x", "", "", "", 400},

	{"regexp", "POST", "/realms/one/login", formType, "username=a&password=x", "X-Flow: password-2", 200},
	{"regexp, no header", "POST", "/realms/one/login", formType, "username=a&password=x", "", 403},
	{"regexp, other case", "POST", "/realms/one/LOGIN", formType, "username=a&password=x", "X-Flow: password", 404},
	{"regexp, slash", "POST", "/realms/one/login/", formType, "username=a&password=x", "X-Flow: password", 404},
	{"regexp, escaped", "POST", "/realms/one/%6cogin", formType, "username=a&password=x", "X-Flow: password", 404},
	{"regexp, escaped twice", "POST", "/realms/one/%256cogin", formType, "username=a&password=x", "X-Flow: password", 404},
	{"regexp, parameter", "POST", "/realms/one/login;a=b", formType, "username=a&password=x", "X-Flow: password", 404},
	{"regexp, extension", "POST", "/realms/one/login.json", formType, "username=a&password=x", "X-Flow: password", 404},
	{"regexp, backslash", "POST", `/realms/one\login`, formType, "username=a&password=x", "X-Flow: password", 404},
	{"regexp, double slash", "POST", "//realms//one/login", formType, "username=a&password=x", "X-Flow: password", 404},
	{"regexp, climbing", "POST", "/x/../realms/one/login", formType, "username=a&password=x", "X-Flow: password", 404},
	{"regexp, script", "POST", "/index.php/realms/one/login", formType, "username=a&password=x", "X-Flow: password", 404},
	{"regexp, full width", "POST", "/realms/one/%EF%BD%8Cogin", formType, "username=a&password=x", "X-Flow: password", 404},
	{"regexp, other path", "POST", "/realms/one/logout", formType, "a=b", "", 200},
	{"regexp, page", "GET", "/realms/one/login", "", "", "", 200},

	{"field", "POST", "/flow", jsonType, `{"method":"password","username":"a","password":"x"}`, "", 200},
	{"field, second value", "POST", "/flow", jsonType, `{"method":"ldap","username":"a","password":"x"}`, "", 200},
	{"field, other value", "POST", "/flow", jsonType, `{"method":"Password","username":"a","password":"x"}`, "", 403},
	{"field twice", "POST", "/flow", jsonType, `{"method":"code","method":"password","username":"a","password":"x"}`, "", 400},
	{"field in other case", "POST", "/flow", jsonType, `{"METHOD":"code","method":"password","username":"a","password":"x"}`, "", 400},
	{"field, no string", "POST", "/flow", jsonType, `{"method":["password"],"username":"a","password":"x"}`, "", 400},
	{"passes in another spelling", "POST", "/flow.json", jsonType, `{}`, "", 200},
	{"not that one", "POST", "/flow.xml", jsonType, `{}`, "", 404},

	{"guard", "POST", "/account/email", formType, "a=b", "", 403},
	{"guard, put", "PUT", "/account/email", jsonType, "{}", "", 403},
	{"guard, page", "GET", "/account/email", "", "", "", 200},
	{"guard, query", "GET", "/account/email?password=x", "", "", "", 400},
	{"guard, body of GET", "GET", "/account/email", formType, "a=b", "", 400},
	{"guard, other spelling", "POST", "/Account/email", formType, "a=b", "", 404},
	{"guard, elsewhere", "POST", "/accounts", formType, "a=b", "", 200},
	{"guard by regexp", "POST", "/t/one/mfa", formType, "a=b", "", 403},
	{"guard by regexp, below", "POST", "/t/one/mfa/sms", jsonType, "{}", "", 403},
	{"guard by regexp, page", "GET", "/t/one/mfa", "", "", "", 200},
	{"guard by regexp, query", "GET", "/t/one/mfa?password=x", "", "", "", 400},
	{"guard by regexp, other case", "POST", "/T/one/MFA", formType, "a=b", "", 404},
	{"guard by regexp, escaped", "POST", "/t/one/%6dfa", formType, "a=b", "", 404},
	{"guard by regexp, elsewhere", "POST", "/t/one/mfas", formType, "a=b", "", 200},
	{"pass", "DELETE", "/account/session", "", "", "", 200},
	{"pass, other method", "POST", "/account/session", "", "", "", 403},
	{"pass, other spelling", "DELETE", "/account/Session", "", "", "", 403},
	{"pass, below", "DELETE", "/account/session/x", "", "", "", 403},

	{"deny", "GET", "/xmlrpc.php", "", "", "", 403},
	{"deny, body", "POST", "/xmlrpc.php", "text/xml", "<x/>", "", 403},
	{"deny, other spelling", "POST", "/XMLRPC.php", "text/xml", "<x/>", "", 403},
	{"deny, path information", "GET", "/xmlrpc.php/x", "", "", "", 403},
	{"deny, climbing", "GET", "/a/../xmlrpc.php", "", "", "", 403},
	{"deny, header", "GET", "/", "", "", "X-Original-URL: /xmlrpc.php", 403},
	{"deny, upgrade", "GET", "/ws", "", "", "Connection: Upgrade\r\nUpgrade: websocket", 403},
	{"deny, no upgrade", "GET", "/ws", "", "", "", 200},
	{"deny, field", "POST", "/graphql", jsonType, `{"query":"mutation"}`, "", 403},
	{"deny, unreadable", "POST", "/graphql", jsonType, `[{"query":"mutation"}]`, "", 400},
	{"deny, no field", "POST", "/graphql", jsonType, `{"id":"persisted"}`, "", 200},
	{"deny, but", "GET", "/basic/x", "", "", "Authorization: Basic YTp4", 200},
	{"deny, but by regexp", "PUT", "/home/dav?x", "", "", "Authorization: Basic YTp4", 200},
	{"deny, elsewhere", "GET", "/", "", "", "Authorization: basic YTp4", 403},
	{"deny, bearer", "GET", "/", "", "", "Authorization: Bearer YTp4", 200},
	{"deny, but not in another case", "GET", "/Basic/x", "", "", "Authorization: Basic YTp4", 403},
	{"deny, but not climbing", "GET", "/basic/../login", "", "", "Authorization: Basic YTp4", 403},
	{"deny, but not escaped", "GET", "/basic/%2e%2e/login", "", "", "Authorization: Basic YTp4", 403},
	{"deny, but not through a script", "GET", "/index.php/basic/x", "", "", "Authorization: Basic YTp4", 403},
	{"deny, but not with another target", "GET", "/basic/x", "", "", "Authorization: Basic YTp4\r\nX-Original-URL: /login", 403},
	{"deny, but not by regexp in another spelling", "GET", "/home//dav", "", "", "Authorization: Basic YTp4", 403},
	{"deny, but by regexp, below", "GET", "/v1/x%20y/%E2%82%AC", "", "", "Authorization: Basic YTp4", 200},
	{"deny, but by regexp, not climbing", "GET", "/v1/../login", "", "", "Authorization: Basic YTp4", 403},
	{"deny, but by regexp, not climbing escaped", "GET", "/v1/%252e%252e%2flogin", "", "", "Authorization: Basic YTp4", 403},
	{"deny, but by regexp, not cut", "GET", "/login%3F/dav", "", "", "Authorization: Basic YTp4", 403},
	{"deny, but by regexp, not a parameter", "GET", "/login;/dav", "", "", "Authorization: Basic YTp4", 403},
	{"deny, no body", "GET", "/graphql", "", "", "", 200},
}

func TestDoors(t *testing.T) {
	t.Parallel()
	service := startPages(t)
	n := startNode(t, options(maxAttempts(3))+siteBlock(doors, proxyTo(service)))
	for _, tt := range doorCases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, _ := readAnswer(t, rawSend(t, n, tt.raw(n)))
			if got.StatusCode != tt.status {
				t.Errorf("%s %s %s: status %d, want %d", tt.method, tt.target, tt.body, got.StatusCode, tt.status)
			}
			if passed := got.Header.Get("X-Service") != ""; passed != (tt.status == http.StatusOK) {
				t.Errorf("%s %s %s: reached the service %t", tt.method, tt.target, tt.body, passed)
			}
		})
	}
}

func (tt doorCase) raw(n *node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", tt.method, tt.target, n.address())
	if tt.header != "" {
		b.WriteString(tt.header + "\r\n")
	}
	if tt.kind != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\nContent-Length: %d\r\n", tt.kind, len(tt.body))
	}
	b.WriteString("\r\n" + tt.body)
	return b.String()
}
