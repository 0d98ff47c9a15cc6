// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// snippets returns the examples of the README in a language.
func snippets(t *testing.T, language string) (all []string) {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllSubmatch(readme, -1) {
		all = append(all, string(found[1]))
	}
	return all
}

// TestReadmeCallsTheAPI runs what the README shows of the policy API, in its
// order, against the program.
func TestReadmeCallsTheAPI(t *testing.T) {
	api := startWebAPI(t, "")
	address, err := url.Parse(api)
	if err != nil {
		t.Fatal(err)
	}
	tools := t.TempDir()
	if _, err := build(filepath.Join(tools, "grpcurl"), "..", "-modfile=tools/grpcurl/go.mod", "github.com/fullstorydev/grpcurl/cmd/grpcurl"); err != nil {
		t.Fatal(err)
	}
	environment := append(os.Environ(), "API="+api, "ADDRESS="+address.Host, "PORT="+address.Port(), "TOKEN="+apiToken,
		"PATH="+tools+string(os.PathListSeparator)+os.Getenv("PATH"))
	run := func(name string, args ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), name, args...)
		c.Env = environment
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("running %s %q: %v\n%s", name, args, err, out)
		}
		return string(out)
	}

	shells := snippets(t, "sh")
	if len(shells) != 2 || !strings.Contains(shells[0], "curl -f") || !strings.Contains(shells[1], "grpcurl ") {
		t.Fatalf("the README shows %q, want curl and grpcurl", shells)
	}
	for i, wants := range [][]string{
		{`"totalResult":"1"`, `"id":"alice@example.com"`, `"state":"USER_STATE_LOCKED"`},
		{"rpc LockUser", `"creationDate"`, `"changeDate"`},
	} {
		out := run("bash", "-euc", shells[i])
		for _, want := range wants {
			if !strings.Contains(strings.ReplaceAll(out, `": "`, `":"`), want) {
				t.Errorf("%s\nprinted %s\nwithout %s", shells[i], out, want)
			}
		}
	}

	programs := snippets(t, "go")
	if len(programs) != 1 {
		t.Fatalf("the README shows %d Go programs", len(programs))
	}
	if out, want := run(buildSnippet(t, programs[0])), "wrong passwords until acme locks: 3\n"; out != want {
		t.Errorf("the Go program printed %q, want %q", out, want)
	}
}

// buildSnippet compiles a program with the modules of sdk-go.
func buildSnippet(t *testing.T, text string) string {
	t.Helper()
	directory := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join("sdk-go", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(directory, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(directory, "main.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	program, err := build(filepath.Join(directory, "program"), directory, ".")
	if err != nil {
		t.Fatal(err)
	}
	return program
}
