// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Command dex runs a Dex that keeps everything in memory: accounts of its own, a
// client, and the password grant. It reads its description from standard input.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/dexidp/dex/server"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
	"golang.org/x/crypto/bcrypt"
)

// description is what the test wants.
type description struct {
	Address  string
	Issuer   string // its path is where Dex lives
	Accounts []struct{ Name, Email, Secret string }
	// SkipApproval sends the code of a right password at once.
	SkipApproval bool
}

func main() {
	var d description
	if err := json.NewDecoder(os.Stdin).Decode(&d); err != nil {
		fail(err)
	}
	handler, err := newServer(context.Background(), &d)
	if err != nil {
		fail(err)
	}
	s := &http.Server{Addr: d.Address, Handler: handler, ReadHeaderTimeout: time.Minute}
	fail(s.ListenAndServe())
}

func newServer(ctx context.Context, d *description) (http.Handler, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	store := memory.New(log)
	for _, a := range d.Accounts {
		hash, err := bcrypt.GenerateFromPassword([]byte(a.Secret), bcrypt.DefaultCost) // the least that Dex takes
		if err != nil {
			return nil, err
		}
		if err := store.CreatePassword(ctx, storage.Password{Email: a.Email, Hash: hash, Username: a.Name, UserID: a.Name}); err != nil {
			return nil, err
		}
	}
	if err := store.CreateConnector(ctx, storage.Connector{ID: server.LocalConnector, Type: server.LocalConnector, Name: "Email"}); err != nil {
		return nil, err
	}
	client := storage.Client{ID: "app", Secret: "of the app", Name: "App", RedirectURIs: []string{"http://127.0.0.1/callback"}}
	if err := store.CreateClient(ctx, client); err != nil {
		return nil, err
	}
	return server.NewServer(ctx, server.Config{
		Issuer: d.Issuer, Storage: store, PasswordConnector: server.LocalConnector,
		SkipApprovalScreen: d.SkipApproval, Logger: log,
	})
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
