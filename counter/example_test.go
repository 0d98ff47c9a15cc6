// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
)

func ExampleCounter() {
	store, err := miniredis.Run()
	if err != nil {
		panic(err)
	}
	defer store.Close()
	client := redis.NewClient(&redis.Options{Addr: store.Addr()})
	defer client.Close()
	keys, err := keyspace.New("", "example")
	if err != nil {
		panic(err)
	}
	c, err := counter.New(client, keys, counter.Options{})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	defer func() { _ = c.Close(ctx) }()

	alice := counter.Subject{Organization: "acme", User: "alice"}
	limits := []counter.FactorLimit{{Factor: counter.Password, Max: 3}}
	for i, guess := range []string{"123456", "qwerty", "secret", "hunter2"} {
		id := fmt.Sprintf("attempt-%d", i)
		_, err := c.Reserve(ctx, alice, id, limits)
		var locked *counter.LockedError
		if errors.As(err, &locked) {
			fmt.Println(guess, "never reaches the login service: locked by", locked.Lock.ID)
			continue
		}
		if err != nil {
			panic(err)
		}
		outcome := counter.Failure
		if guess == "hunter2" {
			outcome = counter.Success
		}
		fmt.Println(guess, "is checked")
		if err := c.Settle(ctx, alice, id, []counter.FactorOutcome{{Factor: counter.Password, Outcome: outcome}}); err != nil {
			panic(err)
		}
	}
	fmt.Println("unlocking:", c.Unlock(ctx, alice, "ticket-17"))
	// Output:
	// 123456 is checked
	// qwerty is checked
	// secret is checked
	// hunter2 never reaches the login service: locked by attempt-2
	// unlocking: <nil>
}
