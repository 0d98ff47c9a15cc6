// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	redisDialTimeout = time.Second

	// slotsInterval is how often the client of a cluster asks which node has
	// which slots, while it is used. By itself it asks when a node redirects
	// it, which a dead one does not: with the client's default of a minute it
	// found the new master 62 s after the old one was killed, though the
	// cluster had replaced it after 4 s.
	slotsInterval = time.Second
)

// open returns a client. It connects when it is first used.
//
// The mode decides the kind of client: redis.NewUniversalClient would take two
// addresses for a cluster. None reads from replicas, which lag behind.
func (r *Redis) open() *store {
	var client redis.UniversalClient
	switch r.Mode {
	case modeSentinel:
		client = r.openSentinel()
	case modeCluster:
		client = r.openCluster()
	default:
		client = r.openStandalone()
	}
	return &store{client: client, close: func(context.Context) error { return client.Close() }}
}

func (r *Redis) openStandalone() redis.UniversalClient {
	timeout := time.Duration(r.Timeout)
	return redis.NewClient(&redis.Options{
		Addr: r.Address[0], Username: r.Username, Password: r.Password, DB: r.Database, TLSConfig: r.tls.config,
		DialTimeout: redisDialTimeout, ReadTimeout: timeout, WriteTimeout: timeout,
		PoolSize: r.PoolSize,
		// Without it a deadline of 100 ms lasted 950 ms.
		ContextTimeoutEnabled:    true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

func (r *Redis) openSentinel() redis.UniversalClient {
	timeout := time.Duration(r.Timeout)
	return redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: r.MasterName, SentinelAddrs: r.Address,
		SentinelUsername: r.SentinelUsername, SentinelPassword: r.SentinelPassword,
		Username: r.Username, Password: r.Password, DB: r.Database, TLSConfig: r.tls.config,
		DialTimeout: redisDialTimeout, ReadTimeout: timeout, WriteTimeout: timeout,
		PoolSize:              r.PoolSize,
		ContextTimeoutEnabled: true,
	})
}

func (r *Redis) openCluster() redis.UniversalClient {
	timeout := time.Duration(r.Timeout)
	return redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: r.Address, Username: r.Username, Password: r.Password, TLSConfig: r.tls.config,
		DialTimeout: redisDialTimeout, ReadTimeout: timeout, WriteTimeout: timeout,
		PoolSize:                   r.PoolSize,
		ContextTimeoutEnabled:      true,
		ClusterStateReloadInterval: slotsInterval,
		MaintNotificationsConfig:   &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}
