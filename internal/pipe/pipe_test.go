// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package pipe_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/pipe"
)

// A server that answers every line at once, and a client that sends all its
// lines before it reads: over a bare net.Pipe both would hang.
func TestPipelineLongerThanTheServerReads(t *testing.T) {
	t.Parallel()
	a, b := net.Pipe()
	client := pipe.Buffered(a)
	served := make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(b)
		for lines.Scan() {
			if _, err := fmt.Fprintln(b, "+"+lines.Text()); err != nil {
				served <- err
				return
			}
		}
		served <- lines.Err()
	}()

	const n = 5000
	if _, err := fmt.Fprint(client, strings.Repeat("a line of some length\n", n)); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewScanner(client)
	for i := range n {
		if !answers.Scan() || answers.Text() != "+a line of some length" {
			t.Fatalf("answer %d: %q, %v", i, answers.Text(), answers.Err())
		}
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Fatalf("server: %v", err)
	}
	if _, err := client.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("writing after Close: %v", err)
	}
	if err := client.Close(); err != nil {
		t.Fatalf("second Close: %v", err)
	}
}

func TestPeerGone(t *testing.T) {
	t.Parallel()
	a, b := net.Pipe()
	client := pipe.Buffered(a)
	defer client.Close()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := client.Write([]byte("x")); err != nil {
			return // the pump has met the error and a later Write reports it
		}
	}
}
