// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// npmFiles are what sdk-npm/ consists of. Everything else is installed.
var npmFiles = []string{".npmrc", "package.json", "package-lock.json", "sdk.mjs", "node.mjs", "page.mjs"}

// TestNPMSDK makes every call with the npm SDK, installed outside of the
// working tree as its lock file says.
func TestNPMSDK(t *testing.T) {
	directory := t.TempDir()
	for _, name := range npmFiles {
		content, err := os.ReadFile(filepath.Join("sdk-npm", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(directory, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runIn(t, directory, "npm", "ci")
	t.Run("node", func(t *testing.T) { tryNode(t, directory) })
	t.Run("browser", func(t *testing.T) { tryBrowser(t, directory) })
}

// runIn runs a program in a folder and returns what it prints.
func runIn(t *testing.T, directory, name string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir = directory
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("running %s: %v\n%s", name, err, out)
	}
	return string(out)
}

// startWebAPI runs the program with the policy API and returns its address.
func startWebAPI(t *testing.T, option string) string {
	t.Helper()
	site := fmt.Sprintf("http://127.0.0.1:%d", freePort(t))
	startBinary(t, fmt.Sprintf(`
		{
			admin off
			servers {
				protocols h1 h2 h2c
			}
		}
		%s {
			bind 127.0.0.1
			lockout_api {
				token %s {
					roles IAM_OWNER
				}
				%s
			}
		}
	`, site, apiToken, option), site)
	return site
}

// Node speaks gRPC and gRPC-web.
func tryNode(t *testing.T, directory string) {
	out := runIn(t, directory, "node", "node.mjs", startWebAPI(t, ""), apiToken)
	for _, want := range []string{
		"gRPC: 25 calls\n", "gRPC-web, HTTP/1.1: 25 calls\n", "gRPC-web, HTTP/2: 25 calls\n",
		"gRPC without a right token: [unauthenticated] Errors.Token.Invalid (AUTH-7fs1e)\n",
		"gRPC-web without a right token: [unauthenticated] auth header missing\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the SDK printed %q, without %q", out, want)
		}
	}
}

// A page in a browser calls across origins where cors names its origin, and
// gets nothing where it does not.
func tryBrowser(t *testing.T, directory string) {
	bundle := runIn(t, directory, filepath.Join(directory, "node_modules", ".bin", "esbuild"),
		"page.mjs", "--bundle", "--format=esm", "--log-level=error")
	outcomes := make(chan string, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<!doctype html><script type="module" src="/page.js"></script>`)
	})
	mux.HandleFunc("GET /page.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = io.WriteString(w, bundle)
	})
	mux.HandleFunc("POST /outcome", func(_ http.ResponseWriter, r *http.Request) {
		said, _ := io.ReadAll(r.Body)
		outcomes <- string(said)
	})
	pages := httptest.NewServer(mux)
	t.Cleanup(pages.Close)

	for _, tt := range []struct{ name, cors, want string }{
		{"allowed", "cors " + pages.URL, "25 calls"},
		{"not allowed", "cors https://admin.example.com", "failed: ConnectError: [unknown] Failed to fetch"},
		{"no cors", "", "failed: ConnectError: [unknown] Failed to fetch"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := startWebAPI(t, tt.cors)
			browse(t, pages.URL+"/?"+url.Values{"api": {api}, "token": {apiToken}}.Encode())
			select {
			case got := <-outcomes:
				if got != tt.want {
					t.Errorf("the page says %q, want %q", got, tt.want)
				}
			case <-time.After(buildPatience):
				t.Error("the page says nothing")
			}
		})
	}
}

// browse opens a page in a browser until the test ends.
func browse(t *testing.T, address string) {
	t.Helper()
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	profile, err := os.MkdirTemp("", "caddy-lockout-browser-")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
		"--user-data-dir="+profile, address)
	var problems strings.Builder
	c.Stdout, c.Stderr = &problems, &problems
	c.WaitDelay = buildPatience
	if err := c.Start(); err != nil {
		t.Fatalf("starting the browser: %v", err)
	}
	t.Cleanup(func() {
		stop()
		_ = c.Wait() // it was killed
		_ = os.RemoveAll(profile)
		if t.Failed() {
			t.Logf("the browser says: %s", problems.String())
		}
	})
}
