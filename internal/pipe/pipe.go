// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package pipe makes an in-process connection usable for pipelines.
//
// Both ends of net.Pipe block in Write until the other end reads. A client
// that sends a long pipeline before it reads, and a server that answers the
// first command before it has read the last, then wait for each other forever.
// Sockets hide this by their buffers; so does Buffered.
package pipe

import (
	"net"
	"sync"
	"time"
)

// Buffered wraps one end of a net.Pipe. Its Write never blocks: a goroutine
// that Close waits for passes the bytes on.
func Buffered(c net.Conn) net.Conn {
	b := &conn{Conn: c, more: make(chan struct{}, 1), closed: make(chan struct{}), done: make(chan struct{})}
	go b.pump()
	return b
}

type conn struct {
	net.Conn

	mu  sync.Mutex
	buf []byte
	err error

	more   chan struct{}
	closed chan struct{}
	done   chan struct{}
	once   sync.Once
}

// Write takes p over. An error of an earlier write is reported by a later one.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.closed:
		return 0, net.ErrClosed
	default:
	}
	if c.err != nil {
		return 0, c.err
	}
	c.buf = append(c.buf, p...)
	select {
	case c.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

// Close closes the connection and waits for its goroutine.
func (c *conn) Close() error {
	var err error
	c.once.Do(func() {
		close(c.closed)
		err = c.Conn.Close()
	})
	<-c.done
	return err
}

// SetWriteDeadline does nothing: Write does not block.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline sets the read deadline.
func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

func (c *conn) pump() {
	defer close(c.done)
	for {
		select {
		case <-c.closed:
			return
		case <-c.more:
		}
		c.mu.Lock()
		out := c.buf
		c.buf = nil
		c.mu.Unlock()
		if _, err := c.Conn.Write(out); err != nil {
			c.mu.Lock()
			c.err = err
			c.mu.Unlock()
			return
		}
	}
}
