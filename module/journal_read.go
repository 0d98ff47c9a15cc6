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

// readFolder gives every object of a folder to take. What take refuses is
// damaged; that the storage cannot be read is an error.
func (j *journal) readFolder(ctx context.Context, storage certmagic.Storage, folder string, take func(key string, data []byte) error) error {
	keys, err := storage.List(ctx, folder, false)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("listing %s: %w", folder, err)
	}
	for _, key := range keys {
		if !isObject(key) {
			backendLog().Warn("the storage holds what a write has left that a crash cut short; you may delete it", zap.String("storage_key", key))
			continue
		}
		if err := j.readObject(ctx, storage, key, take); err != nil {
			return err
		}
	}
	return nil
}

func (j *journal) readObject(ctx context.Context, storage certmagic.Storage, key string, take func(key string, data []byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	data, err := storage.Load(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", key, err)
	}
	if err := take(key, data); err != nil {
		j.damaged[key] = err
	}
	return nil
}

func (j *journal) readSnapshot(ctx context.Context, storage certmagic.Storage, r *restored) error {
	return j.readObject(ctx, storage, snapshotKey, func(_ string, data []byte) error {
		var s snapshotObject
		if err := decodeObject(data, &s); err != nil {
			return err
		}
		users := map[string]*restoredUser{}
		for name, instance := range s.Instances {
			if _, err := r.instance(name); err != nil {
				return err
			}
			r.policies[name][""] = policyapi.Record{Sequence: instance.Sequence}
			for key, u := range instance.Users {
				record := counter.Record{Counters: u.Counters, Expires: u.Expires}
				if err := record.Check(); err != nil {
					return err
				}
				users[key] = &restoredUser{Record: record}
			}
		}
		r.users, j.number = users, s.Number
		return nil
	})
}

// readUser takes the object of a user. Its lock is the truth; its counters are
// when they are newer than the snapshot.
func (j *journal) readUser(key string, data []byte, snapshot uint64, r *restored) error {
	var o userObject
	if err := decodeObject(data, &o); err != nil {
		return err
	}
	keys, err := r.instance(o.Instance)
	if err != nil {
		return err
	}
	subject := counter.Subject{Organization: o.Organization, User: o.User}
	t := target{key: keys.User(subject).User, keys: keys, user: &subject}
	record := counter.Record{Lock: o.Lock, Counters: o.Counters, Expires: o.Expires}
	if err := record.Check(); err != nil {
		return err
	}
	if err := checkPlace(t, key); err != nil {
		return err
	}
	j.number = max(j.number, o.Number)
	j.objects[key] = object{target: t, gone: o.Lock == ""}
	if known := r.users[t.key]; known != nil && o.Number <= snapshot {
		record.Counters, record.Expires = known.Counters, known.Expires
	} else if o.Number <= snapshot && o.Lock == "" {
		return nil // forgotten since
	}
	r.users[t.key] = &restoredUser{target: t, Record: record}
	return nil
}

func (j *journal) readPolicy(key string, data []byte, r *restored) error {
	var o policyObject
	if err := decodeObject(data, &o); err != nil {
		return err
	}
	keys, err := r.instance(o.Instance)
	if err != nil {
		return err
	}
	t := target{key: keys.Policy(o.Organization), keys: keys, organization: o.Organization}
	record := policyapi.Record{Policy: o.Policy, Sequence: o.Sequence}
	if err := record.Check(); err != nil {
		return err
	}
	if err := checkPlace(t, key); err != nil {
		return err
	}
	j.number = max(j.number, o.Number)
	j.objects[key] = object{target: t, gone: o.Policy == nil}
	// The default may stand for the sequence of the snapshot already.
	record.Sequence = max(record.Sequence, r.policies[o.Instance][o.Organization].Sequence)
	r.policies[o.Instance][o.Organization] = record
	return nil
}

// checkPlace refuses an object that was copied to the place of another.
func checkPlace(t target, key string) error {
	if t.objectKey() != key {
		return fmt.Errorf("%w: it belongs to %s", errObject, t.objectKey())
	}
	return nil
}

func (r *restored) instance(name string) (*keyspace.Keyspace, error) {
	if r.keys[name] == nil {
		keys, err := keyspace.New("", name)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errObject, err)
		}
		r.keys[name], r.policies[name] = keys, map[string]policyapi.Record{}
	}
	return r.keys[name], nil
}
