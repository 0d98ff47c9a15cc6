// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
)

// MaxPage is the largest page of ListLocked.
const MaxPage = 1000

// ListFilter selects locked users.
type ListFilter struct {
	// Organization limits the list to one; nil means all.
	Organization *string
	// After is the cursor of the page before; empty starts at the beginning.
	After string
	// Limit is the size of the page, 1 to MaxPage. 0 means 100.
	Limit int
}

// LockedUser is a row of ListLocked.
type LockedUser struct {
	Subject
	Lock Lock
}

// ListLocked returns a page of locked users in a fixed order, and the cursor of
// the next page, empty after the last. A user who is locked or unlocked while
// the pages are read may or may not be listed; every other is listed once.
func (c *Counter) ListLocked(ctx context.Context, f ListFilter) (users []LockedUser, next string, err error) {
	if f.Limit == 0 {
		f.Limit = 100
	}
	f.Limit = min(max(f.Limit, 1), MaxPage)
	err = c.store.call(ctx, "list", func(ctx context.Context) error {
		members, err := c.store.members(ctx, f)
		if err != nil {
			return err
		}
		if len(members) > f.Limit {
			members = members[:f.Limit]
			next = members[f.Limit-1]
		}
		users, err = c.store.lockedUsers(ctx, members)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return users, next, nil
}

// CountLocked returns the number of locked users of one organization, or of all
// when it is nil.
func (c *Counter) CountLocked(ctx context.Context, organization *string) (n int64, err error) {
	span := memberSpan(organization)
	err = c.store.call(ctx, "list", func(ctx context.Context) error {
		cmds := make([]*redis.IntCmd, keyspace.Shards)
		_, err := c.store.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := range cmds {
				cmds[i] = p.ZLexCount(ctx, c.store.keys.Locked(i), span.Min, span.Max)
			}
			return nil
		})
		for _, cmd := range cmds {
			n += cmd.Val()
		}
		return err
	})
	return n, err
}

// memberSpan is the part of the index that belongs to one organization, or all
// of it.
func memberSpan(organization *string) *redis.ZRangeBy {
	if organization == nil {
		return &redis.ZRangeBy{Min: "-", Max: "+"}
	}
	prefix := keyspace.MemberPrefix(*organization)
	// 0xff occurs in no valid UTF-8, so this is past every member.
	return &redis.ZRangeBy{Min: "[" + prefix, Max: "(" + prefix + "\xff"}
}

// members returns the first members after the cursor over all shards, at least
// one more than the limit where there are so many.
func (s *store) members(ctx context.Context, f ListFilter) ([]string, error) {
	span := memberSpan(f.Organization)
	span.Count = int64(f.Limit) + 1
	prefix := ""
	if f.Organization != nil {
		prefix = keyspace.MemberPrefix(*f.Organization)
	}
	// A cursor from elsewhere must not open another organization.
	if f.After > prefix {
		span.Min = "(" + f.After
	}
	cmds := make([]*redis.StringSliceCmd, keyspace.Shards)
	if _, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range cmds {
			cmds[i] = p.ZRangeByLex(ctx, s.keys.Locked(i), span)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	var all []string
	for _, cmd := range cmds {
		all = append(all, cmd.Val()...)
	}
	slices.SortFunc(all, strings.Compare)
	return all, nil
}

// lockedUsers reads the locks of members. One that was unlocked meanwhile is
// left out.
func (s *store) lockedUsers(ctx context.Context, members []string) ([]LockedUser, error) {
	if len(members) == 0 {
		return nil, nil
	}
	users := make([]LockedUser, len(members))
	cmds := make([]*redis.StringCmd, len(members))
	if _, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, m := range members {
			subject, err := keyspace.ParseMember(m)
			if err != nil {
				return err
			}
			users[i].Subject = subject
			cmds[i] = p.HGet(ctx, s.keys.User(subject).User, "l")
		}
		return nil
	}); err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	rows := users[:0]
	for i, cmd := range cmds {
		text, err := cmd.Result()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return nil, err
		}
		lock, err := parseLock(text)
		if err != nil {
			return nil, fmt.Errorf("reading the lock of a listed user: %w", err)
		}
		rows = append(rows, LockedUser{Subject: users[i].Subject, Lock: lock})
	}
	return rows, nil
}

// admin calls the script of an administrator's operation.
func (s *store) admin(ctx context.Context, op string, script *redis.Script, subject Subject, id string) ([]any, error) {
	return s.script(ctx, op, script, subject, append(s.fixed(), subject.Member(), id, string(Admin)))
}
