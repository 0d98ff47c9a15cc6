// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

var update = flag.Bool("update", false, "write the blocks in testdata anew")

// probed are services that a rule is found for, which stands in testdata.
var probed = map[string]struct {
	serve   http.HandlerFunc
	path    string
	options Options
}{
	"form_redirect": {serve: formService(plainPage, func(w http.ResponseWriter, _ *http.Request, right bool) {
		if right {
			redirect(w, 302, "/home")
		} else {
			redirect(w, 302, "/login?error")
		}
	}), path: "/login"},
	"form_redirect_by_query": {serve: formService(plainPage, func(w http.ResponseWriter, _ *http.Request, right bool) {
		if right {
			redirect(w, 303, "callback?state=1&code=2")
		} else {
			redirect(w, 303, "callback?error=1&state=1")
		}
	}), path: "/login?next=/"},
	"form_cookie": {serve: formService(plainPage, func(w http.ResponseWriter, _ *http.Request, right bool) {
		setCookie(w, "lb", "node1")
		if right {
			setCookie(w, "remember_me", "yes")
			setCookie(w, "sid", "secret-of-alice")
			setCookie(w, "wordpress_logged_in_0123456789abcdef0123456789abcdef", "secret-of-alice")
			answerPage(w, 200, "welcome")
		} else {
			http.SetCookie(w, &http.Cookie{Name: "sid", MaxAge: -1})
			answerPage(w, 200, "wrong")
		}
	}), path: "/login"},
	"form_readme": {serve: formService(plainPage, func(w http.ResponseWriter, _ *http.Request, right bool) {
		if right {
			setCookie(w, "sid", "secret-of-alice")
			redirect(w, 302, "/")
		} else {
			answerPage(w, 401, "wrong")
		}
	}), path: "/login"},
	"form_hashed_cookie": {serve: formService(plainPage, func(w http.ResponseWriter, _ *http.Request, right bool) {
		if right {
			setCookie(w, "wordpress_logged_in_0123456789abcdef0123456789abcdef", "secret-of-alice")
			redirect(w, 302, "/wp-admin/")
		} else {
			answerPage(w, 200, "wrong")
		}
	}), path: "/login"},
	"form_session_of_the_page": {serve: session(false), path: "/login"},
	"form_once":                {serve: formless(false), path: "/login"},
	"form_two_doors": {serve: func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodPost || r.URL.Path != "/" && r.URL.Path != "/check":
			answerPage(w, 200, loginPage("/check", ""))
		case r.PostFormValue("username") == alice && r.PostFormValue("password") == wonderland:
			setCookie(w, "sid", "secret-of-alice")
			redirect(w, 302, "/home")
		default:
			answerPage(w, 200, "No, "+r.PostFormValue("username")+"! "+loginPage("/check", ""))
		}
	}, path: "/"},
	"form_one_door": {serve: func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodPost || r.URL.Path != "/check":
			answerPage(w, 200, loginPage("/check", ""))
		case r.PostFormValue("username") == alice && r.PostFormValue("password") == wonderland:
			setCookie(w, "sid", "secret-of-alice")
			redirect(w, 302, "/home")
		default:
			answerPage(w, 200, "No! "+loginPage("/check", ""))
		}
	}, path: "/"},
	"form_csrf": {serve: forged(), path: "/login"},
	"form_link": {serve: pages(`<a href="/logout">Log out</a>`), path: "/login"},
	"form_multipart": {serve: formService(func(w http.ResponseWriter, _ *http.Request) {
		answerPage(w, 200, `<form method=POST enctype="multipart/form-data"><input name="username"><input type=password name=password></form>`)
	}, func(w http.ResponseWriter, r *http.Request, right bool) {
		if right && r.MultipartForm != nil {
			w.WriteHeader(204)
		} else {
			w.WriteHeader(401)
		}
	}), path: "/login"},
	"json_token": {
		serve: named("identity", "password", says(200, object{"token": "secret-of-alice", "record": object{"id": "7"}}), says(400, object{"error": "credentials"})),
		path:  "/api/login",
	},
	"json_unlucky_names": {
		serve: named("loginName", "secret", says(200, object{"data": object{"accessToken": "secret-of-alice"}}), says(401, object{"at": 12345})),
		path:  "/api/login",
	},
	"json_verdict": {
		serve: named("email", "password", says(200, object{"status": "PASS", "request": "1"}), says(200, object{"status": "FAIL", "request": "2", "code": "wrongpassword"})),
		path:  "/api/login",
	},
	"json_status": {serve: named("username", "pass", status(204), status(401)), path: "/api/login"},
	"json_named_fields": {
		serve: jsonService(func(w http.ResponseWriter, _ *http.Request, in object) {
			who, _ := in["auth"].(map[string]any)
			if who["who"] == alice && who["what"] == wonderland && in["tenant"] == "acme" {
				answerJSON(w, 200, object{"user": object{"id": 1}})
			} else {
				w.WriteHeader(401)
			}
		}),
		path:    "/api/login",
		options: Options{Body: BodyJSON, UserField: "auth.who", PasswordField: "auth.what", Fields: []Field{{"tenant", "acme"}}},
	},
	"api_form": {serve: func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodPost:
			w.WriteHeader(405)
		case r.PostFormValue("user") == "" || r.PostFormValue("password") == "":
			answerJSON(w, 422, object{"detail": "user and password are needed"})
		case r.PostFormValue("user") == alice && r.PostFormValue("password") == wonderland:
			answerJSON(w, 200, object{"jwt": "secret-of-alice"})
		default:
			answerJSON(w, 401, object{"detail": "wrong"})
		}
	}, path: "/session"},
	"json_user_in_the_path": {serve: func(w http.ResponseWriter, r *http.Request) {
		in := object{}
		switch {
		case r.Method != http.MethodPost:
			w.WriteHeader(405)
		case json.NewDecoder(r.Body).Decode(&in) != nil || in["password"] == nil:
			answerJSON(w, 400, object{"errors": []string{"missing password"}})
		case r.URL.Path != "/v1/auth/userpass/login/"+alice || in["password"] != wonderland:
			answerJSON(w, 400, object{"errors": []string{"invalid username or password"}})
		default:
			answerJSON(w, 200, object{"auth": object{"client_token": "secret-of-alice", "metadata": object{"username": alice}}})
		}
	}, path: "/v1/auth/userpass/login/" + alice},
	"json_user_amid_the_path": {serve: func(w http.ResponseWriter, r *http.Request) {
		in := object{}
		switch {
		case r.Method != http.MethodPost:
			w.WriteHeader(405)
		case json.NewDecoder(r.Body).Decode(&in) != nil || in["pwd"] == nil:
			answerJSON(w, 422, object{"missing": "pwd"})
		case r.URL.Path != "/users/"+alice+"/login" || in["pwd"] != wonderland:
			w.WriteHeader(401)
		default:
			w.WriteHeader(204)
		}
	}, path: "/users/" + alice + "/login"},
	"grant": {serve: grantService, path: "/oauth/token", options: Options{Fields: []Field{{"client_id", "editor"}, {"scope", "*"}}}},
	"basic": {serve: basicService, path: "/files/"},
}

