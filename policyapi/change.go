// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"crypto/sha256"
	_ "embed" // the scripts
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed lua/change.lua
	changeLua string
	//go:embed lua/add.lua
	addLua string
	//go:embed lua/update.lua
	updateLua string
	//go:embed lua/reset.lua
	resetLua string
	//go:embed lua/default.lua
	defaultLua string

	addScript     = redis.NewScript(changeLua + addLua)
	updateScript  = redis.NewScript(changeLua + updateLua)
	resetScript   = redis.NewScript(changeLua + resetLua)
	defaultScript = redis.NewScript(changeLua + defaultLua)
)

// Add gives an organization a policy of its own. If it has one, the error
// wraps ErrExists.
//
// The op names this call, here and in the other changes: whoever does not hear
// the answer may call again with the same arguments within a minute, the
// change is made once and answered the same. go-redis does so by itself.
func (s *Store) Add(ctx context.Context, organization string, limits Limits, op string) (Details, error) {
	answer, err := s.change(ctx, addScript, "add", organization, &limits, op, map[int64]error{0: ErrExists})
	if err != nil {
		return Details{}, fmt.Errorf("adding policy of organization %q: %w", organization, err)
	}
	return Details{Sequence: answer.sequence, CreationDate: answer.at, ResourceOwner: organization}, nil
}

// Update replaces both limits of an organization's policy. The error wraps
// ErrNotFound if it has none and ErrNotChanged if they are the same.
func (s *Store) Update(ctx context.Context, organization string, limits Limits, op string) (Details, error) {
	answer, err := s.change(ctx, updateScript, "update", organization, &limits, op, map[int64]error{0: ErrNotFound, -1: ErrNotChanged})
	if err != nil {
		return Details{}, fmt.Errorf("updating policy of organization %q: %w", organization, err)
	}
	return Details{Sequence: answer.sequence, ChangeDate: answer.at, ResourceOwner: organization}, nil
}

// Reset takes an organization's policy away, so that the default applies to
// it. If it has none, the error wraps ErrNotFound.
func (s *Store) Reset(ctx context.Context, organization, op string) (Details, error) {
	answer, err := s.change(ctx, resetScript, "reset", organization, nil, op, map[int64]error{0: ErrNotFound})
	if err != nil {
		return Details{}, fmt.Errorf("resetting policy of organization %q: %w", organization, err)
	}
	return Details{Sequence: answer.sequence, ChangeDate: answer.at, ResourceOwner: organization}, nil
}

// UpdateDefault replaces both limits of the instance default. If they are the
// same, the error wraps ErrNotChanged; the first call stores a default even if
// it equals the one of the configuration.
func (s *Store) UpdateDefault(ctx context.Context, limits Limits, op string) (Details, error) {
	answer, err := s.change(ctx, defaultScript, "default", "", &limits, op, map[int64]error{-1: ErrNotChanged})
	if err != nil {
		return Details{}, fmt.Errorf("updating default policy: %w", err)
	}
	return Details{Sequence: answer.sequence, ChangeDate: answer.at, ResourceOwner: s.keys.Instance()}, nil
}

type answer struct {
	sequence uint64
	at       time.Time
}

// change runs the script of a verb. Refusals say what its integers mean.
func (s *Store) change(ctx context.Context, script *redis.Script, verb, organization string, limits *Limits, op string, refusals map[int64]error) (answer, error) {
	// The key of an empty organization is that of the default.
	if script != defaultScript {
		if err := CheckOrganization(organization); err != nil {
			return answer{}, err
		}
	}
	if op == "" {
		return answer{}, ErrOperation
	}
	var values []string
	if limits != nil {
		values = []string{formatLimit(limits.MaxPasswordAttempts), formatLimit(limits.MaxOTPAttempts)}
	}
	args := []any{token(verb, values, op), s.keys.Changes(), organization, op, callerOf(ctx)}
	for _, value := range values {
		args = append(args, value)
	}
	reply, err := script.Run(ctx, s.client, []string{s.keys.Policy(organization), s.keys.Sequence(), s.keys.PolicyEvents()}, args...).Result()
	if err != nil {
		return answer{}, err
	}
	if code, ok := reply.(int64); ok && refusals[code] != nil {
		return answer{}, refusals[code]
	}
	return parseAnswer(reply)
}

// token stands for one call in the script. It covers the verb and the limits,
// so that an op that is used again for something else is not answered as if
// that had been done, and it has a fixed size and no blanks.
func token(verb string, values []string, op string) string {
	sum := sha256.Sum256([]byte(verb + " " + strings.Join(values, " ") + "\n" + op))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func parseAnswer(reply any) (answer, error) {
	parts, _ := reply.([]any)
	if len(parts) != 3 {
		return answer{}, fmt.Errorf("parsing answer of script: unexpected %T", reply)
	}
	var texts [3]string
	for i, part := range parts {
		texts[i], _ = part.(string)
	}
	sequence, err := strconv.ParseUint(texts[0], 10, 64)
	if err != nil {
		return answer{}, fmt.Errorf("parsing sequence: %w", err)
	}
	at, err := parseTime(texts[1], texts[2])
	if err != nil {
		return answer{}, fmt.Errorf("parsing time: %w", err)
	}
	return answer{sequence: sequence, at: at}, nil
}
