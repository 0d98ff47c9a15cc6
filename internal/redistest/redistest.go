// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package redistest gives tests the stores that caddy-lockout runs on: a real
// redis-server of their own, and miniredis as the embedded store uses it.
package redistest

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	startTimeout = 30 * time.Second
	startTries   = 5
	pollInterval = 5 * time.Millisecond
)

// Config says how servers are started. The zero value means without persistence
// and without TLS.
type Config struct {
	// TLS makes clients, replicas, the bus of a cluster and sentinels use TLS only.
	TLS *Certificates
	// Args are further command line arguments of redis-server: any directive
	// with two dashes before it, such as --appendonly yes, or --user with the
	// rules of an ACL user.
	Args []string
	// SentinelArgs are the same for the sentinels of StartSentinel.
	SentinelArgs []string
}

// Server is a redis-server process that belongs to one test.
type Server struct {
	// Addr is host and port on the loopback interface.
	Addr string
	// Cmd is the running process, for tests that stop it in their own way.
	Cmd *exec.Cmd
	// TLS is what clients need to know; nil without TLS.
	TLS *tls.Config

	bin    string
	args   []string
	exited chan struct{}
	out    lockedBuffer
}

// nothingOnDisk is the arguments of a server without persistence.
var nothingOnDisk = []string{"--save", "", "--appendonly", "no"}

// Start runs a redis-server without persistence on a free loopback port, with
// further command line arguments, and ends it with the test. A machine without
// redis-server fails the test: a skipped store would only look tested.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return Config{Args: args}.Start(t)
}

// Start is the function Start with all that a Config can say.
func (c Config) Start(t testing.TB) *Server {
	t.Helper()
	return c.start(t, func(string) []string { return nothingOnDisk })
}

// start runs a server. First go the arguments that depend on nothing but the
// kind of server; those of the Config can change them.
func (c Config) start(t testing.TB, first func(dir string) []string) *Server {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is missing; `./xcaddy.sh test` installs it")
	}
	// Another process can take the port between choosing and binding it.
	for range startTries {
		port, dir := freePort(t), t.TempDir()
		s := &Server{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), bin: bin}
		s.args = append(s.args, first(dir)...)
		s.args = append(s.args, "--bind", "127.0.0.1", "--dir", dir, "--daemonize", "no")
		if c.TLS == nil {
			s.args = append(s.args, "--port", strconv.Itoa(port))
		} else {
			s.TLS = c.TLS.Client
			s.args = append(append(s.args, "--port", "0", "--tls-port", strconv.Itoa(port)), c.TLS.serverArgs()...)
		}
		s.args = append(s.args, c.Args...)
		if s.launch(t) {
			t.Cleanup(s.Kill)
			return s
		}
	}
	t.Fatalf("starting redis-server: no free port in %d tries", startTries)
	return nil
}

// launch starts the process and waits until it answers. It reports false when
// the port is taken.
func (s *Server) launch(t testing.TB) bool {
	t.Helper()
	s.out.reset()
	s.Cmd = exec.Command(s.bin, s.args...)
	s.Cmd.Stdout, s.Cmd.Stderr = &s.out, &s.out
	if err := s.Cmd.Start(); err != nil {
		t.Fatalf("starting redis-server: %v", err)
	}
	cmd, exited := s.Cmd, make(chan struct{})
	s.exited = exited
	go func() { _ = cmd.Wait(); close(exited) }()

	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for !s.answers(ctx) {
		select {
		case <-exited:
			if strings.Contains(s.out.String(), "Address already in use") {
				return false
			}
			t.Fatalf("redis-server ended at start:\n%s", s.out.String())
		case <-ctx.Done():
			s.Kill()
			t.Fatalf("redis-server did not answer within %s:\n%s", startTimeout, s.out.String())
		case <-time.After(pollInterval):
		}
	}
	return true
}

func (s *Server) answers(ctx context.Context) bool {
	c := redis.NewClient(&redis.Options{
		Addr: s.Addr, TLSConfig: s.TLS, MaxRetries: -1, DialTimeout: time.Second, ReadTimeout: time.Second,
	})
	defer c.Close()
	err := c.Ping(ctx).Err()
	// A server that wants a password is up as well.
	return err == nil || strings.HasPrefix(err.Error(), "NOAUTH")
}

// Kill ends the process at once, as kill -9 does, and waits for its end. A
// frozen server and one that has ended can be killed too.
func (s *Server) Kill() {
	_ = s.Cmd.Process.Kill()
	<-s.exited
}

// Restart starts a killed server again, with the port, directory and arguments
// that it had.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for !s.launch(t) {
		if ctx.Err() != nil {
			t.Fatalf("starting redis-server again: %s is taken", s.Addr)
		}
	}
}

// Freeze stops the process with SIGSTOP until Thaw: connections stay open and
// nothing answers.
func (s *Server) Freeze(t testing.TB) { s.signal(t, syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (s *Server) Thaw(t testing.TB) { s.signal(t, syscall.SIGCONT) }

func (s *Server) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := s.Cmd.Process.Signal(sig); err != nil {
		t.Fatalf("sending %s to redis-server %s: %v", sig, s.Addr, err)
	}
}

// Output is what the process has written.
func (s *Server) Output() string { return s.out.String() }

// Client returns a client of the server with the settings that the module
// uses, closed with the test.
func (s *Server) Client(t testing.TB) *redis.Client {
	t.Helper()
	return s.ClientOf(t, "", "")
}

// ClientOf is Client for an ACL user.
func (s *Server) ClientOf(t testing.TB, username, password string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{
		Addr: s.Addr, TLSConfig: s.TLS, Username: username, Password: password, ContextTimeoutEnabled: true,
		DialTimeout: time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second,
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("looking for a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// lockedBuffer collects the output of a process while the test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Reset()
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
