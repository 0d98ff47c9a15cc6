// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// shownStep is a line that the demo prints, and the answer that it promises.
type shownStep struct{ says, command, want string }

// The demo's lines do what they say, on the embedded store and on Redis.
func TestDemoDoesWhatItPrints(t *testing.T) {
	for name, args := range map[string][]string{
		"embedded store": nil,
		"redis":          {"--redis", redistest.Start(t).Addr},
	} {
		t.Run(name, func(t *testing.T) {
			steps := startDemo(t, args...)
			if len(steps) < 10 {
				t.Fatalf("the demo printed %d steps: %v", len(steps), steps)
			}
			for _, s := range steps {
				out, err := exec.CommandContext(t.Context(), "bash", "-c", s.command).CombinedOutput()
				if got := strings.TrimSpace(string(out)); got != s.want {
					t.Fatalf("%s: %s\nanswered %q (%v), want %q", s.says, s.command, got, err, s.want)
				}
			}
		})
	}
}

// startDemo runs the demo, building ./caddy if that is missing or old, until
// the test ends, and returns the steps that it prints.
func startDemo(t *testing.T, args ...string) []shownStep {
	t.Helper()
	args = append([]string{"run", "--site", strconv.Itoa(freePort(t)), "--api", strconv.Itoa(freePort(t))}, args...)
	cmd := exec.Command("../xcaddy.sh", args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var problems strings.Builder
	cmd.Stderr = &problems
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting the demo: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the demo ended with %v: %s", err, problems.String())
		}
	})
	return readSteps(t, out, &problems)
}

// readSteps reads until the demo has printed its last line, which is the one
// that logs alice in again.
func readSteps(t *testing.T, out io.Reader, problems *strings.Builder) (steps []shownStep) {
	t.Helper()
	lines := bufio.NewScanner(out)
	var next shownStep
	for lines.Scan() {
		line := lines.Text()
		if comment, ok := strings.CutPrefix(line, "# "); ok {
			next.says, next.want, _ = strings.Cut(comment, " -> ")
			continue
		}
		if next.says == "" {
			continue
		}
		next.command = line
		steps = append(steps, next)
		if strings.HasPrefix(next.says, "and the right one") {
			return steps
		}
		next = shownStep{}
	}
	t.Fatalf("the demo printed no last line: %v\n%s", lines.Err(), problems.String())
	return nil
}
