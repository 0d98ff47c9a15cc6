// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Command sdk-go makes every call of the policy API with the official Go SDK
// and compares the answers. It is for an API without changes, over HTTP/2
// without TLS:
//
//	LOCKOUT_TOKEN=… sdk-go <port>
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/zitadel/zitadel-go/v3/pkg/client"
	"github.com/zitadel/zitadel-go/v3/pkg/zitadel"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: sdk-go <port>")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Getenv("LOCKOUT_TOKEN")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(port, token string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	api, err := client.New(ctx, zitadel.New("127.0.0.1", zitadel.WithInsecure(port)), client.WithAuth(client.PAT(token)))
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer api.Close()
	stranger, err := client.New(ctx, zitadel.New("127.0.0.1", zitadel.WithInsecure(port)), client.WithAuth(client.PAT("nobody")))
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer stranger.Close()

	c := &checks{api: api}
	c.policies(metadata.AppendToOutgoingContext(ctx, "x-zitadel-orgid", "acme"))
	c.standard(ctx)
	c.users(ctx)
	c.usersV2(ctx)
	c.refused(ctx, stranger)
	if c.failed > 0 {
		return fmt.Errorf("%d of %d checks failed", c.failed, c.made)
	}
	fmt.Printf("all %d checks passed\n", c.made)
	return nil
}

// checks compares answers.
type checks struct {
	api          *client.Client
	made, failed int
}

// that expects a call to succeed with an answer that holds.
func (c *checks) that(what string, err error, holds bool) {
	c.made++
	if err != nil || !holds {
		c.failed++
		fmt.Printf("FAILED: %s: %v\n", what, err)
	}
}

// fails expects a call to fail with an id in its message and its details.
func (c *checks) fails(what string, err error, code codes.Code, id string) {
	s := status.Convert(err)
	holds := s.Code() == code
	if id != "" {
		holds = holds && len(s.Details()) == 1 && idOf(s.Details()[0]) == id
	}
	c.made++
	if !holds {
		c.failed++
		fmt.Printf("FAILED: %s: %v, %v, want %s %s\n", what, err, s.Details(), code, id)
	}
}

func idOf(detail any) string {
	d, ok := detail.(interface{ GetId() string })
	if !ok {
		return ""
	}
	return d.GetId()
}
