// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// buildPatience is how long compiling or starting may take on a busy machine.
const buildPatience = 10 * time.Minute

// caddyBinary is what users run: built once for all tests, with the tags of a
// release and without the race detector.
var caddyBinary = sync.OnceValues(func() (string, error) {
	return build(filepath.Join(binaries, "caddy"), "..", "./cmd/caddy")
})

// binaries is the folder of what the tests build.
var binaries string

func TestMain(m *testing.M) {
	var err error
	if binaries, err = os.MkdirTemp("", "caddy-lockout-e2e"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(binaries)
	os.Exit(code)
}

// build compiles a program of a module.
func build(out, module string, args ...string) (string, error) {
	cmd := exec.Command("go", append([]string{"build", "-trimpath", "-tags", "nobadger,nomysql,nopgx", "-o", out}, args...)...)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", out, err, output)
	}
	return out, nil
}

// startBinary runs a Caddyfile in a process of its own until the test ends, and
// returns when the health check of the API at site answers.
func startBinary(t *testing.T, config, site string) {
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
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		if err := <-ended; err != nil || t.Failed() {
			t.Errorf("Caddy ended with %v:\n%s", err, log.String())
		}
	})
	for deadline := time.Now().Add(buildPatience); ; time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get(site + "/healthz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("Caddy does not run: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("Caddy does not answer: %v", err)
		}
	}
}

const apiToken = "0123456789abcdef0123456789abcdef"

// startAPI starts a binary with the policy API, without TLS and with it, and
// returns both ports.
func startAPI(t *testing.T) (plain, encrypted string) {
	t.Helper()
	plain, encrypted = strconv.Itoa(freePort(t)), strconv.Itoa(freePort(t))
	const block = `
			bind 127.0.0.1
			lockout_api {
				token TOKEN {
					roles IAM_OWNER
				}
			}
	`
	startBinary(t, strings.ReplaceAll(fmt.Sprintf(`
		{
			admin off
			skip_install_trust
			auto_https disable_redirects
			servers {
				protocols h1 h2 h2c
			}
			lockout {
			}
		}
		http://127.0.0.1:%s {
			%s
		}
		https://127.0.0.1:%s {
			tls internal
			%s
		}
	`, plain, block, encrypted, block), "TOKEN", apiToken), "http://127.0.0.1:"+plain)
	return plain, encrypted
}
