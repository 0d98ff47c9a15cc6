// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestRadicale(t *testing.T) {
	t.Parallel()
	run(t, radicale)
}

var radicale = service{
	preset: "radicale {\n argument realm_text \"Radicale - Password Required\"\n argument answer_text \"Access to the requested resource forbidden.\"\n}",
	redis:  true,
	start:  startRadicale,
	login: func(c *client, name, secret string) answer {
		return c.basic("PROPFIND", "/", name, secret)
	},
	right: func(a answer) bool { return a.status == http.StatusMultiStatus },
	wrong: func(a answer) bool {
		return a.status == http.StatusUnauthorized && a.header.Get("WWW-Authenticate") != ""
	},
	doors:  radicaleDoors(),
	passes: radicalePasses,
	more: func(s *suite, t *testing.T) {
		t.Run("right ones at once", s.rightAtOnce)
		t.Run("an upload", s.upload)
		t.Run("requests that Radicale refuses", s.refused)
		t.Run("names beyond ASCII", s.beyondASCII)
		t.Run("forgiven only where it checks", s.publicPages)
	},
}

func startRadicale(t *testing.T, people []account) string {
	dir := t.TempDir()
	users := "josé:Right-jose-1865\nJane:Right-Jane-1865\njane:Right-jane-1865\nx@example.test:Right-x-1865\n"
	for _, a := range people {
		users += a.Name + ":" + a.Secret + "\n"
	}
	write(t, filepath.Join(dir, "users"), users)
	port := freePort(t)
	write(t, filepath.Join(dir, "config"), fmt.Sprintf(radicaleConfig, port, dir, dir))
	url := "http://127.0.0.1:" + port
	startPython(t, url, []string{"radicale"}, "-m", "radicale", "-C", filepath.Join(dir, "config"))
	return url
}

const radicaleConfig = `
[server]
hosts = 127.0.0.1:%s
max_connections = 100
[auth]
type = htpasswd
htpasswd_filename = %s/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = %s/collections
`

func authorization(name, secret string) string {
	return base64.StdEncoding.EncodeToString([]byte(name + ":" + secret))
}

// radicaleDoors are requests of every kind that Radicale checks a password for,
// and ways to write the credentials.
func radicaleDoors() (doors []door) {
	add := func(name string, try func(c *client, a account, secret string) answer) {
		doors = append(doors, door{name: name, try: try, right: func(a answer) bool {
			return a.status < 300 || a.status == http.StatusNotFound || a.status == http.StatusConflict
		}})
	}
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "PROPFIND", "PROPPATCH", "REPORT", "PUT", "POST", "DELETE", "MKCOL", "MKCALENDAR", "MOVE", "propfind"} {
		add(method, func(c *client, a account, secret string) answer {
			target := "/" + a.Name + "/"
			if method == "DELETE" || method == "PUT" || method == "GET" || method == "HEAD" {
				target += "nothing.ics"
			}
			return c.basic(method, target, a.Name, secret)
		})
	}
	header := func(name string, value func(name, secret string) string, more ...string) {
		add(name, func(c *client, a account, secret string) answer {
			r := c.request("PROPFIND", "/", "", more...)
			r.Header["Authorization"] = strings.Split(value(a.Name, secret), "\n")
			return c.do(r)
		})
	}
	for name, format := range map[string]string{
		"glued to the scheme": "Basic%s", "colon behind the scheme": "Basic:%s", "tab": "Basic\t%s", "two blanks": "Basic  %s",
		"a scheme in front": "Bearer Basic %s", "a blank inside": "Basic %.4s %[1]s", "quotes": `Basic "%s"`, "lower case": "basic %s",
		"dots behind": "Basic %s....", "twice": "Basic bWFsbG9yeTp4\nBasic %s", "twice in a list": "Basic bWFsbG9yeTp4, Basic %s",
	} {
		header(name, func(name, secret string) string { return fmt.Sprintf(format, authorization(name, secret)) })
	}
	header("a longer scheme", func(name, secret string) string { return "Basic=" + authorization(name, secret) })
	for charset, name := range map[string]func(string) string{
		"utf-7":          func(name string) string { return "+AGY-" + name[1:] },
		"unicode_escape": func(name string) string { return `\x66` + name[1:] },
		"UTF7;":          func(name string) string { return "+AGY-" + name[1:] },
		"idna":           func(name string) string { return "xn--" + name + "-" },
		"utf-8-sig":      func(name string) string { return "\ufeff" + name },
	} {
		header("name in "+charset, func(user, secret string) string {
			return "Basic " + authorization(name(user), secret)
		}, "Content-Type", "text/plain; charset="+charset)
	}
	add("X-Script-Name", func(c *client, a account, secret string) answer {
		return c.basic("PROPFIND", "/", a.Name, secret, "X-Script-Name", "/x")
	})
	return doors
}

var radicalePasses = []pass{
	{"challenge", func(c *client, _ account) answer { return c.get("/heidi/") }},
	{"web interface", func(c *client, _ account) answer { return c.get("/.web/") }},
	{"well-known", func(c *client, _ account) answer { return c.get("/.well-known/caldav") }},
	{"root", func(c *client, _ account) answer { return c.get("/") }},
	{"options", func(c *client, _ account) answer { return c.do(c.request("OPTIONS", "/", "")) }},
	{"bearer", func(c *client, _ account) answer { return c.get("/heidi/", "Authorization", "Bearer abc.def") }},
	{"home", func(c *client, a account) answer {
		return c.basic("PROPFIND", "/heidi/", a.Name, a.Secret, "Depth", "1")
	}},
	{"somebody else's home", func(c *client, a account) answer { return c.basic("PROPFIND", "/bob/", a.Name, a.Secret) }},
	{"nothing there", func(c *client, a account) answer { return c.basic("GET", "/heidi/none.ics", a.Name, a.Secret) }},
}

