// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// groupsPerCall bounds the users whom one settle script handles: Redis serves
// nobody else meanwhile (some 20 us a user).
const groupsPerCall = 32

// settleAll settles groups in one pipeline. The replies are in the order of
// the groups; each carries its own error.
func (s *store) settleAll(ctx context.Context, groups []group) []reply {
	replies := make([]reply, len(groups))
	batches := s.batches(groups)
	_ = s.call(ctx, "settle", func(ctx context.Context) error {
		pipe := s.client.Pipeline()
		cmds := make([]*redis.Cmd, len(batches))
		for i, b := range batches {
			cmds[i] = s.settleScript.EvalSha(ctx, pipe, b.keys, b.args...)
		}
		// Each command holds its own error, which Exec only repeats.
		_, _ = pipe.Exec(ctx)
		var failed error
		for i, b := range batches {
			// A pipeline does not fall back to EVAL: after SCRIPT FLUSH nothing
			// of it ran. The ids make it safe to send the batch again.
			if redis.HasErrorPrefix(cmds[i].Err(), "NOSCRIPT") {
				cmds[i] = s.settleScript.Eval(ctx, s.client, b.keys, b.args...)
			}
			values, err := cmds[i].Slice()
			if err == nil && len(values) != len(b.groups) {
				err = fmt.Errorf("settling: %d replies for %d users", len(values), len(b.groups))
			}
			for j, g := range b.groups {
				if err != nil {
					replies[g].err = err
					continue
				}
				one, _ := values[j].([]any)
				replies[g], replies[g].err = parseReply(one)
			}
			failed = errors.Join(failed, err)
		}
		return failed
	})
	return replies
}

// batch is the groups that one call takes: those of one slot on a Cluster.
type batch struct {
	groups []int // indexes
	keys   []string
	args   []any
}

func (s *store) batches(groups []group) []*batch {
	var all []*batch
	open := map[string]*batch{}
	for i, g := range groups {
		keys := s.keys.User(g.subject)
		slot := ""
		if s.cluster {
			slot = keys.Locked
		}
		b := open[slot]
		if b == nil || len(b.groups) == groupsPerCall {
			b = &batch{args: s.fixed()}
			open[slot] = b
			all = append(all, b)
		}
		b.groups = append(b.groups, i)
		b.keys = append(b.keys, keys.User, keys.Locked, keys.Events)
		b.args = g.args(b.args)
	}
	return all
}
