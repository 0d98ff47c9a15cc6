// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-lockout/caddy-lockout/caddyfile"
	"github.com/caddy-lockout/caddy-lockout/module"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// Every Caddy of these tests is a process of its own: this test binary again,
// with its race detector. So tests run in parallel, two nodes are two nodes,
// and a node can be killed.
const nodeVariable = "LOCKOUT_TEST_NODE"

const nodeDeadline = 60 * time.Second

func TestMain(m *testing.M) {
	if os.Getenv(nodeVariable) != "" {
		if err := serveNode(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "node:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// order is a line from the test to its node; reply is the line back.
type (
	order struct {
		Do           string // load or validate (a Caddyfile), lock, unlock, user, policy
		Caddyfile    string
		Organization string
		User         string
		Limits       policyapi.Limits
	}
	reply struct {
		Error    string
		Locked   bool
		Failures uint32
		InFlight uint32
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
	ctx := context.Background()
	if o.Do == "load" || o.Do == "validate" {
		config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(o.Caddyfile), nil)
		if err != nil {
			return r, err
		}
		if o.Do == "load" {
			return r, caddy.Load(config, true)
		}
		parsed := new(caddy.Config)
		if err := json.Unmarshal(config, parsed); err != nil {
			return r, err
		}
		return r, caddy.Validate(parsed)
	}
	loaded, err := caddy.ActiveContext().App("lockout")
	if err != nil {
		return r, err
	}
	app := loaded.(*module.App)
	switch o.Do {
	case "lock":
		return r, app.Lock(ctx, o.Organization, o.User)
	case "unlock":
		return r, app.Unlock(ctx, o.Organization, o.User)
	case "policy":
		return r, app.SetPolicy(ctx, o.Organization, o.Limits)
	case "user":
		state, err := app.User(ctx, o.Organization, o.User)
		r.Locked = state.Lock != nil
		for _, f := range state.Factors {
			r.Failures += f.Failures
			r.InFlight += f.Reservations
		}
		return r, err
	}
	return r, fmt.Errorf("unknown order %q", o.Do)
}

// node is a Caddy in a process of its own.
type node struct {
	// URL is where the site listens.
	URL string

	cmd    *exec.Cmd
	stdin  io.Closer
	orders *json.Encoder
	mu     sync.Mutex
	reply  *json.Decoder
	stderr *logBuffer
	ended  bool
}

// startNode runs a Caddyfile in a process of its own until the test ends. In
// the Caddyfile SITE stands for the address of the site.
func startNode(t testing.TB, caddyfile string) *node {
	t.Helper()
	return startNodeIn(t, t.TempDir(), caddyfile)
}

// startNodeIn is startNode with the folder of Caddy's data, for nodes that
// follow one another.
func startNodeIn(t testing.TB, data, caddyfile string) *node {
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
	n.load(t, caddyfile)
	return n
}

// stop ends the node as an operator would and reports what its race detector
// has found.
func (n *node) stop(t testing.TB) {
	if n.ended {
		return
	}
	n.ended = true // there is nothing to stop any more
	_ = n.stdin.Close()
	kill := time.AfterFunc(nodeDeadline, func() { _ = n.cmd.Process.Kill() })
	defer kill.Stop()
	err := n.cmd.Wait()
	log := n.stderr.String()
	if err != nil && !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("node ended with %v", err)
	}
	if strings.Contains(log, "DATA RACE") {
		t.Error("the node's race detector has found a race")
	}
	if t.Failed() {
		t.Logf("log of node %s:\n%s", n.URL, log)
	}
}

// kill ends the node as a crash would.
func (n *node) kill(t testing.TB) {
	t.Helper()
	n.ended = true
	if err := n.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = n.cmd.Wait()
	if log := n.stderr.String(); strings.Contains(log, "DATA RACE") {
		t.Errorf("the node's race detector has found a race:\n%s", log)
	}
}

// load gives the node a configuration, as caddy reload does.
func (n *node) load(t testing.TB, caddyfile string) {
	t.Helper()
	n.order(t, order{Do: "load", Caddyfile: n.config(caddyfile)})
}

// config is the Caddyfile as the node gets it.
func (n *node) config(caddyfile string) string {
	caddyfile = "{\n\tadmin off\n\tgrace_period 10s\n}\n" + caddyfile
	if rest, ok := strings.CutPrefix(caddyfile, "{\n\tadmin off\n\tgrace_period 10s\n}\n{\n"); ok {
		caddyfile = "{\n\tadmin off\n\tgrace_period 10s\n" + rest
	}
	return strings.ReplaceAll(caddyfile, "SITE", n.URL)
}

func (n *node) order(t testing.TB, o order) reply {
	t.Helper()
	r := n.try(t, o)
	if r.Error != "" {
		t.Fatalf("node could not %s: %s", o.Do, r.Error)
	}
	return r
}

func (n *node) try(t testing.TB, o order) (r reply) {
	t.Helper()
	if o.Organization == "" && o.Do != "policy" {
		o.Organization = "default"
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.orders.Encode(o); err != nil {
		t.Fatalf("sending %s to the node: %v", o.Do, err)
	}
	if err := n.reply.Decode(&r); err != nil {
		t.Fatalf("reading the node's reply to %s: %v", o.Do, err)
	}
	return r
}

func (n *node) user(t testing.TB, name string) reply {
	t.Helper()
	return n.order(t, order{Do: "user", User: name})
}

// settled waits until the user has no attempt in flight, and returns the state.
func (n *node) settled(t testing.TB, name string) reply {
	t.Helper()
	deadline := time.Now().Add(nodeDeadline)
	for {
		r := n.user(t, name)
		if r.InFlight == 0 {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d attempts of %s are still in flight", r.InFlight, name)
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
	return "127.0.0.1:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
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

// client is an HTTP client with a pool of its own that follows no redirect.
func client(t testing.TB) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 200}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		Timeout:       nodeDeadline,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
