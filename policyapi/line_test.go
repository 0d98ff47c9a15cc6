// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

var errCut = errors.New("line is cut")

// line is the way of one node to its store, and what can happen on it.
type line struct {
	dial dialer
	// deaf refuses subscriptions: every message is lost.
	deaf atomic.Bool
	// dials counts tries to connect.
	dials atomic.Int64

	mu    sync.Mutex
	cut   bool
	conns map[*lineConn]struct{}
}

func (l *line) open(ctx context.Context, network, addr string) (net.Conn, error) {
	l.dials.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return nil, errCut
	}
	conn, err := l.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &lineConn{Conn: conn, line: l}
	if l.conns == nil {
		l.conns = make(map[*lineConn]struct{})
	}
	l.conns[c] = struct{}{}
	return c, nil
}

// set cuts the line, with what is under way on it, or mends it.
func (l *line) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	if cut {
		for c := range l.conns {
			_ = c.Conn.Close()
		}
		clear(l.conns)
	}
}

type lineConn struct {
	net.Conn
	line *line
}

func (c *lineConn) Write(p []byte) (int, error) {
	if c.line.deaf.Load() && bytes.Contains(bytes.ToLower(p), []byte("subscribe")) {
		_ = c.Conn.Close()
		return 0, errCut
	}
	return c.Conn.Write(p)
}

// reads is a hook that counts the transactions of a client and may hold back
// their answers.
type reads struct {
	n    atomic.Int64
	gate func() // called between the answer and its reader
}

func (*reads) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*reads) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (r *reads) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		r.n.Add(1)
		err := next(ctx, cmds)
		if r.gate != nil {
			r.gate()
		}
		return err
	}
}
