// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
	"github.com/caddy-lockout/caddy-lockout/internal/subscription"
)

// knownPage is how many members of an index one call reads.
const knownPage = 1000

// known is the set of locked subjects as this node knows it: the index, read
// whenever messages may have been missed, and what messages said since.
type known struct {
	stale chan struct{} // the index must be read

	mu       sync.Mutex
	locked   map[Subject]struct{}
	changes  map[Subject]bool // while the index is read: what messages say, true for a lock
	unlocked time.Time        // when somebody was unlocked last
}

// answerAge is more than an answer of the store takes to be read.
const answerAge = 10 * time.Second

func newKnown() *known {
	k := &known{stale: make(chan struct{}, 1), locked: map[Subject]struct{}{}}
	k.doubt()
	return k
}

func (k *known) has(s Subject) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.locked[s]
	return ok
}

func (k *known) add(s Subject) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.locked[s] = struct{}{}
	if k.changes != nil {
		k.changes[s] = true
	}
}

// addAnswer is add for a lock that an answer of the store tells. The message of
// its unlock may have been faster, and none would come that takes it back.
func (k *known) addAnswer(s Subject) {
	k.add(s)
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.unlocked) < answerAge {
		k.doubt()
	}
}

func (k *known) remove(s Subject) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unlocked = time.Now()
	delete(k.locked, s)
	if k.changes != nil {
		k.changes[s] = false
	}
}

// missed takes note that messages may have been missed, of unlocks too: an
// answer that is on its way may be older than one.
func (k *known) missed() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unlocked = time.Now()
	k.doubt()
}

// doubt asks for the index to be read.
func (k *known) doubt() { signal(k.stale) }

// replace takes a set that was read while messages went on. What they said is
// as new as the set or newer.
func (k *known) replace(locked map[Subject]struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for s, added := range k.changes {
		if added {
			locked[s] = struct{}{}
		} else {
			delete(locked, s)
		}
	}
	k.locked, k.changes = locked, nil
}

func (k *known) watch(on bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.changes = nil
	if on {
		k.changes = map[Subject]bool{}
	}
}

// readKnown reads the index whenever it is in doubt, until ctx ends.
func (c *Counter) readKnown(ctx context.Context) {
	state := subscription.Outage{Hook: c.deaf("reading who is locked")}
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.local.known.stale:
		}
		if err := c.readIndex(ctx); err != nil {
			c.local.known.doubt()
			select {
			case <-ctx.Done():
			case <-time.After(state.Failed(err)):
			}
			continue
		}
		state.Over()
	}
}

func (c *Counter) readIndex(ctx context.Context) error {
	k := c.local.known
	k.watch(true)
	locked := map[Subject]struct{}{}
	for shard := range keyspace.Shards {
		if err := c.readShard(ctx, shard, locked); err != nil {
			k.watch(false)
			return err
		}
	}
	k.replace(locked)
	return nil
}

func (c *Counter) readShard(ctx context.Context, shard int, locked map[Subject]struct{}) error {
	for after := "-"; ; {
		var members []string
		err := c.store.call(ctx, "list", func(ctx context.Context) (err error) {
			span := redis.ZRangeBy{Min: after, Max: "+", Count: knownPage}
			members, err = c.store.client.ZRangeByLex(ctx, c.store.keys.Locked(shard), &span).Result()
			return err
		})
		if err != nil {
			return err
		}
		for _, m := range members {
			s, err := keyspace.ParseMember(m)
			if err != nil {
				return fmt.Errorf("reading the index of locked users: %w", err)
			}
			locked[s] = struct{}{}
		}
		if len(members) < knownPage {
			return nil
		}
		after = "(" + members[len(members)-1]
	}
}
