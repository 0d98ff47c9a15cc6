// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/counter/countertest"
)

// event is what a call asked and, once it has returned, what it was told.
type event struct {
	user, kind, id string
	limits         []counter.FactorLimit // of a reserve
	outcome        counter.Outcome       // of a settle
	// maybe: nobody knows whether it happened.
	maybe bool
	told  told
}

// told is the answer to a call.
type told struct {
	reply countertest.ModelReply // of a reserve
	err   error                  // a LockedError
	yes   bool                   // of a settle that may pass, and of lock and unlock
	state counter.State
}

// history is what several clients did at once, in the order of one clock.
type history struct {
	clock atomic.Int64
	mu    sync.Mutex
	ops   []porcupine.Operation
}

// ops without a return yet end with the history.
const open = int64(1) << 62

func (h *history) now() int64 { return h.clock.Add(1) }

// add writes a call down and returns its place.
func (h *history) add(client int, e event, call, ret int64) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: e, Call: call, Return: ret})
	return len(h.ops) - 1
}

// returned says when calls were known to have happened.
func (h *history) returned(places []int, at int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, i := range places {
		h.ops[i].Return = at
	}
}

// noTime: no slot expires in a history.
var noTime time.Time

// world is a state of the model, with its text for comparing.
type world struct {
	model *countertest.Model
	text  string
}

func worldOf(m *countertest.Model) world { return world{m, m.String()} }

// step is what a call can make of a user, given what it was told.
func step(w world, e event) []any {
	m := w.model.Clone()
	var fits bool
	switch e.kind {
	case "reserve":
		fits = m.Reserve(noTime, e.id, e.limits) == e.told.reply
		if fits && e.told.reply == countertest.Locked {
			fits = m.LockMatches(e.told.err) == nil
		}
	case "settle":
		pass := m.Settle(noTime, e.id, []counter.FactorOutcome{{Factor: counter.Password, Outcome: e.outcome}})
		fits = e.outcome != counter.Success || pass == e.told.yes && (pass || m.LockMatches(e.told.err) == nil)
	case "give up":
		m.GiveUp(noTime, e.id)
		fits = true
	case "lock":
		fits = m.LockBy(noTime, e.id) == e.told.yes && (e.told.yes || m.LockMatches(e.told.err) == nil)
	case "unlock":
		fits = m.Unlock(noTime, e.id) == e.told.yes
	case "state":
		fits = m.Matches(noTime, e.told.state) == nil
	}
	switch {
	case e.maybe:
		return []any{w, worldOf(m)}
	case fits:
		return []any{worldOf(m)}
	}
	return nil
}

// checkTimeout bounds the search for a sequence. It explodes where many calls
// have no answer.
const checkTimeout = 5 * time.Second

// linearizable checks each user's part of the history. It reports whether that
// came to a result.
func (h *history) linearizable(t testing.TB) (decided bool) {
	t.Helper()
	decided = true
	byUser := map[string][]porcupine.Operation{}
	for _, op := range h.ops {
		user := op.Input.(event).user
		byUser[user] = append(byUser[user], op)
	}
	model := porcupine.NondeterministicModel{
		Init:  func() []any { return []any{worldOf(&countertest.Model{Life: time.Hour})} },
		Step:  func(state, input, _ any) []any { return step(state.(world), input.(event)) },
		Equal: func(a, b any) bool { return a.(world).text == b.(world).text },
		Hash: func(a any) uint64 {
			sum := fnv.New64a()
			_, _ = sum.Write([]byte(a.(world).text))
			return sum.Sum64()
		},
	}
	for user, ops := range byUser {
		switch got := porcupine.CheckOperationsTimeout(model.ToModel(), ops, checkTimeout); got {
		case porcupine.Unknown:
			decided = false
		case porcupine.Illegal:
			slices.SortFunc(ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
			for _, op := range ops {
				t.Logf("client %d [%d, %d] %s", op.ClientId, op.Call, op.Return, op.Input)
			}
			t.Errorf("the history of %s is not linearizable", user)
		}
	}
	return decided
}

// String tells a call in a line.
func (e event) String() string {
	text := fmt.Sprint(e.kind, " ", e.id)
	switch e.kind {
	case "reserve":
		text += fmt.Sprint(" ", e.limits, ": ", e.told.reply)
	case "settle":
		text += fmt.Sprint(" ", e.outcome, ": ", e.told.yes)
	case "state":
		text += fmt.Sprintf(": %+v, lock %+v", e.told.state.Factors, e.told.state.Lock)
	default:
		text += fmt.Sprint(": ", e.told.yes)
	}
	if lock, ok := errors.AsType[*counter.LockedError](e.told.err); ok {
		text += fmt.Sprintf(" (%+v)", lock.Lock)
	}
	if e.maybe {
		text += ", maybe"
	}
	return text
}
