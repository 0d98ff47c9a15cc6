// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// In these examples the secret is a code: each comes behind the right password.

func pocketBaseBody(site, secret string) *http.Request {
	return post(site+loginPath, "application/json", fmt.Sprintf(`{"identity": "alice@example.test", "password": %q}`, secret))
}

// codeForm gives the right password, and returns the request with the code.
func codeForm(site, secret string) *http.Request {
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r := post(site+"/login/code", "application/x-www-form-urlencoded", url.Values{"type": {"app"}, "code": {secret}}.Encode())
	resp, err := c.Do(form(site, "password"))
	if err != nil {
		return r
	}
	_ = resp.Body.Close()
	for _, cookie := range resp.Cookies() {
		r.AddCookie(cookie)
	}
	if len(resp.Cookies()) == 0 { // the lock closes this step too
		r.AddCookie(&http.Cookie{Name: "pending", Value: "of_alice"})
	}
	return r
}

// answerCode is a login with two steps. A session is as good as its user here.
func answerCode(w http.ResponseWriter, r *http.Request) {
	pending, err := r.Cookie("pending")
	switch {
	case r.URL.Path == "/login" && r.PostFormValue("password") == "password":
		http.SetCookie(w, &http.Cookie{Name: "pending", Value: "of_" + r.PostFormValue("username")})
		http.Redirect(w, r, "/login/code", http.StatusFound)
	case r.URL.Path == "/login/code" && err == nil && pending.Value == "of_alice" && r.PostFormValue("code") == "wonderland":
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
		http.Redirect(w, r, "/home", http.StatusFound)
	default:
		http.Error(w, "wrong", http.StatusUnauthorized)
	}
}

func bothBody(site, secret string) *http.Request {
	return post(site+"/auth/login", "application/json", fmt.Sprintf(`{"email": "alice@example.test", "password": "password", "otp": %q}`, secret))
}

// answerBoth checks a password and a code of one request.
func answerBoth(w http.ResponseWriter, r *http.Request) {
	var in struct{ Password, OTP string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	code := ""
	switch {
	case in.Password != "password":
		code = "INVALID_CREDENTIALS"
	case in.OTP != "wonderland":
		code = "INVALID_OTP"
	default:
		_, _ = io.WriteString(w, `{"data": {"access_token": "t"}}`)
		return
	}
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = fmt.Fprintf(w, `{"errors": [{"extensions": {"code": %q}}]}`, code)
}
