// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// restored is what the storage says.
type restored struct {
	users    map[string]*restoredUser               // by key of the store
	policies map[string]map[string]policyapi.Record // by instance and organization
	keys     map[string]*keyspace.Keyspace          // by instance
}

type restoredUser struct {
	target
	counter.Record
}

// restoreUntilDone restores the store, again and again while the storage does
// not answer: without it every locked user would be free. Until then the store
// does not answer either. It reports false when close came first.
func (j *journal) restoreUntilDone() bool {
	ctx, cancel := context.WithCancel(context.Background())
	var trying sync.WaitGroup
	defer trying.Wait()
	defer cancel()
	for {
		tried := make(chan error, 1)
		trying.Go(func() { tried <- j.restore(ctx) })
		var err error
		select {
		case err = <-tried:
		case <-j.stop:
			return false
		}
		if err == nil {
			if j.problem.Swap(nil) != nil {
				backendLog().Info("the embedded store is restored")
			}
			return true
		}
		if j.problem.Swap(&err) == nil {
			metrics.storeErrors.WithLabelValues("persist").Inc()
			backendLog().Error("Caddy's storage cannot be read, so it is not known who is locked; attempts are treated as on_store_error says; trying again", zap.Error(err))
		}
		select {
		case <-j.stop:
			return false
		case <-time.After(journalRetry):
		}
	}
}

func (j *journal) restore(ctx context.Context) error {
	j.mu.Lock()
	storage := j.storage
	j.mu.Unlock()
	j.number = 0
	clear(j.objects)
	clear(j.damaged)
	r := &restored{
		users: map[string]*restoredUser{}, policies: map[string]map[string]policyapi.Record{}, keys: map[string]*keyspace.Keyspace{},
	}
	// A number that was given once must not be given again, so the counters
	// come first: they know the numbers of objects that are gone.
	if err := j.readSnapshot(ctx, storage, r); err != nil {
		return err
	}
	snapshot := j.number
	if err := j.readFolder(ctx, storage, usersFolder, func(key string, data []byte) error {
		return j.readUser(key, data, snapshot, r)
	}); err != nil {
		return err
	}
	if err := j.readFolder(ctx, storage, policiesFolder, func(key string, data []byte) error {
		return j.readPolicy(key, data, r)
	}); err != nil {
		return err
	}
	for key, err := range j.damaged {
		backendLog().Error("an object of the embedded store is damaged; "+damagedRemedy, zap.String("storage_key", key), zap.Error(err))
	}
	return j.fill(ctx, r)
}

// fill writes what was read into the store.
func (j *journal) fill(ctx context.Context, r *restored) error {
	rows := make([]counter.Row, 0, snapshotBatch)
	flush := func() error {
		err := counter.Restore(ctx, j.client, rows)
		rows = rows[:0]
		return err
	}
	for key, u := range r.users {
		row := counter.Row{Keys: keyspace.UserKeys{User: key}, Record: u.Record}
		if u.user != nil {
			row.Keys, row.Member = u.keys.User(*u.user), u.user.Member()
		}
		if rows = append(rows, row); len(rows) == cap(rows) {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	for instance, keys := range r.keys {
		j.serve(keys)
		if err := policyapi.NewStore(j.client, keys, policyapi.Limits{}).Restore(ctx, r.policies[instance]); err != nil {
			return err
		}
	}
	return nil
}
