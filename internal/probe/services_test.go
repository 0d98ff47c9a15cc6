// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
)

// The account of the scripted services.
const (
	alice      = "alice"
	wonderland = "wonderland-1865"
)

// answerPage answers with a page.
func answerPage(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, "<!doctype html><html><body>"+text+"</body></html>")
}

func setCookie(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true})
}

func redirect(w http.ResponseWriter, status int, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(status)
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

type object = map[string]any

// loginPage is a form that posts to the action.
func loginPage(action, inside string) string {
	return `<form method="post" action="` + action + `">` + inside +
		`<input name="username"><input type="password" name="password"><button>Log in</button></form>`
}

// formService shows a page and checks logins of /login.
func formService(page func(w http.ResponseWriter, r *http.Request), check func(w http.ResponseWriter, r *http.Request, right bool)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/login":
			http.NotFound(w, r)
		case r.Method == http.MethodPost:
			check(w, r, r.PostFormValue("username") == alice && r.PostFormValue("password") == wonderland)
		default:
			page(w, r)
		}
	}
}

func plainPage(w http.ResponseWriter, _ *http.Request) { answerPage(w, 200, loginPage("/login", "")) }

// jsonService takes POST of JSON objects at /api/login.
func jsonService(check func(w http.ResponseWriter, r *http.Request, in object)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		in := object{}
		switch {
		case r.URL.Path != "/api/login":
			http.NotFound(w, r)
		case r.Method != http.MethodPost:
			w.WriteHeader(http.StatusMethodNotAllowed)
		case r.Header.Get("Content-Type") != "application/json":
			w.WriteHeader(http.StatusUnsupportedMediaType)
		case json.NewDecoder(r.Body).Decode(&in) != nil:
			answerJSON(w, 400, object{"error": "bad_json"})
		default:
			check(w, r, in)
		}
	}
}

// named checks name and password in the fields of these names, and names those
// that are missing.
func named(user, secret string, right, wrong func(w http.ResponseWriter)) http.HandlerFunc {
	return jsonService(func(w http.ResponseWriter, _ *http.Request, in object) {
		for _, name := range []string{user, secret} {
			if text, _ := in[name].(string); text == "" {
				answerJSON(w, 400, object{"error": "validation", "field": name})
				return
			}
		}
		if in[user] == alice && in[secret] == wonderland {
			right(w)
		} else {
			wrong(w)
		}
	})
}

func status(code int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(code) }
}

func says(code int, v any) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { answerJSON(w, code, v) }
}

// limited refuses every login from the nth on.
func limited(n int32, next http.Handler) http.HandlerFunc {
	var logins atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && logins.Add(1) >= n {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// forged shows a form with a token that goes with a cookie, and refuses logins
// without it. The cookie is meant for clients that use TLS, at another host.
func forged() http.HandlerFunc {
	var pages atomic.Int32
	return formService(func(w http.ResponseWriter, _ *http.Request) {
		token := fmt.Sprint("token-of-page-", pages.Add(1))
		http.SetCookie(w, &http.Cookie{Name: "csrftoken", Value: token, Path: "/", Secure: true, Domain: "app.example.com"})
		answerPage(w, 200, loginPage("", `<input type="hidden" name="csrfmiddlewaretoken" value="`+token+`"><input type="hidden" name="next" value="/">`))
	}, func(w http.ResponseWriter, r *http.Request, right bool) {
		c, err := r.Cookie("csrftoken")
		switch {
		case err != nil || c.Value != r.PostFormValue("csrfmiddlewaretoken"):
			answerPage(w, 403, "CSRF")
		case right:
			setCookie(w, "csrftoken", "another")
			setCookie(w, "sessionid", "secret-of-alice")
			redirect(w, 302, "/")
		default:
			answerPage(w, 200, `<p class="errornote">Please enter the correct username and password.</p>`+loginPage("", ""))
		}
	})
}

// basicService asks for HTTP Basic at every path.
func basicService(w http.ResponseWriter, r *http.Request) {
	user, password, ok := r.BasicAuth()
	if !ok || user != alice || password != wonderland {
		w.Header().Add("WWW-Authenticate", `Bearer realm="files, and more"`)
		w.Header().Add("WWW-Authenticate", `Basic realm="files", charset="UTF-8"`)
		w.WriteHeader(401)
		return
	}
	w.WriteHeader(404)
}

// grantService is a token endpoint.
func grantService(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodPost || r.PostFormValue("grant_type") != "password":
		answerJSON(w, 400, object{"error": "unsupported_grant_type"})
	case r.PostFormValue("client_id") != "editor":
		answerJSON(w, 401, object{"error": "invalid_client"})
	case r.PostFormValue("username") != alice || r.PostFormValue("password") != wonderland:
		answerJSON(w, 403, object{"error": "invalid_grant"})
	default:
		answerJSON(w, 200, object{"access_token": "secret-of-alice", "token_type": "Bearer", "expires_in": 60})
	}
}

// session is a service whose session cookie comes with the page and is renewed
// by the right login. Who is logged in is sent on without a look at the password
// when careless.
func session(careless bool) http.HandlerFunc {
	return formService(func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("app_session"); err != nil {
			setCookie(w, "app_session", "of-nobody")
		}
		answerPage(w, 200, loginPage("/login", ""))
	}, func(w http.ResponseWriter, r *http.Request, right bool) {
		c, _ := r.Cookie("app_session")
		switch {
		case right || careless && c != nil && c.Value == "of-alice":
			setCookie(w, "app_session", "of-alice")
			redirect(w, 302, "http://"+r.Host+"/users/alice?welcome=1")
		default:
			redirect(w, 302, "/login?error=1")
		}
	})
}

// formless sends who is logged in on before there is a form, and before it looks
// at a password; only the token of the form is looked at earlier.
func formless(renews bool) http.HandlerFunc {
	on := func(w http.ResponseWriter) {
		if renews {
			setCookie(w, "sid", "secret-of-alice")
		}
		redirect(w, 302, "/home")
	}
	loggedIn := func(r *http.Request) bool {
		_, err := r.Cookie("sid")
		return err == nil
	}
	return formService(func(w http.ResponseWriter, r *http.Request) {
		if loggedIn(r) {
			on(w)
			return
		}
		answerPage(w, 200, loginPage("/login", `<input type=hidden name=csrf value=before>`))
	}, func(w http.ResponseWriter, r *http.Request, right bool) {
		switch {
		case (r.PostFormValue("csrf") == "before") == loggedIn(r):
			answerPage(w, 403, "forged")
		case loggedIn(r):
			on(w)
		case right:
			setCookie(w, "sid", "secret-of-alice")
			redirect(w, 302, "/home")
		default:
			answerPage(w, 200, "wrong")
		}
	})
}

// pages answers both with a page; who is logged in gets a link out.
func pages(link string) http.HandlerFunc {
	return formService(plainPage, func(w http.ResponseWriter, _ *http.Request, right bool) {
		if right {
			answerPage(w, 200, "<p>Welcome alice</p>"+link)
		} else {
			answerPage(w, 200, "<p>Wrong password</p>"+loginPage("/login", ""))
		}
	})
}
