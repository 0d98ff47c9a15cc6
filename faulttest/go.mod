// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// The end-to-end tests, in a module of their own so that the login services
// they start stay out of the module graph of users. Run them with
//
//	./xcaddy.sh test
module github.com/caddy-lockout/caddy-lockout/faulttest

go 1.26.0

require (
	github.com/caddy-lockout/caddy-lockout v0.0.0
	github.com/redis/go-redis/v9 v9.23.0
	pgregory.net/rapid v1.3.0
)

require (
	github.com/alicebob/miniredis/v2 v2.40.0 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/yuin/gopher-lua v1.1.1 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
)

replace github.com/caddy-lockout/caddy-lockout => ../
