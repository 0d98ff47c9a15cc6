// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// probing is what `caddy lockout probe` is asked about a service.
type probing struct {
	service
	// page is where it is sent to.
	page  func(c *client) string
	flags []string
	// says are parts of what it prints beside the rule.
	says []string
	// refuses is a part of the error of a service that no rule is found for.
	refuses string
}

var probings = map[string]probing{
	"WordPress": {
		service: wordPress, page: at("/wp-login.php"),
		says: []string{"a form with the fields log and pwd", "`lockout wordpress`", "a wrong login gets the cookie wordpress_test_cookie as well"},
	},
	"better-auth": {
		service: betterAuthWithoutCodes, page: at("/api/auth/sign-in/email"),
		says: []string{"the service reads the fields email and password", "cookie better-auth.session_token", "`lockout better-auth`"},
	},
	"Dex": {service: dex, page: dexState, says: []string{"a form with the fields login and password", "`lockout dex`"}},
	"Django": {
		service: django("/admin/login/"), page: at("/admin/login/?next=/admin/"),
		says: []string{"a form with the fields username and password", "token against forged requests, csrfmiddlewaretoken", "`lockout django`"},
	},
	"Django that looks at no password of somebody who is logged in": {
		service: django("/accounts/login/", "redirect", "save"), page: at("/accounts/login/"), refuses: "forgive what he guessed at another",
	},
	"django-otp": {
		service: djangoOTP("/admin/login/"), page: at("/admin/login/"), refuses: "it looks like a second factor is due",
	},
	"MediaWiki": {
		service: byItsForm(), page: at(mediaWikiLogin),
		says: []string{"a form with the fields wpName and wpPassword", "token against forged requests, wpLoginToken", "`lockout mediawiki`", "POST /index.php, where the page is, takes logins as well"},
	},
	"Node-RED": {
		service: nodeRED, page: at("/auth/token"), flags: []string{"--field", "client_id=node-red-editor", "--field", "scope="},
		says: []string{"a token endpoint of RFC 6749", "`lockout oauth2-password-grant`"},
	},
	"Radicale": {service: radicale, page: at("/alice/"), says: []string{"asks for HTTP Basic", "`lockout basic-auth`"}},
}

// byItsForm logs in where the form of MediaWiki sends it, and with names as they
// are counted where nothing is said of names.
func byItsForm() service {
	s := mediaWiki
	s.identity = nil
	s.login = func(c *client, name, secret string) answer {
		return c.form("/index.php/Spezial:Anmelden?uselang=en", append([]string{"wpName", name, "wpPassword", secret}, mediaWikiToken(c)...)...)
	}
	return s
}

func at(target string) func(*client) string { return func(*client) string { return target } }

// What the command prints goes into a Caddyfile as it is, and Caddy then locks
// and forgives as it does with a preset.
func TestProbe(t *testing.T) {
	t.Parallel()
	for name, p := range probings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.run(t)
		})
	}
}

func (p probing) run(t *testing.T) {
	if p.identity == nil {
		p.identity = func(a account) string { return a.Name }
	}
	s := &suite{service: p.service, url: p.start(t, people)}
	s.arrivals = startArrivals(t, s.url)
	erin := who("erin")
	target := p.page(newClient(t, s.arrivals.URL))
	block, told, err := probe(t, erin.Secret, append(p.flags, s.arrivals.URL+target, "--user", p.identity(erin))...)
	if p.refuses != "" {
		if err == nil || block != "" || !strings.Contains(told, p.refuses) {
			t.Errorf("got %v, %s\n%s\nwant %s", err, told, block, p.refuses)
		}
		return
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, told)
	}
	for _, want := range p.says {
		if !strings.Contains(told, want) && !strings.Contains(block, want) {
			t.Errorf("the report says nothing of %q:\n%s\n%s", want, told, block)
		}
	}
	if strings.Contains(block+told, erin.Secret) {
		t.Errorf("the report holds the password:\n%s\n%s", told, block)
	}
	if got := s.arrivals.with(erin.Secret); got != 1 {
		t.Errorf("the right password reached the service %d times", got)
	}
	s.caddy = caddy{site: "http://127.0.0.1:" + freePort(t), policy: "http://127.0.0.1:" + freePort(t)}
	s.caddy.run(t, fmt.Sprintf(`
		{
			admin off
			lockout {
				default_policy {
					max_password_attempts %d
				}
			}
		}
		%s {
			bind 127.0.0.1
%s
			reverse_proxy %s
		}
		%s {
			bind 127.0.0.1
			lockout_api {
				token %s {
					roles IAM_OWNER
				}
			}
		}
	`, limit, s.caddy.site, block, s.arrivals.URL, s.caddy.policy, apiToken))
	t.Run("lock and unlock", s.lock)
	t.Run("forgiveness", s.forgiveness)
	t.Run("40 guesses at once", s.burst)
}

// probe runs the command and returns what it prints.
func probe(t *testing.T, password string, arguments ...string) (block, told string, err error) {
	t.Helper()
	binary, err := caddyBinary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"lockout", "probe"}, arguments...)...)
	cmd.Env = append(os.Environ(), "LOCKOUT_PROBE_PASSWORD="+password)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	return out.String(), said.String(), err
}
