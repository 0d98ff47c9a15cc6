// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	miniredisserver "github.com/alicebob/miniredis/v2/server"
	"github.com/caddyserver/certmagic"
	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/pipe"
)

// embeddedKey is constant: one process has one embedded store, whatever the
// configuration says, so that no reload forgets a lock.
const embeddedKey = "embedded"

// embeddedTimeout is generous: one process serves store and site, and a busy
// machine must not look like a broken store.
const embeddedTimeout = 5 * time.Second

// expiryTick is how often keys whose time has come are removed. miniredis
// never looks at the clock by itself.
const expiryTick = time.Second

// openEmbedded starts a store in this process. It listens nowhere: a port
// without password would be open to every local user. What it must not forget
// is in the storage, see journal; until that is read, it does not answer.
func openEmbedded(storage certmagic.Storage) *store {
	server := miniredis.NewMiniRedis()
	own, client := embeddedClient(server), embeddedClient(server)
	j := newJournal(own, server.Keys, storage)
	client.AddHook(j)
	if c, err := server.Dial(); err == nil { // which starts the server, and does not fail
		_ = c.Close()
	}
	server.Server().SetPreHook(func(_ *miniredisserver.Peer, command string, args ...string) bool {
		j.note(command, args)
		return false
	})
	go j.run()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { expire(ctx, server) })
	return &store{client: client, journal: j, close: func(ctx context.Context) error {
		stop()
		running.Wait()
		err := client.Close()
		j.close(ctx)
		err = errors.Join(err, own.Close())
		server.Close()
		return err
	}}
}

func embeddedClient(server *miniredis.Miniredis) *redis.Client {
	return redis.NewClient(&redis.Options{
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			c, err := server.Dial()
			if err != nil {
				return nil, fmt.Errorf("connecting to the embedded store: %w", err)
			}
			return pipe.Buffered(c), nil
		},
		ReadTimeout:           embeddedTimeout,
		WriteTimeout:          embeddedTimeout,
		PoolSize:              defaultRedisPoolSize,
		ContextTimeoutEnabled: true,
		DisableIdentity:       true,
	})
}

func expire(ctx context.Context, server *miniredis.Miniredis) {
	tick := time.NewTicker(expiryTick)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			server.FastForward(now.Sub(last))
			last = now
		}
	}
}
