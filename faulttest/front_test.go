// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// unlimited is a limit that nobody reaches: such users show that each failure is
// counted once, those with the limit of the tests that no guess is too many.
const unlimited = 1 << 20

// front is counters on one store, each in front of the same login service, to
// which every guess is wrong.
type front struct {
	nodes []*counter.Counter
	ids   atomic.Int64

	mu      sync.Mutex
	sent    map[string]int
	reached map[string]int
	lost    int // settlements that were not delivered in time
}

// newFront has nodes with the time-outs of the module.
func newFront(t testing.TB, s *redisStore, nodes int, how dialer) *front {
	t.Helper()
	f := &front{sent: map[string]int{}, reached: map[string]int{}}
	for range nodes {
		f.nodes = append(f.nodes, newCounter(t, s.dial(t, how, 0), counter.Options{
			Hooks: counter.Hooks{Lost: func(counter.Subject, error) {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.lost++
			}},
		}))
	}
	return f
}

func subjectOf(user string) counter.Subject {
	return counter.Subject{Organization: "default", User: user}
}

// guess makes one attempt and returns what its reserve was told.
func (f *front) guess(node int, user string, most uint32, pause time.Duration) error {
	id, s := fmt.Sprint("g", f.ids.Add(1)), subjectOf(user)
	f.mu.Lock()
	f.sent[user]++
	f.mu.Unlock()
	n := f.nodes[node%len(f.nodes)]
	if _, err := n.Reserve(context.Background(), s, id, []counter.FactorLimit{{Factor: counter.Password, Max: most}}); err != nil {
		return err
	}
	f.mu.Lock()
	f.reached[user]++
	f.mu.Unlock()
	time.Sleep(pause) // the check of the password
	return n.Settle(context.Background(), s, id, []counter.FactorOutcome{{Factor: counter.Password, Outcome: counter.Failure}})
}

// storm guesses at users of both kinds while something happens, and for a moment
// after that.
func (f *front) storm(users int, happens func()) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range users {
		for _, kind := range []struct {
			name string
			most uint32
		}{{fmt.Sprint("counted", i), unlimited}, {fmt.Sprint("guarded", i), limit}} {
			for j := range 2 {
				wg.Go(func() {
					for k := j; ; k++ {
						select {
						case <-stop:
							return
						default:
						}
						err := f.guess(k, kind.name, kind.most, rand.N(5*time.Millisecond))
						if errors.Is(err, counter.ErrLocked) {
							return
						}
						if err != nil {
							time.Sleep(20 * time.Millisecond) // nobody hammers a store that is away
						}
					}
				})
			}
		}
	}
	happens()
	time.Sleep(200 * time.Millisecond)
	close(stop)
	wg.Wait()
}

// tally delivers what is pending, compares every user with what reached the
// login service, and returns the row. lossy allows the store to have lost
// writes; then the row says how many.
func (f *front) tally(t testing.TB, s *redisStore, r row, users int, lossy bool) row {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, n := range f.nodes {
		if err := n.Flush(ctx); err != nil {
			t.Errorf("delivering what is pending: %v", err)
		}
	}
	r.store = s.name
	forgotten, excess := 0, 0
	observer := newCounter(t, s.client(t), counter.Options{CallTimeout: patience})
	for i := range users {
		for _, user := range []string{fmt.Sprint("counted", i), fmt.Sprint("guarded", i)} {
			st, err := observer.State(ctx, subjectOf(user))
			if err != nil {
				t.Fatal(err)
			}
			got, reached := st.Factors[counter.Password], f.reached[user]
			r.sent += f.sent[user]
			r.reached += reached
			r.counted += int(got.Failures)
			if st.Lock != nil {
				r.locks++
			}
			if got.Reservations != 0 {
				t.Errorf("%s: %d slots are leaked", user, got.Reservations)
			}
			if user == fmt.Sprint("guarded", i) {
				excess += max(0, reached-limit)
				if st.Lock == nil && reached >= limit && !lossy {
					t.Errorf("%s is not locked after %d failures", user, reached)
				}
			}
			forgotten += max(0, reached-int(got.Failures))
			if int(got.Failures) > reached {
				t.Errorf("%s: %d failures are counted, and %d guesses reached the service", user, got.Failures, reached)
			}
		}
	}
	if f.lost > 0 {
		t.Errorf("%d settlements were given up", f.lost)
	}
	if !lossy && (forgotten > 0 || excess > 0) {
		t.Errorf("%d failures were forgotten; %d guesses were too many", forgotten, excess)
	}
	if excess > forgotten {
		t.Errorf("%d guesses were too many, and only %d writes were lost", excess, forgotten)
	}
	r.invariant = "counted = reached, no slot leaked"
	if lossy {
		r.invariant = fmt.Sprintf("async replica lost %d writes, %d guesses over the limit; no slot leaked", forgotten, excess)
	}
	return r
}

// masterClients are clients of the servers themselves.
func (s *redisStore) masterClients(t testing.TB) (all []*redis.Client) {
	t.Helper()
	for _, m := range s.masters {
		all = append(all, m.Client(t))
	}
	return all
}

// total is how many guesses have reached the login service.
func (f *front) total() (k int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, reached := range f.reached {
		k += reached
	}
	return k
}
