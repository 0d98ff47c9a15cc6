// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// The values of on_store_error.
const (
	storeErrorClosed = "closed"
	storeErrorOpen   = "open"
	storeErrorLocal  = "local"
)

// reasonStore is what refusalOf says of an error of the store.
const reasonStore = "store"

func (a *App) open() bool { return a.OnStoreError == storeErrorOpen }

func (a *App) local() bool { return a.OnStoreError == storeErrorLocal }

// orPass is err, unless the store is to blame and on_store_error is open: then
// the attempt goes on, or ends, without the store.
func (a *attempt) orPass(err error) error {
	if err == nil || a.handler.refusalOf(err).reason != reasonStore {
		return err
	}
	// The store may be back when an attempt that passed without a slot ends.
	// Then it answers that it was told to give that attempt up.
	answers := errors.Is(err, counter.ErrGivenUp)
	if !answers && !errors.Is(err, counter.ErrAway) {
		// Not only the counter calls it: policies are read as well.
		a.backend.store.health.saw(0, err)
	}
	if !a.handler.app.open() {
		return err
	}
	if answers {
		return nil
	}
	// What a success still holds must not become a failure when the store is
	// back. Nothing is forgiven: nobody knows what was counted meanwhile.
	a.settle(counter.Void)
	if began := a.backend.store.health.outage(); a.handler.app.passedIn.Swap(began.UnixNano()) != began.UnixNano() {
		a.handler.log.Warn("attempts pass uncounted while the store does not answer: on_store_error is open", zap.Error(err))
	}
	return nil
}

// patience is for settling a success. With on_store_error open it has ended
// already: the call is made all the same, bounded by the counter, but not
// repeated.
func (a *attempt) patience() (context.Context, context.CancelFunc) {
	until := a.deadline
	if a.handler.app.open() {
		until = time.Now()
	}
	return context.WithDeadline(context.WithoutCancel(a.request.Context()), until)
}
