// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"net/http"
	"testing"
)

// queryDoors is a site where one path does many things, as wp-login.php does.
const queryDoors = `
		step reset {
			match path /login.php
			match query action resetpass rp
			user field who
			success status 299
		}
		step password {
			match path /login.php
			match has pwd
			user field log
			secret field pwd
			success status 200 & set_cookie sid
			failure status 401
		}
		step password {
			match path /token
			match query grant password
			user query username
			secret query password
			success status 200 & set_cookie sid
		}
		pass {
			match path /login.php
			match query action lostpassword logout
		}
		pass {
			match path /login.php
			match query pwd x
		}
		deny {
			match path /login.php
			match query action entered_recovery_mode
		}
		deny {
			match query rest_route /batch/v1
		}
		deny {
			match header Authorization Basic*
			match query token *
		}
		pass {
			match path /token
			match query state *
		}`

func TestDoorsByQuery(t *testing.T) {
	t.Parallel()
	service := startPages(t)
	n := startNode(t, options(maxAttempts(3))+siteBlock(queryDoors, proxyTo(service)))
	for _, tt := range []doorCase{
		{"reset", "POST", "/login.php?action=resetpass", formType, "who=a", "", 200},
		{"reset, second value", "POST", "/login.php?action=rp&x=1", formType, "who=a", "", 200},
		{"reset, escaped", "POST", "/login.php?action=%72p", formType, "who=a", "", 200},
		{"reset, same in the body", "POST", "/login.php?action=rp", formType, "who=a&action=rp", "", 200},
		{"reset, other in the body", "POST", "/login.php?action=rp", formType, "who=a&action=login", "", 400},
		{"reset, other case in the body", "POST", "/login.php?action=rp", formType, "who=a&Action=login", "", 400},
		{"reset, list in the body", "POST", "/login.php?action=rp", formType, "who=a&action[]=login", "", 400},
		{"reset, with a login", "POST", "/login.php?action=rp", formType, "who=a&action=login&log=b&pwd=x", "", 400},
		{"reset, twice", "POST", "/login.php?action=rp&action=login", formType, "who=a", "", 400},
		{"reset, twice the same", "POST", "/login.php?action=rp&action=rp", formType, "who=a", "", 400},
		{"reset, other case", "POST", "/login.php?action=rp&ACTION=login", formType, "who=a", "", 400},
		{"reset, brackets", "POST", "/login.php?action=rp&action[]=login", formType, "who=a", "", 400},
		{"reset, escaped name", "POST", "/login.php?action=rp&%61ction=login", formType, "who=a", "", 400},
		{"reset, escaped twice", "POST", "/login.php?action=rp&%2561ction=login", formType, "who=a", "", 400},
		{"reset, broken escape", "POST", "/login.php?action=rp&x=%zz", formType, "who=a", "", 400},
		{"reset, semicolon", "POST", "/login.php?action=rp;action=login", formType, "who=a", "", 400},
		{"reset, in the path", "POST", "/login.php%3Faction=login?action=rp", formType, "who=a", "", 404},
		{"reset, other target", "POST", "/login.php?action=rp", formType, "who=a", "X-Original-URL: /login.php?action=login", 400},
		{"reset, case of the value", "POST", "/login.php?action=RP", formType, "who=a", "", 403},
		{"reset, empty", "POST", "/login.php?action=", formType, "who=a", "", 403},
		{"reset, in the body alone", "POST", "/login.php", formType, "who=a&action=rp", "", 403},

		{"login", "POST", "/login.php", formType, "log=a&pwd=x", "", 200},
		{"login, another action", "POST", "/login.php?action=foo", formType, "log=a&pwd=x", "", 200},
		{"login, doubtful query", "POST", "/login.php?action=foo&action=bar", formType, "log=a&pwd=x", "", 400},
		{"login, action in the body", "POST", "/login.php?redirect=1", formType, "log=a&pwd=x&action=login", "", 200},
		{"page", "GET", "/login.php?action=rp&key=1", "", "", "", 200},
		{"page, doubtful query", "GET", "/login.php?action=rp&action=x;y%zz", "", "", "", 200},

		{"token", "GET", "/token?grant=password&username=a&password=x", "", "", "", 200},
		{"token, no grant", "GET", "/token?username=a&password=x", "", "", "", 400},
		{"token, another grant", "GET", "/token?grant=code&username=a&password=x", "", "", "", 400},
		{"token, two grants", "GET", "/token?grant=password&Grant=code&username=a&password=x", "", "", "", 400},

		{"pass", "POST", "/login.php?action=lostpassword", formType, "user_login=a", "", 200},
		{"pass, no body", "POST", "/login.php?action=logout", "", "", "", 200},
		{"pass, a secret", "POST", "/login.php?action=lostpassword", formType, "log=a&pwd=x", "", 200}, // an attempt
		{"pass, an empty secret", "POST", "/login.php?action=lostpassword", formType, "log=a&pwd=", "", 200},
		{"pass, a secret in the query", "POST", "/login.php?action=lostpassword&pwd=x", "", "", "", 403},
		{"pass, another action in the body", "POST", "/login.php?action=lostpassword", formType, "action=login", "", 400},
		{"pass, text", "POST", "/login.php?action=lostpassword", "text/plain", "x", "", 415},
		{"pass, twice", "POST", "/login.php?action=lostpassword&action=login", formType, "user_login=a", "", 400},
		{"pass, case of the value", "POST", "/login.php?action=LostPassword", formType, "user_login=a", "", 403},
		{"pass by the name of a secret", "POST", "/login.php?pwd=x", formType, "a=b", "", 403},

		{"deny", "GET", "/login.php?action=entered_recovery_mode", "", "", "", 403},
		{"deny, case", "GET", "/Login.php?ACTION=Entered_Recovery_Mode", "", "", "", 403},
		{"deny, second", "GET", "/login.php?action=x&action=entered_recovery_mode", "", "", "", 403},
		{"deny, first", "GET", "/login.php?action=entered_recovery_mode&action=x", "", "", "", 403},
		{"deny, brackets", "GET", "/login.php?action[]=entered_recovery_mode", "", "", "", 403},
		{"deny, semicolon", "GET", "/login.php?a=b;action=entered_recovery_mode", "", "", "", 403},
		{"deny, escaped", "GET", "/login.php?%61ction=entered%5Frecovery_mode", "", "", "", 403},
		{"deny, escaped twice", "GET", "/login.php?%2561ction=entered_recovery_mode", "", "", "", 403},
		{"deny, in the path", "GET", "/login.php%3Faction=entered_recovery_mode", "", "", "", 403},
		{"deny, other action", "GET", "/login.php?action=entered", "", "", "", 200},
		{"deny, other path", "GET", "/x?action=entered_recovery_mode", "", "", "", 200},
		{"deny anywhere", "GET", "/?rest_route=/batch/v1", "", "", "", 403},
		{"deny anywhere, escaped", "POST", "/index.php?a&rest_route=%2Fbatch%2Fv1", formType, "a=b", "", 403},
		{"deny anywhere, another target", "GET", "/", "", "", "X-Rewrite-Url: /?rest_route=/batch/v1", 403},
		{"deny any value", "GET", "/x?Token=1", "", "", "Authorization: Basic YTpi", 403},
		{"deny any value, empty", "GET", "/x?token=", "", "", "Authorization: Basic YTpi", 200},
		{"pass any value", "POST", "/token?state=1", formType, "a=b", "", 200},
		{"pass any value, empty", "POST", "/token?state=", formType, "a=b", "", 403},
		{"deny anywhere, other value", "GET", "/?rest_route=/posts", "", "", "", 200},
	} {
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

// A rewrite of the site does not hide what the client asked for.
func TestDenyByQueryBeforeARewrite(t *testing.T) {
	t.Parallel()
	service := startPages(t)
	n := startNode(t, options(maxAttempts(3))+"SITE {\n\troute {\n\t\trewrite /api/* /index.php\n\t\tlockout {"+queryDoors+"\n\t\t}\n\t\t"+proxyTo(service)+"\n\t}\n}\n")
	for target, want := range map[string]int{"/api/x?rest_route=/batch/v1": http.StatusForbidden, "/api/x?rest_route=/posts": http.StatusOK} {
		if got := read(client(t).Get(n.URL + target)); got.status != want {
			t.Errorf("%s: status %d, want %d", target, got.status, want)
		}
	}
}
