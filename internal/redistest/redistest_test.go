// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package redistest_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

func TestStoresAnswer(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]redis.UniversalClient{
		"redis-server": redistest.Start(t).Client(t),
		"miniredis":    redistest.Embedded(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := redis.NewScript(`return {redis.call('TIME')[1] ~= nil, redis.call('SET', KEYS[1], 'x')}`).
				Run(context.Background(), client, []string{"k"}).Result()
			if err != nil {
				t.Fatal(err)
			}
			if want := []any{int64(1), "OK"}; !reflect.DeepEqual(got, want) {
				t.Fatalf("script answered %v, want %v", got, want)
			}
		})
	}
}
