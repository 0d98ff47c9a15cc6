// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/counter/countertest"
)

// player is one client of a history: a goroutine that uses one of the counters.
type player struct {
	*history
	proxies *proxies
	t       *testing.T
	number  int
	node    *counter.Counter
	random  *rand.Rand
	faults  bool // answers may be lost

	calls int
	held  map[string][]string // by user: attempts with a slot
	owed  []int               // settlements that the store may not have yet
}

// Concurrent calls on several nodes over one store are equal to some sequence
// of them, each user's on its own, in which none happens before it was called or
// after it has returned. So it is with faults, only that calls without an answer
// may have happened or not.
func TestHistoriesAreLinearizable(t *testing.T) {
	t.Parallel()
	for _, kind := range redisKinds {
		for _, faults := range []bool{false, true} {
			name := "cut connections"
			if !faults {
				name = "no faults"
			}
			t.Run(kind.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := kind.start(t)
				calls, undecided, times := 0, 0, rounds(3, 40)
				for i := range times {
					k, decided := playHistory(t, s, uint64(i), faults)
					calls += k
					if !decided {
						undecided++
					}
				}
				if undecided > times/2 {
					t.Errorf("%d of %d histories were too hard to check", undecided, times)
				}
				report(t, row{
					fault: "linearizability, " + name, store: kind.name, sent: calls,
					invariant: fmt.Sprintf("%d histories linearizable, %d undecided (sent: calls)", times-undecided, undecided),
				})
			})
		}
	}
}

// playHistory records a history and checks it. It returns its length, and
// whether the checker came to a result.
func playHistory(t *testing.T, s *redisStore, seed uint64, faults bool) (int, bool) {
	const nodes, players = 3, 6
	calls, p, h := 40, newProxies(t), &history{}
	if faults {
		calls = 24
	}
	if *long {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	var counters []*counter.Counter
	for range nodes {
		// Without the cache of denials: with it a node may refuse a user whom
		// another has just unlocked, which is meant.
		counters = append(counters, newCounter(t, s.dial(t, p.dial, 0), counter.Options{DenyTTL: -1}))
	}
	var wg sync.WaitGroup
	for i := range players {
		one := &player{
			history: h, proxies: p, t: t, number: i, node: counters[i%nodes], faults: faults,
			random: rand.New(rand.NewPCG(seed, uint64(i))), held: map[string][]string{},
		}
		wg.Go(func() { one.play(calls, fmt.Sprintf("%t%d", faults, seed)) })
	}
	if faults {
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				case <-time.After(15 * time.Millisecond):
				}
				p.poison(5*time.Millisecond, fmt.Sprintf(`"type":"limit_data","stream":"downstream","attributes":{"bytes":%d}`, rand.IntN(150)))
			}
		}()
		wg.Wait()
		close(stop)
		<-stopped
	} else {
		wg.Wait()
	}
	return len(h.ops), h.linearizable(t)
}

// play makes calls at random, and then waits until all is delivered.
func (p *player) play(calls int, run string) {
	for range calls {
		user := fmt.Sprintf("history%s-%d", run, p.random.IntN(3))
		kinds := []func(string){p.reserve, p.reserve, p.reserve, p.settle, p.settle, p.settle, p.look, p.lock, p.unlock, p.unlock}
		kinds[p.random.IntN(len(kinds))](user)
		if p.random.IntN(3) > 0 {
			p.flush()
		}
	}
	p.flush()
}

func (p *player) id() string {
	p.calls++
	return fmt.Sprintf("h%d-%d-%x", p.number, p.calls, p.random.Uint32())
}

// flush waits until the store has what this node owes.
func (p *player) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.node.Flush(ctx); err != nil {
		p.t.Errorf("flushing: %v", err)
	}
	p.returned(p.owed, p.now())
	p.owed = nil
}

// owe is a call that happens some time after now.
func (p *player) owe(e event, call int64) { p.owed = append(p.owed, p.add(p.number, e, call, open)) }

