// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

const apiToken = "0123456789abcdef0123456789abcdef"

// binaries is the folder of what the tests build.
var binaries string

func TestMain(m *testing.M) {
	var err error
	if binaries, err = os.MkdirTemp("", "caddy-lockout-services"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(binaries)
	os.Exit(code)
}

// caddyBinary is what users run, with the race detector, built once.
var caddyBinary = sync.OnceValues(func() (string, error) {
	out := filepath.Join(binaries, "caddy")
	cmd := exec.Command("go", "build", "-race", "-trimpath", "-tags", "nobadger,nomysql,nopgx", "-o", out, "./cmd/caddy")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=1")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building Caddy: %w\n%s", err, output)
	}
	return out, nil
})

// caddy is a Caddy in front of a service.
type caddy struct {
	site   string // the four lines of the Caddyfile
	mimic  string // the same users, with on_locked preset
	policy string // the policy API
}

func startCaddy(t *testing.T, s service, upstream string) caddy {
	t.Helper()
	c := caddy{site: "http://127.0.0.1:" + freePort(t), mimic: "http://127.0.0.1:" + freePort(t), policy: "http://127.0.0.1:" + freePort(t)}
	store := ""
	if s.redis {
		store = "redis {\n address " + redistest.Start(t).Addr + "\n}"
	}
	c.run(t, fmt.Sprintf(`
		{
			admin off
			lockout {
				%s
				%s
				default_policy {
					max_password_attempts %d
					max_otp_attempts %d
				}
			}
		}
		%s {
			bind 127.0.0.1
			lockout %s
			reverse_proxy %s
		}
		%s {
			bind 127.0.0.1
			lockout %s
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
	`, store, s.global, limit, limit, c.site, directive(s.preset, ""), upstream,
		c.mimic, directive(s.preset, "on_locked preset"), upstream, c.policy, apiToken))
	return c
}

// run runs Caddy with a Caddyfile that has the policy API.
func (c caddy) run(t *testing.T, config string) {
	t.Helper()
	binary, err := caddyBinary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "run", "--config", file, "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	p := start(t, cmd)
	t.Cleanup(func() {
		if strings.Contains(p.output(), "DATA RACE") {
			t.Error("Caddy's race detector has found a race")
		}
	})
	p.wait(t, func() bool { return answers(c.policy + "/healthz") })
}

// directive is a preset with one more option in its block.
func directive(preset, option string) string {
	name, block, _ := strings.Cut(preset, "{")
	block = strings.TrimSuffix(strings.TrimSpace(block), "}")
	if strings.TrimSpace(block+option) == "" {
		return name
	}
	return fmt.Sprintf("%s {\n%s\n%s\n}", strings.TrimSpace(name), block, option)
}

// unlock unlocks a user as an administrator does.
func (c caddy) unlock(t *testing.T, name string) {
	t.Helper()
	if status, body := c.call(t, http.MethodPost, name, "/_unlock"); status != http.StatusOK {
		t.Fatalf("unlocking %s: status %d: %s", name, status, body)
	}
}

// locked reports whether the policy API calls a user locked.
func (c caddy) locked(t *testing.T, name string) bool {
	t.Helper()
	status, body := c.call(t, http.MethodGet, name, "")
	if status == http.StatusNotFound {
		return false // no counter, no lock
	}
	var answer struct {
		User struct{ State string }
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK {
		t.Fatalf("asking for %s: status %d, %v: %s", name, status, err, body)
	}
	return answer.User.State == "USER_STATE_LOCKED"
}

func (c caddy) call(t *testing.T, method, name, verb string) (status int, body string) {
	t.Helper()
	a := newClient(t, c.policy)
	got := a.do(a.request(method, "/management/v1/users/"+url.PathEscape(name)+verb, "", "Authorization", "Bearer "+apiToken))
	return got.status, got.body
}
