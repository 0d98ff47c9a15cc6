// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// What waits for deny_delay ends when the client leaves and when the
// configuration is replaced, and there is never too much of it.
func TestDelayedAnswersAreLetGo(t *testing.T) {
	t.Parallel()
	locked := &counter.LockedError{}
	gone, leave := context.WithCancel(context.Background())
	leave()
	replaced := newDelays(time.Hour)
	replaced.end()
	full := newDelays(time.Hour)
	for range cap(full.places) {
		full.places <- struct{}{}
	}
	for _, tt := range []struct {
		name   string
		delays *delays
		ctx    context.Context
		since  time.Duration
		err    error
	}{
		{"no delay", newDelays(0), context.Background(), 0, locked},
		{"not locked", newDelays(time.Hour), context.Background(), 0, errors.New("busy")},
		{"late already", newDelays(time.Hour), context.Background(), 2 * time.Hour, locked},
		{"client left", newDelays(time.Hour), gone, 0, locked},
		{"configuration replaced", replaced, context.Background(), 0, locked},
		{"too many", full, context.Background(), 0, locked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			waiting := len(tt.delays.places)
			tt.delays.hold(tt.ctx, time.Now().Add(-tt.since), tt.err) // or the test never ends
			if got := len(tt.delays.places); got != waiting {
				t.Errorf("%d answers wait after it, %d before", got, waiting)
			}
		})
	}
	d, start := newDelays(time.Millisecond), time.Now()
	d.hold(context.Background(), start, locked)
	if took := time.Since(start); took < time.Millisecond {
		t.Errorf("the answer went after %s, before the floor", took)
	}
}