func (p *player) reserve(user string) {
	e := event{user: user, kind: "reserve", id: p.id(), limits: []counter.FactorLimit{{Factor: counter.Password, Max: 2 + p.random.Uint32N(2)}}}
	call, broken := p.now(), p.proxies.broken()
	_, err := p.node.ReserveIn(context.Background(), counter.Queue{}, subjectOf(user), e.id, e.limits)
	ret := p.now()
	copied := e
	copied.maybe = true
	switch {
	case err == nil:
		e.told.reply = countertest.Granted
		p.held[user] = append(p.held[user], e.id)
	case errors.Is(err, counter.ErrBusy):
		e.told.reply = countertest.Full
	case errors.Is(err, counter.ErrLocked):
		e.told.reply, e.told.err = countertest.Locked, err
		if p.proxies.broken() != broken { // an earlier copy may have got a slot, which is given back then
			p.add(p.number, copied, call, ret)
			p.owe(event{user: user, kind: "settle", id: e.id, outcome: counter.Void}, call)
		}
	case p.faults:
		p.add(p.number, copied, call, open)
		p.owe(event{user: user, kind: "give up", id: e.id}, call)
		return
	default:
		p.t.Errorf("reserving: %v", err)
		return
	}
	p.add(p.number, e, call, ret)
}

func (p *player) settle(user string) {
	if len(p.held[user]) == 0 {
		p.reserve(user)
		return
	}
	e := event{user: user, kind: "settle", id: p.held[user][0], outcome: 1 + counter.Outcome(p.random.IntN(3))}
	p.held[user] = p.held[user][1:]
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	call, broken := p.now(), p.proxies.broken()
	err := p.node.Settle(ctx, subjectOf(user), e.id, []counter.FactorOutcome{{Factor: counter.Password, Outcome: e.outcome}})
	ret := p.now()
	if e.outcome != counter.Success {
		p.owe(e, call)
		return
	}
	if e.told.yes = err == nil; !e.told.yes {
		if !errors.Is(err, counter.ErrLocked) {
			p.t.Errorf("settling a success: %v", err)
		}
		e.told.err = err
		if p.proxies.broken() != broken { // an earlier copy may have passed
			copied := e
			copied.maybe = true
			p.add(p.number, copied, call, ret)
		}
	}
	p.add(p.number, e, call, ret)
}

func (p *player) look(user string) {
	call := p.now()
	state, err := p.node.State(context.Background(), subjectOf(user))
	if err != nil {
		if !p.faults {
			p.t.Errorf("reading a user: %v", err)
		}
		return
	}
	p.add(p.number, event{user: user, kind: "state", told: told{state: state}}, call, p.now())
}

func (p *player) lock(user string) {
	p.operate(event{user: user, kind: "lock", id: p.id()}, counter.ErrLocked, func(id string) error {
		return p.node.Lock(context.Background(), subjectOf(user), id)
	})
}

func (p *player) unlock(user string) {
	p.operate(event{user: user, kind: "unlock", id: p.id()}, counter.ErrNotLocked, func(id string) error {
		return p.node.Unlock(context.Background(), subjectOf(user), id)
	})
}

// operate makes a call of an administrator. no is the error that says no.
func (p *player) operate(e event, no error, do func(id string) error) {
	call, broken := p.now(), p.proxies.broken()
	err := do(e.id)
	ret := p.now()
	copied := e
	copied.maybe = true
	switch {
	case err == nil || errors.Is(err, no):
		e.told.yes, e.told.err = err == nil, err
		p.add(p.number, e, call, ret)
		if p.proxies.broken() != broken { // an earlier copy may have run before what others did
			p.add(p.number, copied, call, ret)
		}
	case p.faults:
		p.add(p.number, copied, call, open)
	default:
		p.t.Errorf("%s: %v", e.kind, err)
	}
}
