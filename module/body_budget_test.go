// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

func TestBodyBudget(t *testing.T) {
	t.Parallel()
	var b bodyBudget
	if err := b.take(2 * maxWaitingBytes); err != nil {
		t.Errorf("a large body alone: %v", err)
	}
	if err := b.take(1); !errors.Is(err, counter.ErrBusy) {
		t.Errorf("beside a large one: %v", err)
	}
	b.give(2 * maxWaitingBytes)
	const body = 64 << 10
	for i := range maxWaitingBytes / body {
		if err := b.take(body); err != nil {
			t.Fatalf("body %d: %v", i, err)
		}
	}
	if err := b.take(1); !errors.Is(err, counter.ErrBusy) {
		t.Errorf("over the budget: %v", err)
	}
	b.give(body)
	if err := b.take(body); err != nil {
		t.Errorf("after one left: %v", err)
	}
	if got := b.used.Load(); got != maxWaitingBytes {
		t.Errorf("%d bytes are counted, want %d", got, maxWaitingBytes)
	}
}
