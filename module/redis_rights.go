// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	_ "embed" // the script
	"errors"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap/zapcore"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

//go:embed lua/rights.lua
var rightsLua string

// rights looks whether the ACL user may do what attempts and policies need. ACL
// DRYRUN would tell too, but only an administrator may run it; a script may ask
// for its own user.
func (c *storeCheck) rights(ctx context.Context) {
	attempts := counter.Rights(c.keys)
	if c.settings.ConfirmLock > 0 {
		attempts = append(attempts, []string{"WAIT", "0", "0"})
	}
	if c.settings.Mode == modeCluster {
		attempts = append(attempts, []string{"CLUSTER", "SLOTS"})
	}
	c.may(ctx, "attempts are refused", attempts)
	c.may(ctx, "policies cannot be read or changed, or reach other nodes late", policyapi.Rights(c.keys))
}

// may looks at commands on keys of one slot.
func (c *storeCheck) may(ctx context.Context, effect string, commands [][]string) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var args []any
	for _, words := range commands {
		args = append(args, len(words))
		for _, word := range words {
			args = append(args, word)
		}
	}
	// The first command is EVALSHA; its keys begin behind three words.
	key := commands[0][3]
	pattern := key[:strings.Index(key, "{")] + "*"
	refused, err := c.client.Eval(ctx, rightsLua, []string{key}, args...).Int64Slice()
	switch {
	case isRefused(err) && strings.Contains(err.Error(), "key"):
		c.lacks(effect, "use keys that match "+pattern, "", pattern)
		return
	case isRefused(err):
		c.lacks(effect, "run EVAL on keys that match "+pattern, "+eval ", pattern)
		return
	case errors.Is(err, redis.Nil): // the server cannot tell
		return
	case err != nil:
		c.unchecked("acl", "", err)
		return
	case len(refused) == 0:
		return
	}
	var named []string
	for _, place := range refused {
		name := commands[place-1][0]
		if name == "CLUSTER" {
			name += "|" + commands[place-1][1]
		}
		if !slices.Contains(named, name) {
			named = append(named, name)
		}
	}
	c.lacks(effect, "run "+strings.Join(named, ", ")+" on keys and channels that match "+pattern,
		"+"+strings.ToLower(strings.Join(named, " +"))+" ", pattern)
}

func (c *storeCheck) lacks(effect, what, commands, pattern string) {
	c.add(finding{
		check: "acl", level: zapcore.ErrorLevel,
		text: "the ACL user may not " + what + ", so " + effect +
			": its rules need " + commands + "~" + pattern + " &" + pattern + ", see the line in the README",
	}, "")
}
