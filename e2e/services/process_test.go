// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"bytes"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a program may take to start on a busy machine.
const patience = 3 * time.Minute

// process is a program that ends with the test.
type process struct {
	name  string
	ended chan struct{}
	err   error // after ended

	mu  sync.Mutex
	log bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// start runs a program until the test ends. It and its children are told to
// stop, and killed when they do not. Their output is shown when the test fails.
func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{name: cmd.Path, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p, p
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its children too
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", p.name, err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		group := -cmd.Process.Pid
		_ = syscall.Kill(group, syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(time.Minute):
		}
		_ = syscall.Kill(group, syscall.SIGKILL) // whoever is left
		<-p.ended
		if t.Failed() {
			log := p.output()
			t.Logf("output of %s:\n%s", p.name, log[max(0, len(log)-6_000):])
		}
	})
	return p
}

// wait returns when ready says so.
func (p *process) wait(t *testing.T, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ready(); time.Sleep(20 * time.Millisecond) {
		select {
		case <-p.ended:
			t.Fatalf("%s has ended: %v\n%s", p.name, p.err, p.output())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not ready:\n%s", p.name, p.output())
		}
	}
}

// answers reports whether somebody answers HTTP at an address.
func answers(url string) bool {
	resp, err := (&http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}).Get(url)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return true
}

// freePort returns a TCP port of the loopback interface that was free a moment
// ago. It is below those that the system gives to outgoing connections, which
// come and go too fast for "a moment ago".
func freePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(10_000 + rand.IntN(20_000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("there is no free port")
	return ""
}

// output runs a program to its end in a folder and returns what it prints.
func output(t *testing.T, directory, input string, environment []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = directory
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("running %s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
