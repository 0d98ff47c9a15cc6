// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
)

// journal keeps in Caddy's storage what the embedded store must not forget: a
// small object per user who was locked or unlocked and per policy, written at
// once, and a snapshot of the counters, written from time to time.
//
// It cannot miss a transition: the store shows it every command before it
// runs, also those inside of scripts and those whose caller has given up. A
// command only marks whom it changes. What is written is then read from the
// store, so the order of marks does not matter, and a mark too many does no
// harm. One goroutine does all of it, so nothing older overwrites what is
// newer.
//
// Whoever calls the store waits a moment for the objects of what the call has
// changed (journal_hook.go). So nobody is told of a lock, an unlock or a policy
// that a crash could take back, unless the storage fails or is slow.
//
// Nothing is written before a mark or begin, so `caddy validate` writes
// nothing. Two processes must not share the folder in the storage: an embedded
// store is for one node.
type journal struct {
	client redis.UniversalClient // not the one that waits for the journal
	names  func() []string       // the keys in the store

	ready    chan struct{}         // closed when the store is restored
	problem  atomic.Pointer[error] // why it is not
	watching atomic.Bool           // commands are those of users, not of restoring
	changed  atomic.Bool           // counters since the last snapshot
	failing  atomic.Bool           // the storage does not take what is written
	unsaved  atomic.Int64          // marks
	wake     chan struct{}
	flushing chan chan struct{}
	stop     chan context.Context
	done     chan struct{}

	mu       sync.Mutex
	marks    map[string]*mark // by key of the store
	queue    []*mark
	indexes  map[string]*keyspace.Keyspace // by key of an index of locked users
	channels map[string]*keyspace.Keyspace // by channel of policy changes
	users    map[string]*keyspace.Keyspace // by what keys of users begin with
	owners   []storageOwner
	storage  certmagic.Storage
	moved    bool // to a storage that does not hold everything yet
	begun    bool

	// Only the goroutine of the journal touches what follows.
	number  uint64            // of the newest object
	objects map[string]object // in the storage, by its key
	damaged map[string]error  // in the storage, by its key, not set aside yet
}

// target is the user or the policy that an object is about.
type target struct {
	key          string // in the store
	keys         *keyspace.Keyspace
	user         *keyspace.Subject // nil for a policy
	organization string            // of a policy; empty for the instance default
}

// mark is a target whose object is out of date.
type mark struct {
	target
	taken bool          // its target is being read
	done  chan struct{} // closed when it was written, or failed to be
}

// object is what the journal knows of one in the storage.
type object struct {
	target
	// gone says that the object only takes back an earlier one, or an older
	// snapshot. The next snapshot makes it superfluous.
	gone bool
}

const (
	snapshotInterval = 10 * time.Second
	journalRetry     = time.Second
	// storageTimeout bounds one call of the storage.
	storageTimeout = 10 * time.Second
)

// journalTurn is held by the journal that may use the storage. A store that
// closes has to write its last snapshot before the next one reads it.
var journalTurn = make(chan struct{}, 1)

func newJournal(client redis.UniversalClient, names func() []string, storage certmagic.Storage) *journal {
	metrics.storeErrors.WithLabelValues("persist") // so that the first error is an increase
	return &journal{
		client: client, names: names, storage: storage,
		ready: make(chan struct{}), wake: make(chan struct{}, 1), flushing: make(chan chan struct{}),
		stop: make(chan context.Context, 1), done: make(chan struct{}),
		marks:   map[string]*mark{},
		indexes: map[string]*keyspace.Keyspace{}, channels: map[string]*keyspace.Keyspace{}, users: map[string]*keyspace.Keyspace{},
		objects: map[string]object{}, damaged: map[string]error{},
	}
}

// run restores the store and writes until close.
func (j *journal) run() {
	defer close(j.done)
	select {
	case journalTurn <- struct{}{}:
		defer func() { <-journalTurn }()
	case <-j.stop:
		return
	}
	if !j.restoreUntilDone() {
		return
	}
	j.watching.Store(true)
	close(j.ready)

	tick := time.NewTicker(snapshotInterval)
	defer tick.Stop()
	retry := time.NewTimer(journalRetry)
	retry.Stop()
	defer retry.Stop()
	for {
		snapshot := false
		var flushed chan struct{}
		select {
		case ctx := <-j.stop:
			j.work(ctx, true)
			return
		case flushed = <-j.flushing:
			snapshot = true
		case <-tick.C:
			snapshot = true
		case <-j.wake:
		case <-retry.C:
		}
		if !j.work(context.Background(), snapshot) {
			retry.Reset(journalRetry)
		}
		if flushed != nil {
			close(flushed)
		}
	}
}

// close writes what is left, for at most the time that ctx gives, and waits
// for the goroutine as long.
func (j *journal) close(ctx context.Context) {
	j.stop <- ctx
	select {
	case <-j.done:
	case <-ctx.Done():
		backendLog().Error("Caddy's storage did not take the last state of the embedded store in time: what changed last may be lost")
	}
}

// serve watches an instance. Only then may it be used.
func (j *journal) serve(keys *keyspace.Keyspace) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.channels[keys.Changes()] != nil {
		return
	}
	j.channels[keys.Changes()] = keys
	for shard := range keyspace.Shards {
		j.indexes[keys.Locked(shard)] = keys
		j.users[keys.Users(shard)] = keys
	}
}

func (j *journal) restored() bool {
	select {
	case <-j.ready:
		return true
	default:
		return false
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