// rightAtOnce is what a calendar program does when it starts.
func (s *suite) rightAtOnce(t *testing.T) {
	a := who("ivan")
	for range limit - 1 {
		s.guess(t, a.Name)
	}
	var running sync.WaitGroup
	var right atomic.Int64
	for range 40 {
		running.Go(func() {
			if got := s.login(newClient(t, s.caddy.site), a.Name, a.Secret); s.right(got) {
				right.Add(1)
			}
		})
	}
	running.Wait()
	if right.Load() != 40 || s.caddy.locked(t, a.Name) {
		t.Errorf("%d of 40 right requests were answered", right.Load())
	}
}

// upload puts more than an attempt's body may hold: with HTTP Basic it is none.
func (s *suite) upload(t *testing.T) {
	a := who("judy")
	c := newClient(t, s.caddy.site)
	if got := c.basic("MKCALENDAR", "/judy/cal/", a.Name, a.Secret); got.status != http.StatusCreated {
		t.Fatalf("making a calendar: status %d", got.status)
	}
	event := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nDESCRIPTION:" +
		strings.Repeat("x", 1<<20) + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	put := func(name, secret string) answer {
		r := c.request(http.MethodPut, "/judy/cal/1.ics", event, "Content-Type", "text/calendar; charset=utf-8")
		r.SetBasicAuth(name, secret)
		return c.do(r)
	}
	if got := put(a.Name, a.Secret); got.status != http.StatusCreated {
		t.Fatalf("an upload: status %d: %.300s", got.status, got.body)
	}
	if got := c.basic("GET", "/judy/cal/1.ics", a.Name, a.Secret); got.status != 200 || len(got.body) < 1<<20 {
		t.Errorf("reading it: status %d, %d bytes", got.status, len(got.body))
	}
	if got := c.basic("REPORT", "/judy/cal/", a.Name, a.Secret); got.status == http.StatusUnauthorized || s.caddy.locked(t, a.Name) {
		t.Errorf("a report: status %d", got.status)
	}
	// Radicale answers before it has read the upload, and the proxy that counts may
	// find its connection broken then: that is a guess all the same.
	for range limit {
		if got := put(a.Name, wrongSecret()); got.status != http.StatusUnauthorized && got.status != http.StatusBadGateway {
			t.Fatalf("an upload with a wrong password: status %d", got.status)
		}
	}
	if got := put(a.Name, a.Secret); got.status != http.StatusForbidden {
		t.Errorf("an upload of a locked user: status %d", got.status)
	}
	s.caddy.unlock(t, a.Name)
}

// refused sends what Radicale does not take, with the right password and with
// wrong ones.
func (s *suite) refused(t *testing.T) {
	a := who("erin")
	s.fresh(t, a)
	put := func(base, secret string) answer {
		c := newClient(t, base)
		r := c.request(http.MethodPut, "/erin/cal/1.ics", "no calendar", "Content-Type", "text/calendar; charset=utf-8")
		r.SetBasicAuth(a.Name, secret)
		return c.do(r)
	}
	newClient(t, s.url).basic("MKCALENDAR", "/erin/cal/", a.Name, a.Secret)
	for range 2 * limit {
		if got := put(s.caddy.site, a.Secret); got.status != http.StatusBadRequest {
			t.Fatalf("status %d: %.300s", got.status, got.body)
		}
	}
	if s.caddy.locked(t, a.Name) {
		t.Error("right passwords have locked their user")
	}
	reached := 0
	for range 2 * limit {
		secret := wrongSecret()
		put(s.caddy.site, secret)
		reached += s.arrivals.with(secret)
		put(s.caddy.site, a.Secret) // forgives nothing
	}
	if reached != limit || !s.caddy.locked(t, a.Name) {
		t.Errorf("%d guesses reached Radicale, want %d", reached, limit)
	}
	s.caddy.unlock(t, a.Name)
}

func (s *suite) beyondASCII(t *testing.T) {
	for _, name := range []string{"josé", "jose\u0301", "JOSÉ"} {
		for range limit {
			s.guess(t, name)
		}
	}
	if n := s.arrivals.with("jos"); n != limit {
		t.Errorf("%d guesses at josé reached Radicale, want %d", n, limit)
	}
	if !s.caddy.locked(t, "josé") {
		t.Error("josé is not locked")
	}
	s.caddy.unlock(t, "josé")
	if got := s.login(newClient(t, s.caddy.site), "josé", "Right-jose-1865"); !s.right(got) {
		t.Errorf("josé: status %d", got.status)
	}
	if got := s.login(newClient(t, s.caddy.site), "x@example.test", "Right-x-1865"); !s.right(got) {
		t.Errorf("an address as name: status %d", got.status)
	}
}

// publicPages tries to have a page forgive that answers the same to everybody.
func (s *suite) publicPages(t *testing.T) {
	const name = "olivia"
	reached := 0
	for range 3 * limit {
		n, _ := s.guess(t, name)
		reached += n
		for _, method := range []string{"GET", "PROPFIND", "OPTIONS"} {
			for _, target := range []string{"/.web/", "/.well-known/caldav", "/.well-known/x", "/"} {
				c := newClient(t, s.caddy.site)
				secret := wrongSecret()
				if got := c.basic(method, target, name, secret); got.status == http.StatusUnauthorized {
					reached += s.arrivals.with(secret)
				}
			}
			c := newClient(t, s.caddy.site)
			c.basic(method, "/", name, wrongSecret(), "X-Script-Name", "x") // 400 before any check
		}
	}
	if reached > limit {
		t.Errorf("%d guesses reached Radicale, want at most %d", reached, limit)
	}
}
