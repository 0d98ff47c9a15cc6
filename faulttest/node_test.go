// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // what an official Caddy has

	_ "github.com/caddy-lockout/caddy-lockout/caddyfile"
	"github.com/caddy-lockout/caddy-lockout/module"
)

// order is a line from the test to its node; reply is the line back.
type (
	order struct {
		Do        string // load (a Caddyfile), lock, unlock or user
		Caddyfile string
		User      string
	}
	reply struct {
		Error    string
		Locked   bool
		Failures int
		InFlight int
	}
)

func serveNode(in io.Reader, out io.Writer) error {
	orders, replies := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return caddy.Stop()
		} else if err != nil {
			return err
		}
		r, err := obey(o)
		if err != nil {
			r.Error = err.Error()
		}
		if err := replies.Encode(r); err != nil {
			return err
		}
	}
}

func obey(o order) (r reply, err error) {
	if o.Do == "load" {
		config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(o.Caddyfile), nil)
		if err != nil {
			return r, err
		}
		return r, caddy.Load(config, true)
	}
	loaded, err := caddy.ActiveContext().App("lockout")
	if err != nil {
		return r, err
	}
	ctx, app := context.Background(), loaded.(*module.App)
	switch o.Do {
	case "lock":
		return r, app.Lock(ctx, "default", o.User)
	case "unlock":
		return r, app.Unlock(ctx, "default", o.User)
	case "user":
		state, err := app.User(ctx, "default", o.User)
		r.Locked = state.Lock != nil
		for _, f := range state.Factors {
			r.Failures += int(f.Failures)
			r.InFlight += int(f.Reservations)
		}
		return r, err
	}
	return r, fmt.Errorf("unknown order %q", o.Do)
}

// node is a Caddy in a process of its own.
type node struct {
	URL string // where the site listens

	cmd    *exec.Cmd
	stdin  io.Closer
	mu     sync.Mutex
	orders *json.Encoder
	reply  *json.Decoder
	stderr *logBuffer
	ended  bool
}

// startNode runs a site until the test ends. data is the folder of Caddy's data.
func startNode(t testing.TB, data string, s site) *node {
	t.Helper()
	n := &node{URL: "http://" + freeAddress(t), stderr: &logBuffer{}}
	n.cmd = exec.Command(os.Args[0])
	n.cmd.Env = append(os.Environ(), nodeVariable+"=1", "XDG_DATA_HOME="+data, "XDG_CONFIG_HOME="+t.TempDir())
	n.cmd.Stderr = n.stderr
	in, err := n.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	n.stdin, n.orders, n.reply = in, json.NewEncoder(in), json.NewDecoder(bufio.NewReader(out))
	if err := n.cmd.Start(); err != nil {
		t.Fatalf("starting a node: %v", err)
	}
	t.Cleanup(func() { n.stop(t) })
	n.load(t, s)
	return n
}

// stop ends the node as an operator would and reports what its race detector
// has found.
func (n *node) stop(t testing.TB) {
	if n.ended {
		return
	}
	n.ended = true
	_ = n.stdin.Close()
	kill := time.AfterFunc(patience, func() { _ = n.cmd.Process.Kill() })
	defer kill.Stop()
	if err := n.cmd.Wait(); err != nil {
		t.Errorf("node ended with %v", err)
	}
	if strings.Contains(n.stderr.String(), "DATA RACE") {
		t.Error("the node's race detector has found a race")
	}
	if t.Failed() {
		t.Logf("log of node %s:\n%s", n.URL, n.stderr.String())
	}
}

// kill ends the node as kill -9 does.
func (n *node) kill(t testing.TB) {
	t.Helper()
	n.ended = true
	if err := n.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = n.cmd.Wait()
}

// load gives the node a configuration, as caddy reload does.
func (n *node) load(t testing.TB, s site) {
	t.Helper()
	n.order(t, order{Do: "load", Caddyfile: s.caddyfile(n.URL)})
}

func (n *node) order(t testing.TB, o order) reply {
	t.Helper()
	r := n.try(t, o)
	if r.Error != "" {
		t.Fatalf("node could not %s: %s", o.Do, r.Error)
	}
	return r
}

// try is order where the answer may be an error.
func (n *node) try(t testing.TB, o order) (r reply) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.orders.Encode(o); err != nil {
		t.Fatalf("sending %s to the node: %v", o.Do, err)
	}
	if err := n.reply.Decode(&r); err != nil {
		t.Fatalf("reading the node's reply to %s: %v\n%s", o.Do, err, n.stderr.String())
	}
	return r
}

// settled waits until the user has no attempt in flight, and returns the state.
func (n *node) settled(t testing.TB, user string) (r reply) {
	t.Helper()
	eventually(t, "no attempt of "+user+" is in flight", func() bool {
		r = n.try(t, order{Do: "user", User: user})
		return r.Error == "" && r.InFlight == 0
	})
	return r
}

// eventually polls what others do in their own time.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain: %s", patience, what)
		}
	}
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// logBuffer collects a process's output.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
