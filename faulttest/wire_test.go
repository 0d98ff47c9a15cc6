// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// wire is the way of one client to its store. It breaks calls of scripts when it
// is told to. It stands above the retries of go-redis: what it breaks, only the
// counter can mend.
type wire struct {
	mu     sync.Mutex
	breaks breakage
	times  int
}

// breakage is what happens to a call.
type breakage string

const (
	whole breakage = "whole"
	// lost: the script does not run.
	lost breakage = "lost"
	// mute: the script runs and its answer is lost.
	mute breakage = "mute"
)

// errCut is what a client sees of a broken connection.
var errCut = &net.OpError{Op: "read", Net: "tcp", Err: io.EOF}

// next breaks the next calls.
func (w *wire) next(b breakage, times int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.breaks, w.times = b, times
}

// left is how many calls are still to be broken.
func (w *wire) left() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.times
}

func (w *wire) take() breakage {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.times == 0 {
		return whole
	}
	w.times--
	return w.breaks
}

func (w *wire) giveBack() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.times++
}

// DialHook leaves connections alone.
func (w *wire) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook breaks single calls.
func (w *wire) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return w.process(func() error { return next(ctx, cmd) }, cmd)
	}
}

// ProcessPipelineHook breaks whole pipelines.
func (w *wire) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return w.process(func() error { return next(ctx, cmds) }, cmds...)
	}
}

func (w *wire) process(run func() error, cmds ...redis.Cmder) error {
	if !strings.HasPrefix(strings.ToLower(cmds[0].Name()), "eval") {
		return run()
	}
	b := w.take()
	var err error
	if b != lost {
		err = run()
	}
	if b == whole {
		return err
	}
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		w.giveBack() // nothing ran; the same call comes again
		return err
	}
	for _, cmd := range cmds {
		cmd.SetErr(errCut)
	}
	return errCut
}
