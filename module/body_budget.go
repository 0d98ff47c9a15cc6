// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"fmt"
	"sync/atomic"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// maxWaitingBytes bounds the bodies of all attempts that wait for a slot on
// this node. The queue bounds the attempts of one user alone: 256 users with
// full queues of 64 KiB would hold 4 GiB.
const maxWaitingBytes = 64 << 20

// bodyBudget counts the bytes of bodies that wait. Bodies that still arrive are
// not in it: who sends slowly must not use it up.
type bodyBudget struct{ used atomic.Int64 }

// take asks for room. A body that is larger than all of the budget gets it when
// nothing else waits.
func (b *bodyBudget) take(n int) error {
	if used := b.used.Add(int64(n)); used > maxWaitingBytes && used > int64(n) {
		b.used.Add(-int64(n))
		return fmt.Errorf("%w: the bodies of attempts that wait fill %d MiB", counter.ErrBusy, maxWaitingBytes>>20)
	}
	return nil
}

func (b *bodyBudget) give(n int) { b.used.Add(-int64(n)) }