func run(t *testing.T, serve http.Handler, path string, o Options) (report *Report, asked int, address string, err error) {
	t.Helper()
	var requests atomic.Int32
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		serve.ServeHTTP(w, r)
	}))
	defer service.Close()
	o.URL = service.URL + path
	if o.User == "" {
		o.User = alice
	}
	if o.Password == "" {
		o.Password = wonderland
	}
	report, err = Run(context.Background(), o)
	for _, s := range append(report.Did, append(report.Open, report.Block)...) {
		for _, secret := range []string{o.Password, "secret-of-alice", "Wrong-", "nobody"} {
			if strings.Contains(s, secret) {
				t.Errorf("the report says %q: %s", secret, s)
			}
		}
	}
	return report, int(requests.Load()), service.URL, err
}

func TestProbe(t *testing.T) {
	t.Parallel()
	for name, c := range probed {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, asked, address, err := run(t, c.serve, c.path, c.options)
			if err != nil {
				t.Fatalf("%v\n%s", err, strings.Join(append(report.Did, report.Open...), "\n"))
			}
			if asked > maxRequests {
				t.Errorf("%d requests", asked)
			}
			got := strings.ReplaceAll(report.Block, address, "http://service.test")
			file := filepath.Join("testdata", name+".Caddyfile")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// The README shows what is printed of a form.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block, err := os.ReadFile(filepath.Join("testdata", "form_readme.Caddyfile"))
	if err != nil {
		t.Fatal(err)
	}
	indented := strings.ReplaceAll(strings.TrimSuffix(string(block), "\n"), "\n", "\n\t")
	if indented = strings.ReplaceAll(indented, "http://service.test", "https://app.example.com"); !strings.Contains(string(readme), "\t"+indented+"\n") {
		t.Errorf("the README does not show:\n\t%s", indented)
	}
}
