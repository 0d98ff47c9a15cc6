// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Command caddy is Caddy with the lockout plugin, built without xcaddy: for
// tests, the race detector, profiling and container images. It links what
// ./xcaddy.sh links. Build it with the tags of an official Caddy:
//
//	go build -tags nobadger,nomysql,nopgx ./cmd/caddy
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-lockout/caddy-lockout"
)

func main() { caddycmd.Main() }
