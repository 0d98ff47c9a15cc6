// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/redis/go-redis/v9"
)

// ErrAway means that the store has not answered lately, and nobody waits for it. What
// was asked for did not happen.
var ErrAway = errors.New("the store is away")

// Away reports whether an error means that the store does not serve. Any
// other, such as an answer that cannot be read, is no outage: it would not end
// by itself.
func Away(err error) bool {
	for _, away := range []error{
		ErrAway, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF,
		redis.ErrClosed, redis.ErrPoolTimeout, redis.ErrPoolExhausted,
		ErrGivenUp, // how the store answers for an attempt of an outage that is over
	} {
		if errors.Is(err, away) {
			return true
		}
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, away := range []string{
		"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MISCONF", "NOREPLICAS", "OOM",
		"BUSY", // somebody's script does not end
		"max number of clients reached",
	} {
		if redis.HasErrorPrefix(err, away) {
			return true
		}
	}
	return false
}
