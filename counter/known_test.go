// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import "testing"

// An answer that tells a lock may be older than an unlock that nobody heard,
// because the node did not listen then: the index must be read again.
func TestAnswerAfterMissedMessages(t *testing.T) {
	t.Parallel()
	k, s := newKnown(), Subject{User: "alice"}
	<-k.stale // of the beginning
	k.missed()
	<-k.stale // read, and nobody is locked
	k.replace(map[Subject]struct{}{})
	k.addAnswer(s)
	select {
	case <-k.stale:
	default:
		t.Error("the index is not read again after an answer that may be too old")
	}
}
