// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// wordPressDoors are the ways to try a password that WordPress has beside its
// form.
func wordPressDoors() []door {
	form := func(target string, more ...string) func(*client, account, string) answer {
		return func(c *client, a account, secret string) answer {
			return c.form(target, append([]string{"log", a.Name, "pwd", secret}, more...)...)
		}
	}
	xml := func(target, method string, more string) func(*client, account, string) answer {
		return func(c *client, a account, secret string) answer {
			return c.post(target, "text/xml", fmt.Sprintf(`<?xml version="1.0"?><methodCall><methodName>%s</methodName><params>%s`+
				`<param><value><string>%s</string></value></param><param><value><string>%s</string></value></param></params></methodCall>`, method, more, a.Name, secret))
		}
	}
	calls := func(c *client, a account, secret string) answer {
		var all strings.Builder
		for range 5 {
			fmt.Fprintf(&all, `<value><struct><member><name>methodName</name><value>wp.getUsersBlogs</value></member><member><name>params</name><value><array><data>`+
				`<value>%s</value><value>%s</value></data></array></value></member></struct></value>`, a.Name, secret)
		}
		return c.post("/xmlrpc.php", "text/xml", `<?xml version="1.0"?><methodCall><methodName>system.multicall</methodName><params><param><value><array><data>`+
			all.String()+`</data></array></value></param></params></methodCall>`)
	}
	blogs := func(a answer) bool { return strings.Contains(a.body, "isAdmin") }
	return []door{
		{name: "no test cookie", try: form("/wp-login.php")},
		{name: "blocked cookies", try: form("/wp-login.php", "testcookie", "1")},
		{name: "interim login", try: form("/wp-login.php", "interim-login", "1")},
		{name: "reauth", try: form("/wp-login.php", "reauth", "1")},
		{name: "unknown action", try: form("/wp-login.php?action=nothing")},
		{name: "unknown action in the body", try: form("/wp-login.php?action=lostpassword", "action", "nothing")},
		{name: "beside a reset", try: form("/wp-login.php", "rp_key", "x", "pass1", "x")},
		{name: "beside a lost password", try: form("/wp-login.php", "user_login", "x")},
		{name: "beside the password of a post", try: form("/wp-login.php", "post_password", "x")},
		{name: "XML-RPC", try: xml("/xmlrpc.php", "wp.getUsersBlogs", ""), right: blogs},
		{name: "XML-RPC with query", try: xml("/xmlrpc.php?x=1", "wp.getUsersBlogs", ""), right: blogs},
		{name: "XML-RPC with path behind", try: xml("/xmlrpc.php/x", "wp.getUsersBlogs", ""), right: blogs},
		{name: "XML-RPC with two slashes", try: xml("//xmlrpc.php", "wp.getUsersBlogs", ""), right: blogs},
		{name: "XML-RPC escaped", try: xml("/%78mlrpc.php", "wp.getUsersBlogs", ""), right: blogs},
		{name: "XML-RPC of another kind", try: xml("/xmlrpc.php", "blogger.getUsersBlogs", "<param><value><string>x</string></value></param>"), right: blogs},
		{name: "many in one XML-RPC", try: calls, right: blogs},
		{name: "password over HTTP Basic", try: func(c *client, a account, secret string) answer {
			return c.basic("GET", "/?rest_route=/wp/v2/users/me", a.Name, secret)
		}, right: func(a answer) bool { return a.status == 200 }},
	}
}

