// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// clientLog takes what the Redis client says about its connections. On its own
// it writes a line per try to the standard error.
type clientLog struct{}

func init() { redis.SetLogger(clientLog{}) }

// Printf logs for those who look for details.
func (clientLog) Printf(_ context.Context, format string, v ...any) {
	if c := backendLog().Check(zapcore.DebugLevel, "redis client"); c != nil {
		c.Write(zap.String("message", fmt.Sprintf(format, v...)))
	}
}

// health is whether a store answers, as its calls tell. It is told to the
// operator once per transition, and by the metric caddy_lockout_degraded.
type health struct {
	mu     sync.Mutex
	failed time.Time // of the last call that failed; zero while all is well
	since  time.Time
	stops  map[*backend]int // parts of it that a backend does not ask any more
	closed bool
}

// saw takes the result of a call that has just ended. A success counts only
// if the call began after the last failure: what was on its way before says
// nothing about now.
func (h *health) saw(d time.Duration, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.note(time.Now(), d, err)
}

// stopped takes note that calls of a backend stop, or go on because the store
// has answered again.
func (h *health) stopped(b *backend, stop bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if stop {
		if h.stops == nil {
			h.stops = map[*backend]int{}
		}
		h.stops[b]++
		return
	}
	if h.stops[b]--; h.stops[b] == 0 {
		delete(h.stops, b)
	}
	h.note(time.Now(), 0, nil)
}

// left takes note that a backend has closed. What it did not ask any more, it
// will not find back: that is left to the others.
func (h *health) left(b *backend) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.stops, b)
}

func (h *health) note(now time.Time, d time.Duration, err error) {
	switch {
	case h.closed:
	case err != nil:
		if h.failed.IsZero() {
			h.since = now
			metrics.degraded.Inc()
			backendLog().Error("the store does not answer; until it does, attempts are treated as on_store_error says", zap.Error(err))
		}
		h.failed = now
	case len(h.stops) == 0 && !h.failed.IsZero() && now.Add(-d).After(h.failed):
		metrics.degraded.Dec()
		backendLog().Info("the store answers again", zap.Duration("after", now.Sub(h.since)))
		h.failed = time.Time{}
	}
}

// outage is when the present one began; zero while the store answers.
func (h *health) outage() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failed.IsZero() {
		return time.Time{}
	}
	return h.since
}

// close takes the store out of the metric.
func (h *health) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.failed.IsZero() && !h.closed {
		metrics.degraded.Dec()
	}
	h.closed = true
}
