// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// answer is what a server says instead of a reply.
type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

func TestAway(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"nothing":                      {nil, false},
		"breaker":                      {ErrAway, true},
		"given up in an outage":        {ErrGivenUp, true},
		"deadline":                     {context.DeadlineExceeded, true},
		"connection refused":           {&net.OpError{Op: "dial", Err: errors.New("refused")}, true},
		"cut":                          {io.EOF, true},
		"pool":                         {redis.ErrPoolTimeout, true},
		"all Sentinels away":           {fmt.Errorf("unreachable: %w", errors.Join(&net.OpError{Op: "dial"})), true},
		"starts":                       {answer("LOADING Redis is loading the dataset in memory"), true},
		"replica":                      {answer("READONLY You can't write against a read only replica."), true},
		"slot without a master":        {answer("CLUSTERDOWN Hash slot not served"), true},
		"a script that does not end":   {answer("BUSY Redis is busy running a script."), true},
		"no connection left":           {answer("ERR max number of clients reached"), true},
		"missing right":                {answer("NOPERM this user has no permissions"), false},
		"wrong password":               {answer("WRONGPASS invalid username-password pair"), false},
		"wrong type":                   {answer("WRONGTYPE Operation against a key"), false},
		"answer that cannot be read":   {errors.New("parsing the store's reply"), false},
		"caller who does not wait":     {context.Canceled, false},
		"user who is locked":           {&LockedError{}, false},
		"attempt that finds no slot":   {ErrBusy, false},
		"an error around one of these": {fmt.Errorf("calling the store to reserve: %w", io.EOF), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Away(test.err); got != test.want {
				t.Errorf("Away(%v) is %t, want %t", test.err, got, test.want)
			}
		})
	}
}

// A server that has no connection left says so and hangs up.
func TestAwayWithoutConnections(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	first := server.Client(t)
	if err := first.ConfigSet(t.Context(), "maxclients", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if err := server.Client(t).Ping(t.Context()).Err(); !Away(err) {
		t.Errorf("the store is not away for one who gets %v", err)
	}
}
