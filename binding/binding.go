// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package binding remembers whom the key of a session stands for. A one-time
// password carries no user name: what leads back to the user is a cookie, a
// token or an id that the login service gave out when the password was right,
// or that the browser sent with it.
//
// A key keeps every subject that was named with it. Two users who log in under
// one session cookie at the same time would otherwise move guesses at one onto
// the other, because the service and the proxy may see the logins in another
// order.
package binding

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
)

// Subject is a user whose attempts are counted.
type Subject = keyspace.Subject

const (
	// MaxSubjects is for how many users one key can stand.
	MaxSubjects = 2
	// MaxKeyBytes is the longest key. A longer one is unknown.
	MaxKeyBytes = 4096
)

var (
	// ErrUnknown reports a key that stands for nobody.
	ErrUnknown = errors.New("the key of the session is unknown")
	// ErrCrowded reports a key that has stood for more than MaxSubjects. It
	// leads to nobody until its life ends.
	ErrCrowded = errors.New("the key of the session has stood for too many users")
)

//go:embed lua/add.lua
var addLua string

//go:embed lua/find.lua
var findLua string

// Store keeps the keys. It is safe for concurrent use.
type Store struct {
	client  redis.UniversalClient
	keys    *keyspace.Keyspace
	timeout time.Duration
	called  func(op string, d time.Duration, err error)

	addScript, findScript *redis.Script
}

// New returns a Store. timeout bounds one call; called reports each.
func New(client redis.UniversalClient, keys *keyspace.Keyspace, timeout time.Duration, called func(op string, d time.Duration, err error)) *Store {
	return &Store{
		client: client, keys: keys, timeout: timeout, called: called,
		addScript: redis.NewScript(addLua), findScript: redis.NewScript(findLua),
	}
}

// Found is whom a key stands for.
type Found struct {
	// Subjects are one to MaxSubjects, in a fixed order.
	Subjects []Subject
	// Life is how long the key lives from its last use on.
	Life time.Duration
}

// Add notes that a key of a site stands for these subjects, besides those that
// it stands for already. Repeating it changes nothing. life should be no shorter
// than the service remembers the session. Spellings of a key are one key, see
// fold; ErrUnknown reports what can be none.
func (s *Store) Add(ctx context.Context, site, key string, life time.Duration, subjects ...Subject) error {
	return s.add(ctx, site, key, life, 0, subjects)
}

// Join is Add for a key that stands for somebody already. An unknown one stays
// unknown.
func (s *Store) Join(ctx context.Context, site, key string, life time.Duration, subjects ...Subject) error {
	return s.add(ctx, site, key, life, 1, subjects)
}

func (s *Store) add(ctx context.Context, site, key string, life time.Duration, onlyKnown int, subjects []Subject) error {
	key, ok := fold(key)
	if !ok {
		return ErrUnknown
	}
	args := []any{strconv.FormatInt(life.Milliseconds(), 10), MaxSubjects, onlyKnown}
	for _, subject := range subjects {
		args = append(args, subject.Member())
	}
	return s.call(ctx, "bind", func(ctx context.Context) error {
		added, err := s.addScript.Run(ctx, s.client, []string{s.keys.Binding(site, key)}, args...).Int()
		if err == nil && added == 0 {
			return ErrCrowded
		}
		return err
	})
}

// Find returns whom a key of a site stands for.
func (s *Store) Find(ctx context.Context, site, key string) (found Found, err error) {
	key, ok := fold(key)
	if !ok {
		return found, ErrUnknown
	}
	err = s.call(ctx, "find", func(ctx context.Context) error {
		fields, err := s.findScript.Run(ctx, s.client, []string{s.keys.Binding(site, key)}).StringSlice()
		if err == nil {
			found, err = parse(fields)
		}
		return err
	})
	return found, err
}

func parse(fields []string) (found Found, err error) {
	for _, field := range fields {
		if field == "!" {
			return Found{}, ErrCrowded
		}
		if life, ok := strings.CutPrefix(field, "."); ok {
			ms, err := strconv.ParseInt(life, 10, 64)
			if err != nil {
				return Found{}, fmt.Errorf("parsing the life of a key: %w", err)
			}
			found.Life = time.Duration(ms) * time.Millisecond
			continue
		}
		subject, err := keyspace.ParseMember(field)
		if err != nil {
			return Found{}, err
		}
		found.Subjects = append(found.Subjects, subject)
	}
	if len(found.Subjects) == 0 {
		return Found{}, ErrUnknown
	}
	// One order for everybody: two attempts that each hold a slot of one subject
	// must not wait for the other's.
	slices.SortFunc(found.Subjects, func(a, b Subject) int { return strings.Compare(a.Member(), b.Member()) })
	return found, nil
}

// call bounds a call and reports it. What the caller could have done better is
// no error of the store. A client that goes away does not end it.
func (s *Store) call(ctx context.Context, op string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
	defer cancel()
	start := time.Now()
	err := f(ctx)
	if errors.Is(err, ErrUnknown) || errors.Is(err, ErrCrowded) {
		s.called(op, time.Since(start), nil)
		return err
	}
	s.called(op, time.Since(start), err)
	if err != nil {
		return fmt.Errorf("calling the store to %s: %w", op, err)
	}
	return nil
}
