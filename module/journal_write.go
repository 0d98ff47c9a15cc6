// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// snapshotBatch bounds the users who are read in one go: the store serves
// nobody else meanwhile.
const snapshotBatch = 200

// work writes what is to be written and reports whether all of it was.
func (j *journal) work(ctx context.Context, snapshot bool) bool {
	err := j.write(ctx, snapshot)
	switch failed := j.failing.Swap(err != nil); {
	case err != nil && !failed:
		metrics.storeErrors.WithLabelValues("persist").Inc()
		backendLog().Error("Caddy's storage does not take what the embedded store must not forget: what changes now is lost if the process ends; trying again", zap.Error(err))
	case err != nil:
		metrics.storeErrors.WithLabelValues("persist").Inc()
	case failed:
		backendLog().Info("Caddy's storage takes what the embedded store must not forget again")
	}
	return err == nil
}

func (j *journal) write(ctx context.Context, snapshot bool) error {
	j.mu.Lock()
	storage, moved, begun, marked := j.storage, j.moved, j.begun, len(j.queue) > 0
	j.moved = false
	j.mu.Unlock()
	changed := j.changed.Load()
	if !begun && !marked && !changed {
		return nil // nobody has served a request: this may be `caddy validate`
	}
	err := j.writeTo(ctx, storage, moved, moved || snapshot && (changed || j.superfluous()))
	if err != nil && moved {
		j.mu.Lock()
		j.moved = true
		j.mu.Unlock()
	}
	return err
}

func (j *journal) writeTo(ctx context.Context, storage certmagic.Storage, everything, snapshot bool) error {
	if err := j.setDamagedAside(ctx, storage); err != nil {
		return err
	}
	if everything {
		j.markObjects()
	}
	err := j.writeMarks(ctx, storage)
	if snapshot {
		// One object that cannot be written keeps the counters from nothing.
		err = errors.Join(err, j.writeSnapshot(ctx, storage))
	}
	if everything && err == nil {
		err = j.setOutdatedAside(ctx, storage)
	}
	return err
}

// writeMarks writes the objects of the marks, the oldest first.
func (j *journal) writeMarks(ctx context.Context, storage certmagic.Storage) error {
	for m := j.take(); m != nil; m = j.take() {
		err := j.writeTarget(ctx, storage, m.target)
		j.finish(m, err)
		if err != nil {
			return err
		}
	}
	return nil
}

func (j *journal) writeTarget(ctx context.Context, storage certmagic.Storage, t target) error {
	j.number++
	var v any
	var gone bool
	if t.user != nil {
		records, err := counter.ReadRecords(ctx, j.client, []string{t.key})
		if err != nil {
			return err
		}
		r := records[0]
		gone = r.Lock == ""
		v = userObject{
			Number: j.number, Instance: t.keys.Instance(), Organization: t.user.Organization, User: t.user.User,
			Lock: r.Lock, Counters: r.Counters, Expires: r.Expires,
		}
	} else {
		r, err := policyapi.NewStore(j.client, t.keys, policyapi.Limits{}).ReadRecord(ctx, t.organization)
		if err != nil {
			return err
		}
		gone = r.Policy == nil
		v = policyObject{Number: j.number, Instance: t.keys.Instance(), Organization: t.organization, Sequence: r.Sequence, Policy: r.Policy}
	}
	key := t.objectKey()
	if err := storeObject(ctx, storage, key, v); err != nil {
		return err
	}
	j.objects[key] = object{target: t, gone: gone}
	return nil
}

func storeObject(ctx context.Context, storage certmagic.Storage, key string, v any) error {
	data, err := encodeObject(v)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	if err := storage.Store(ctx, key, data); err != nil {
		return fmt.Errorf("writing %s: %w", key, err)
	}
	return nil
}

// superfluous reports whether a snapshot would make objects go.
func (j *journal) superfluous() bool {
	for _, o := range j.objects {
		if o.gone {
			return true
		}
	}
	return false
}

// writeSnapshot writes the counters of everybody, then removes the objects
// that only corrected the snapshot before.
func (j *journal) writeSnapshot(ctx context.Context, storage certmagic.Storage) error {
	j.changed.Store(false)
	err := j.storeSnapshot(ctx, storage)
	if err != nil {
		j.changed.Store(true)
		return err
	}
	for key, o := range j.objects {
		if !o.gone {
			continue
		}
		if err := storage.Delete(ctx, key); err != nil {
			return fmt.Errorf("removing %s: %w", key, err)
		}
		delete(j.objects, key)
	}
	return nil
}

func (j *journal) storeSnapshot(ctx context.Context, storage certmagic.Storage) error {
	j.number++
	s := snapshotObject{Number: j.number, Instances: map[string]snapshotInstance{}}
	j.mu.Lock()
	instances := make(map[string]*keyspace.Keyspace, len(j.channels))
	for _, keys := range j.channels {
		instances[keys.Instance()] = keys
	}
	j.mu.Unlock()
	for name, keys := range instances {
		r, err := policyapi.NewStore(j.client, keys, policyapi.Limits{}).ReadRecord(ctx, "")
		if err != nil {
			return err
		}
		s.Instances[name] = snapshotInstance{Sequence: r.Sequence, Users: map[string]snapshotUser{}}
	}
	names := j.userKeys()
	for len(names) > 0 {
		batch := names[:min(snapshotBatch, len(names))]
		names = names[len(batch):]
		records, err := counter.ReadRecords(ctx, j.client, batch)
		if err != nil {
			return err
		}
		for i, r := range records {
			keys := j.instanceOf(batch[i])
			if keys == nil || len(r.Counters) == 0 {
				continue
			}
			// One that has begun since is in the next snapshot: its changes ask for it.
			if instance, known := s.Instances[keys.Instance()]; known {
				instance.Users[batch[i]] = snapshotUser{Counters: r.Counters, Expires: r.Expires}
			}
		}
	}
	return storeObject(ctx, storage, snapshotKey, s)
}

func (j *journal) userKeys() []string {
	var keys []string
	for _, name := range j.names() {
		if j.instanceOf(name) != nil {
			keys = append(keys, name)
		}
	}
	return keys
}

// instanceOf returns the instance of a user's key, nil for other keys.
func (j *journal) instanceOf(key string) *keyspace.Keyspace {
	users, ok := keyspace.CutUser(key)
	if !ok {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.users[users]
}

// setOutdatedAside takes out of a new storage what an earlier store has left
// there: a restart would bring it back.
func (j *journal) setOutdatedAside(ctx context.Context, storage certmagic.Storage) error {
	for _, folder := range []string{usersFolder, policiesFolder} {
		keys, err := storage.List(ctx, folder, false)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("listing %s: %w", folder, err)
		}
		for _, key := range keys {
			if _, ours := j.objects[key]; ours || !isObject(key) {
				continue
			}
			to, err := setAside(ctx, storage, key, outdatedFolder)
			if err != nil {
				return err
			}
			backendLog().Warn(outdatedMessage, zap.String("storage_key", key), zap.String("moved_to", to))
		}
	}
	return nil
}