var wordPressPasses = []pass{
	{"login page", func(c *client, _ account) answer { return c.get("/wp-login.php") }},
	{"login page of another language", func(c *client, _ account) answer { return c.get("/wp-login.php?wp_lang=de_DE") }},
	{"style sheet", func(c *client, _ account) answer { return c.get("/wp-admin/css/login.min.css?ver=6.1.9") }},
	{"front page", func(c *client, _ account) answer { return c.get("/") }},
	{"administration without login", func(c *client, _ account) answer { return c.get("/wp-admin/") }},
	{"lost password page", func(c *client, _ account) answer { return c.get("/wp-login.php?action=lostpassword") }},
	{"lost password", func(c *client, a account) answer {
		return c.form("/wp-login.php?action=lostpassword", "user_login", a.Email, "redirect_to", "", "wp-submit", "Get New Password")
	}},
	{"registration page", func(c *client, _ account) answer { return c.get("/wp-login.php?action=register") }},
	{"registration", func(c *client, _ account) answer {
		name := "new" + c.base[strings.LastIndex(c.base, ":")+1:]
		return c.form("/wp-login.php?action=register", "user_login", name, "user_email", name+"@example.test", "redirect_to", "", "wp-submit", "Register")
	}},
	{"empty password", func(c *client, a account) answer { return c.form("/wp-login.php", "log", a.Name, "pwd", "") }},
	{"password of a post", func(c *client, _ account) answer {
		return c.do(c.request("POST", "/wp-login.php?action=postpass", "post_password=open", "Content-Type", formType, "Referer", c.base+"/secret/"))
	}},
	{"link of a reset", func(c *client, a account) answer { return c.get("/wp-login.php?action=rp&key=x&login=" + a.Name) }},
	{"REST", func(c *client, _ account) answer { return c.get("/?rest_route=/wp/v2/posts") }},
	{"REST, posted", func(c *client, _ account) answer {
		return c.json("/wp-json/wp/v2/posts", map[string]string{"title": "x"})
	}},
	{"comment", func(c *client, _ account) answer {
		return c.form("/wp-comments-post.php", "comment", "", "comment_post_ID", "1", "author", "x", "email", "x@example.test")
	}},
	{"admin-ajax", func(c *client, _ account) answer { return c.form("/wp-admin/admin-ajax.php", "action", "heartbeat") }},
	{"multipart upload without login", func(c *client, _ account) answer {
		return c.post("/wp-admin/async-upload.php", multipartType, multipart([]string{"name", "x"}))
	}},
	{"logged in: administration, mail confirmation, logout", func(c *client, a account) answer {
		wordPressLogin(c, a.Name, a.Secret)
		if got := c.get("/wp-admin/profile.php"); got.status != 200 {
			c.t.Errorf("the profile: status %d", got.status)
		}
		if got := c.form("/wp-login.php?action=confirm_admin_email", "correct-admin-email", "x"); got.status != 302 {
			c.t.Errorf("the confirmation of the mail address: status %d: %.200s", got.status, got.body)
		}
		out := c.get("/wp-login.php?action=logout")
		link := strings.ReplaceAll(out.find(`<a href="`+c.base+"/wp-login.php", `"`), "&amp;", "&")
		if got := c.get("/wp-login.php" + link); got.status != 302 {
			c.t.Errorf("logout %s: status %d: %.500s", link, got.status, out.body)
		}
		return out
	}},
}

func wordPressMore(s *suite, t *testing.T) {
	t.Run("reset", s.wordPressReset)
	t.Run("e-mail address", s.wordPressByMail)
	t.Run("a session forgives nothing", s.wordPressSession)
}

// mailTo returns the link in the last mail to somebody.
func (s *suite) mailTo(t *testing.T, address string) string {
	t.Helper()
	mail := newClient(t, s.url).get("/?test_mail_of=" + url.QueryEscape(address)).body
	at := strings.Index(mail, "/wp-login.php?action=rp")
	if at < 0 {
		t.Fatalf("no link in the mail to %s: %s", address, mail)
	}
	link, _, _ := strings.Cut(mail[at:], "\r\n")
	return strings.TrimSpace(link)
}

// reset goes through a reset up to its last request.
func (s *suite) wordPressLink(t *testing.T, a account) (c *client, key string) {
	t.Helper()
	c = newClient(t, s.caddy.site)
	if got := c.form("/wp-login.php?action=lostpassword", "user_login", a.Name); got.status != 302 {
		t.Fatalf("asking for a reset: status %d: %.300s", got.status, got.body)
	}
	link := s.mailTo(t, a.Email)
	if got := c.get(link); got.status != 302 {
		t.Fatalf("opening %s: status %d", link, got.status)
	}
	page := c.get("/wp-login.php?action=rp")
	key = page.find(`name="rp_key" value="`, `"`)
	if key == "" {
		t.Fatalf("no key in the page: %.1000s", page.body)
	}
	return c, key
}

