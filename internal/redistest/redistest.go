// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package redistest gives tests the stores that caddy-lockout runs on: a real
// redis-server of their own, and miniredis as the embedded store uses it.
package redistest

import (
	"bytes"
	"context"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/pipe"
)

const (
	startTimeout = 20 * time.Second
	startTries   = 5
)

// Server is a redis-server process that belongs to one test.
type Server struct {
	// Addr is host and port on the loopback interface.
	Addr string
	// Cmd is the running process, for tests that stop it in their own way.
	Cmd *exec.Cmd

	out lockedBuffer
}

// Start runs a redis-server without persistence on a free loopback port, with
// further command line arguments, and ends it with the test. A machine without
// redis-server fails the test: a skipped store would only look tested.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is missing; `./xcaddy.sh test` installs it")
	}
	// Another process can take the port between choosing and binding it.
	for range startTries {
		if s := tryStart(t, bin, args); s != nil {
			return s
		}
	}
	t.Fatalf("starting redis-server: no free port in %d tries", startTries)
	return nil
}

func tryStart(t testing.TB, bin string, args []string) *Server {
	t.Helper()
	port := freePort(t)
	s := &Server{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	s.Cmd = exec.Command(bin, append([]string{
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", t.TempDir(),
		"--save", "", "--appendonly", "no", "--daemonize", "no",
	}, args...)...)
	s.Cmd.Stdout, s.Cmd.Stderr = &s.out, &s.out
	if err := s.Cmd.Start(); err != nil {
		t.Fatalf("starting redis-server: %v", err)
	}
	exited := make(chan struct{})
	go func() { _ = s.Cmd.Wait(); close(exited) }()
	stop := func() { _ = s.Cmd.Process.Kill(); <-exited }

	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		select {
		case <-exited:
			if strings.Contains(s.out.String(), "Address already in use") {
				return nil
			}
			t.Fatalf("redis-server ended at start:\n%s", s.out.String())
		case <-ctx.Done():
			stop()
			t.Fatalf("redis-server did not answer within %s:\n%s", startTimeout, s.out.String())
		default:
		}
		if answers(ctx, s.Addr) {
			t.Cleanup(stop)
			return s
		}
	}
}

func answers(ctx context.Context, addr string) bool {
	c := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DialTimeout: time.Second, ReadTimeout: time.Second})
	defer c.Close()
	err := c.Ping(ctx).Err()
	// A server that wants a password is up as well.
	return err == nil || strings.HasPrefix(err.Error(), "NOAUTH")
}

// Client returns a client of the server with the settings that the module
// uses, closed with the test.
func (s *Server) Client(t testing.TB) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{
		Addr: s.Addr, ContextTimeoutEnabled: true,
		DialTimeout: time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second,
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Embedded returns a client of a fresh miniredis, connected through an
// in-process pipe as the embedded store is.
func Embedded(t testing.TB) redis.UniversalClient {
	t.Helper()
	c, _ := EmbeddedServer(t)
	return c
}

// EmbeddedServer is Embedded for tests that also move the server's clock.
func EmbeddedServer(t testing.TB) (redis.UniversalClient, *miniredis.Miniredis) {
	t.Helper()
	m := miniredis.NewMiniRedis()
	c := redis.NewClient(&redis.Options{
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			c, err := m.Dial()
			if err != nil {
				return nil, err
			}
			return pipe.Buffered(c), nil
		},
		ContextTimeoutEnabled: true,
		DisableIdentity:       true,
		ReadTimeout:           5 * time.Second, WriteTimeout: 5 * time.Second,
	})
	t.Cleanup(func() { _ = c.Close(); m.Close() })
	return c, m
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

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
