// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A service that no rule can be found for is named for what it is, and what can
// be done stands behind it.
func TestProblems(t *testing.T) {
	t.Parallel()
	toElsewhere := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { redirect(w, 302, to) }
	}
	show := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { answerPage(w, 200, text) }
	}
	for name, c := range map[string]struct {
		serve   http.HandlerFunc
		path    string
		options Options
		want    string
	}{
		"wrong password given": {
			serve: named("username", "password", status(204), status(401)), path: "/api/login", options: Options{Password: "another"},
			want: "answered with 401, and so was a wrong one; is the password right",
		},
		"both answered by a page": {serve: pages(""), path: "/login", want: "only their text differs"},
		"both answered by a link out": {
			serve: formService(plainPage, func(w http.ResponseWriter, _ *http.Request, _ bool) { answerPage(w, 200, `<a href="/logout">`) }), path: "/login",
			want: "answered with 200, and so was a wrong one; is the password right",
		},
		"the session of another is enough":                {serve: session(true), path: "/login", want: "forgive what he guessed at another"},
		"the session of another is enough behind a token": {serve: formless(true), path: "/login", want: "forgive what he guessed at another"},
		"pending as PocketBase": {
			serve: named("identity", "password", says(401, object{"mfaId": "secret-of-alice"}), says(400, object{"message": "Failed to authenticate."})), path: "/api/login",
			want: "a second factor is due, because the right password was answered with json mfaId",
		},
		"pending as better-auth": {
			serve: named("email", "password", func(w http.ResponseWriter) {
				http.SetCookie(w, &http.Cookie{Name: "better-auth.session_token", MaxAge: -1})
				setCookie(w, "better-auth.two_factor", "secret-of-alice")
				answerJSON(w, 200, object{"twoFactorRedirect": true, "twoFactorMethods": []string{"totp"}})
			}, says(401, object{"code": "INVALID"})), path: "/api/login",
			want: "a second factor is due",
		},
		"pending by a code": {
			serve: named("email", "password", says(403, object{"error": "mfa_required", "mfa_token": "secret-of-alice"}), says(403, object{"error": "invalid_grant"})), path: "/api/login",
			want: "a second factor is due, because the right password was answered with json error=mfa_required",
		},
		"pending by a redirect": {
			serve: formService(plainPage, func(w http.ResponseWriter, _ *http.Request, right bool) {
				if right {
					redirect(w, 302, "/user/two_factor")
				} else {
					answerPage(w, 200, "wrong")
				}
			}), path: "/login", want: "a second factor is due, because the right password was answered with a redirect to /user/two_factor",
		},
		"pending by a page": {
			serve: formService(plainPage, func(w http.ResponseWriter, _ *http.Request, right bool) {
				if right {
					answerPage(w, 200, `<form method=post><input name=code autocomplete=one-time-code></form>`)
				} else {
					answerPage(w, 200, loginPage("", ""))
				}
			}), path: "/login", want: "a page that asks for code",
		},
		"code in the same form": {
			serve: formService(func(w http.ResponseWriter, _ *http.Request) {
				answerPage(w, 200, loginPage("", `<input name=otp_token>`))
			},
				func(w http.ResponseWriter, _ *http.Request, right bool) {
					said := "Please enter the correct username and password."
					if right {
						said = "Please enter your OTP token"
					}
					answerPage(w, 200, said+loginPage("", `<input name=otp_token>`))
				}), path: "/login", want: "a page that asks for a code",
		},
		"limiter": {serve: limited(2, formService(plainPage, func(w http.ResponseWriter, _ *http.Request, right bool) {
			if right {
				w.WriteHeader(204)
			} else {
				w.WriteHeader(401)
			}
		})), path: "/login", want: "429, too many logins; wait"},
		"limiter while names are looked for": {serve: limited(1, named("username", "password", status(204), status(401))), path: "/api/login", want: "429, too many requests; wait"},
		"limiter that says so": {serve: named("username", "password", says(500, object{"error": "server_error", "error_description": "Too many login attempts"}),
			says(500, object{"error": "server_error", "error_description": "Too many login attempts"})), path: "/api/login", want: "answered 500, too many logins; wait"},
		"user who may not":        {serve: named("username", "password", status(403), status(401)), path: "/api/login", want: "may the user log in?"},
		"user in the query":       {serve: named("username", "password", status(204), status(401)), path: "/api/login?u=" + alice, want: "the query or a --field names the user"},
		"user in a field":         {serve: named("username", "password", status(204), status(401)), path: "/api/login", options: Options{Fields: []Field{{"email", alice}}}, want: "the query or a --field names the user"},
		"segment that is no user": {serve: named("username", "password", status(204), status(401)), path: "/api/login", options: Options{User: "login"}, want: "A segment of the path was taken for the user"},
		"gateway":                 {serve: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, path: "/api/login", options: Options{Body: BodyJSON, UserField: "a", PasswordField: "b"}, want: "answered 502; probe again"},
		"redirect to https": {serve: func(w http.ResponseWriter, r *http.Request) {
			redirect(w, 301, "https://"+r.Host+"/login?secret=secret-of-alice")
		}, path: "/login", want: "redirects to https; probe https://127.0.0.1:"},
		"redirect elsewhere": {serve: toElsewhere("/start/login?x=secret-of-alice"), path: "/login", want: "/start/login; probe that address"},
		"moved": {serve: func(w http.ResponseWriter, r *http.Request) {
			redirect(w, 308, r.URL.Path+"/")
		}, path: "/api/login", options: Options{Body: BodyJSON, UserField: "a", PasswordField: "b"}, want: "/api/login/; probe that address"},
		"redirect that is no address": {serve: formService(plainPage, func(w http.ResponseWriter, _ *http.Request, _ bool) {
			redirect(w, 302, "/%zz?code=secret-of-alice")
		}), path: "/login", want: "answered with 302, and so was a wrong one"},
		"moved while names are looked for": {serve: func(w http.ResponseWriter, r *http.Request) {
			redirect(w, 307, "https://"+r.Host+r.URL.Path)
		}, path: "/api/login", options: Options{Body: BodyJSON}, want: "/api/login; probe that address"},
		"page without a form":  {serve: show(`<script src="app.js"></script>`), path: "/", want: "holds no form with a password"},
		"form of a script":     {serve: show(`<form><input name=user><input type=password name=pw></form>`), path: "/", want: "by GET or by a script"},
		"fields without names": {serve: show(`<form method=post><input><input type=password></form>`), path: "/", want: "its fields have no names"},
		"registration":         {serve: show(`<form method=post><input name=user><input type=password name=a><input type=password name=b></form>`), path: "/", want: "as a registration does"},
		"name first":           {serve: show(`<form method=post><input name=loginName></form>`), path: "/", want: "the login takes several requests"},
		"form to another host": {serve: show(loginPage("https://sso.example.com/login?secret-of-alice", "")), path: "/", want: "sends the password to https://sso.example.com; probe"},
		"other fields each time": {serve: func() http.HandlerFunc {
			names := []string{"a", "b"}
			return func(w http.ResponseWriter, _ *http.Request) {
				answerPage(w, 200, `<form method=post><input name=u`+names[0]+`><input type=password name=p></form>`)
				names[0], names[1] = names[1], names[0]
			}
		}(), path: "/", want: "it has other fields now"},
		"bearer": {serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="a, b"`)
			w.WriteHeader(401)
		}, path: "/", want: "asks for bearer in the header Authorization"},
		"basic that checks nothing": {serve: func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "" {
				w.Header().Set("WWW-Authenticate", "Basic realm=x")
				w.WriteHeader(401)
			}
		}, path: "/", want: "a wrong password was answered with 200"},
		"basic with a wrong password given": {serve: basicService, path: "/", options: Options{Password: "another"}, want: "is it right?"},
		"no such client":                    {serve: grantService, path: "/oauth/token", options: Options{Fields: []Field{{"client_id", "other"}}}, want: "add --field client_id=NAME"},
		"nothing there":                     {serve: http.NotFound, path: "/api/login", want: "answers 404 to POST /api/login; check the URL"},
		"names that cannot be told": {serve: func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost {
				w.WriteHeader(405)
				return
			}
			w.WriteHeader(401)
		}, path: "/login", want: "name --body, --user-field and --password-field"},
		"refused by lockout":  {serve: plainPage, path: "/login", options: Options{UserField: "pass\u200bword"}, want: "reading the login as lockout does"},
		"forged request":      {serve: formService(plainPage, func(w http.ResponseWriter, _ *http.Request, _ bool) { w.WriteHeader(403) }), path: "/login", want: "token against forgery"},
		"more fields wanted":  {serve: formService(plainPage, func(w http.ResponseWriter, _ *http.Request, _ bool) { w.WriteHeader(422) }), path: "/login", want: "add --field NAME=VALUE"},
		"path with an escape": {serve: formService(plainPage, func(w http.ResponseWriter, _ *http.Request, _ bool) {}), path: "/log{in}", want: "answers 404"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, asked, _, err := run(t, c.serve, c.path, c.options)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %q", err, c.want)
			}
			if err != nil && (strings.Contains(err.Error(), "secret-of-alice") || strings.Contains(err.Error(), wonderland)) {
				t.Errorf("the error holds a secret: %v", err)
			}
			if report.Block != "" || asked > maxRequests {
				t.Errorf("%d requests, block %q", asked, report.Block)
			}
		})
	}
}

// Whatever happens, the service sees one wrong password of the user at most, and
// the right one behind it.
func TestGuessesOfTheUser(t *testing.T) {
	t.Parallel()
	for name, c := range probed {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var logins []bool
			noting := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				raw, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(strings.NewReader(string(raw)))
				user, password, _ := r.BasicAuth()
				sent := string(raw) + user + password // form and JSON write these the same
				if r.Method == http.MethodPost {
					sent += r.URL.Path
				}
				if strings.Contains(sent, alice) {
					logins = append(logins, strings.Contains(sent, wonderland))
				}
				c.serve(w, r)
			})
			if _, _, _, err := run(t, noting, c.path, c.options); err != nil {
				t.Fatal(err)
			}
			if len(logins) != 2 || logins[0] || !logins[1] {
				t.Errorf("logins with the right password: %v, want false and then true", logins)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	encrypted := httptest.NewUnstartedServer(http.HandlerFunc(plainPage))
	encrypted.Config.ErrorLog = log.New(io.Discard, "", 0)
	encrypted.StartTLS()
	defer encrypted.Close()
	stuck := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stuck }))
	defer hanging.Close()
	defer close(stuck)
	plain := httptest.NewServer(http.HandlerFunc(plainPage))
	defer plain.Close()
	for name, c := range map[string]struct{ url, want string }{
		"nobody listens":          {closed.URL + "/login?code=secret-of-alice", "check that the service runs there"},
		"unknown certificate":     {encrypted.URL, "--insecure takes any certificate"},
		"https to a plain port":   {strings.Replace(plain.URL, "http", "https", 1), "write http://"},
		"http to an https port":   {strings.Replace(encrypted.URL, "https", "http", 1), "write https://"},
		"no answer":               {hanging.URL, "the service took too long"},
		"no such host":            {"http://login.invalid/", "check the host of the URL"},
		"no URL":                  {"login.example.com", "write it in full"},
		"a user in the URL":       {"http://a:secret-of-alice@127.0.0.1/", "it holds a user"},
		"another kind of URL":     {"ftp://127.0.0.1/", "write it in full"},
		"no URL but a bad escape": {"http://127.0.0.1/%zz", "write it in full"},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{URL: c.url, User: alice, Password: wonderland}
			if name == "no answer" {
				o.Timeout = time.Millisecond
			}
			_, err := Run(context.Background(), o)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret-of-alice") {
				t.Errorf("got %v\nwant %q", err, c.want)
			}
		})
	}
	t.Run("insecure", func(t *testing.T) {
		_, err := Run(context.Background(), Options{URL: encrypted.URL, User: alice, Password: wonderland, Insecure: true})
		if err == nil || !strings.Contains(err.Error(), "is the password right") {
			t.Errorf("got %v", err)
		}
	})
}

// What a service writes into names becomes no more than an argument or a
// comment.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	const bad = "x\n}\nrespond {$HOME} `\"\\"
	report, _, _, err := run(t, formService(plainPage, func(w http.ResponseWriter, _ *http.Request, right bool) {
		w.Header().Set("Location", "/{http.request.header.Cookie}`\r\n}")
		w.Header().Add("Set-Cookie", "`}{=1")
		if right {
			w.Header().Add("Set-Cookie", "sid=1")
		}
		w.WriteHeader(302)
	}), "/login", Options{})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(report.Block) {
		if strings.HasPrefix(line, "#") && strings.ContainsAny(line, "{}") {
			t.Errorf("braces in a comment: %q", line)
		}
	}
	if got := printable(bad); strings.ContainsAny(got, "\n{}") {
		t.Errorf("printable: %q", got)
	}
	if got, err := word(bad); err == nil {
		t.Errorf("word: %q", got)
	}
	for _, name := range []string{"user name", "a`b", "{$HOME}", "log&#10;in"} {
		_, _, _, err := run(t, formService(func(w http.ResponseWriter, _ *http.Request) {
			answerPage(w, 200, `<form method=post><input name="`+name+`"><input type=password name=p></form>`)
		}, func(w http.ResponseWriter, r *http.Request, _ bool) {
			if r.PostFormValue("p") == wonderland {
				w.WriteHeader(204)
			} else {
				w.WriteHeader(401)
			}
		}), "/login", Options{})
		if quotable := name == "user name"; quotable != (err == nil) {
			t.Errorf("a field named %q: %v", name, err)
		}
	}
}