// A completed reset clears the counter of whom the mail was for, a failed one
// clears nothing, and nobody clears the counter of another.
func (s *suite) wordPressReset(t *testing.T) {
	a, attacker := who("ivan"), who("judy")
	guess := func(want int) {
		t.Helper()
		if reached, _ := s.guess(t, a.Name); reached != want {
			t.Fatalf("a guess reached the service %d times, want %d", reached, want)
		}
	}
	for range limit - 1 {
		guess(1)
	}
	// Another's reset, told as that of the victim.
	c, key := s.wordPressLink(t, attacker)
	u, _ := url.Parse(s.caddy.site + "/wp-login.php")
	var own string
	for _, cookie := range c.http.Jar.Cookies(u) {
		if strings.HasPrefix(cookie.Name, "wp-resetpass-") {
			own = cookie.Name + "=" + cookie.Value
		}
	}
	name, _, _ := strings.Cut(own, "=")
	for _, cookies := range []string{
		"wp-resetpass-0=" + a.Name + "%3Ax; " + own, own + "; wp-resetpass-0=" + a.Name + "%3Ax", own + "; WP-RESETPASS-0=" + a.Name + "%3Ax",
		own + "; " + name + "=" + a.Name + "%3Ax", own + "; %77p-resetpass-0=" + a.Name + "%3Ax", "wp-resetpass-0=" + a.Name + "%3Ax; " + strings.ToUpper(own),
	} {
		if got := newClient(t, s.caddy.site).post("/wp-login.php?action=resetpass", formType, encodeForm([]string{"rp_key", key, "pass1", "New-1865-xyz", "pass2", "New-1865-xyz"}), "Cookie", cookies); got.status != 400 {
			t.Errorf("%s: status %d: %.200s", cookies, got.status, got.body)
		}
	}
	if got := c.form("/wp-login.php?action=resetpass", "rp_key", key, "pass1", attacker.Secret, "pass2", attacker.Secret); got.status != 200 || !strings.Contains(got.body, "has been reset") {
		t.Fatalf("the other's reset: status %d: %.300s", got.status, got.body)
	}
	// A wrong key, and passwords that differ.
	wrong := newClient(t, s.caddy.site)
	if got := wrong.post("/wp-login.php?action=resetpass", formType, "rp_key=x&pass1=y&pass2=y", "Cookie", name+"="+a.Name+"%3Ax"); got.status != 302 {
		t.Errorf("a wrong key: status %d", got.status)
	}
	c, key = s.wordPressLink(t, a)
	if got := c.form("/wp-login.php?action=resetpass", "rp_key", key, "pass1", "one", "pass2", "another"); got.status != 200 {
		t.Errorf("passwords that differ: status %d", got.status)
	}
	guess(1)
	s.expectShut(t, a)
	s.caddy.unlock(t, a.Name)
	for range limit - 1 {
		guess(1)
	}
	if got := c.form("/wp-login.php?action=resetpass", "rp_key", key, "pass1", a.Secret, "pass2", a.Secret); got.status != 200 || !strings.Contains(got.body, "has been reset") {
		t.Fatalf("the reset: status %d: %.300s", got.status, got.body)
	}
	for range limit - 1 {
		guess(1)
	}
	s.expectRight(t, a)
}

// After a login with the e-mail address, address and name share one counter.
func (s *suite) wordPressByMail(t *testing.T) {
	a := who("niaj")
	if got := s.login(newClient(t, s.caddy.site), a.Email, a.Secret); !s.right(got) {
		t.Fatalf("the login with the e-mail address: status %d", got.status)
	}
	total := 0
	for range limit {
		for _, name := range []string{a.Name, a.Email} {
			reached, _ := s.guess(t, name)
			total += reached
		}
	}
	if total > limit {
		t.Errorf("%d guesses reached the service by name and address", total)
	}
}

// Whoever is logged in gets no cookie of a login for a guess at another.
func (s *suite) wordPressSession(t *testing.T) {
	own, a := who("judy"), who("olivia")
	c := newClient(t, s.caddy.site)
	if got := s.login(c, own.Name, own.Secret); !s.right(got) {
		t.Fatal("no login")
	}
	total := 0
	for range limit {
		for _, fields := range [][]string{
			{"log", a.Name, "pwd"}, {"log", a.Name, "reauth", "1", "pwd"}, {"log", a.Name, "action", "postpass", "post_password", "x", "pwd"},
			{"log", a.Name, "interim-login", "1", "pwd"}, {"log", a.Name, "action", "confirm_admin_email", "correct-admin-email", "1", "pwd"},
		} {
			secret := wrongSecret()
			c.form("/wp-login.php", append(fields, secret)...)
			total += s.arrivals.with(secret)
		}
	}
	if total > limit {
		t.Errorf("%d guesses reached the service", total)
	}
}
