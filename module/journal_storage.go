// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"reflect"
	"time"

	"github.com/caddyserver/certmagic"
)

// storageOwner is a configuration that runs, and its storage. During a reload
// there are two, and the new one may still fail.
type storageOwner struct {
	owner   any
	storage certmagic.Storage
}

// begin makes the storage of a configuration that runs now the one that is
// written to. If it is another, everything is written there once.
func (j *journal) begin(owner any, storage certmagic.Storage) {
	j.mu.Lock()
	j.owners = append(j.owners, storageOwner{owner, storage})
	j.begun = true
	j.use(storage)
	j.mu.Unlock()
	poke(j.wake)
}

// end takes begin back. After the last one everything is written, for the
// storage may close with its configuration.
func (j *journal) end(owner any) {
	j.mu.Lock()
	left := make([]storageOwner, 0, len(j.owners))
	for _, o := range j.owners {
		if o.owner != owner {
			left = append(left, o)
		}
	}
	last := len(left) == 0 && len(j.owners) > 0
	j.owners = left
	if len(left) > 0 {
		j.use(left[len(left)-1].storage)
	}
	j.mu.Unlock()
	if !last || !j.restored() {
		poke(j.wake)
		return
	}
	limit := time.NewTimer(closeTimeout)
	defer limit.Stop()
	flushed := make(chan struct{})
	select {
	case j.flushing <- flushed:
		select {
		case <-flushed:
		case <-limit.C:
		}
	case <-j.done:
	case <-limit.C:
	}
}

func (j *journal) use(storage certmagic.Storage) {
	if !sameStorage(j.storage, storage) {
		j.moved = true
	}
	j.storage = storage
}

// sameStorage reports whether two storages are known to be the same place.
// Each configuration has a value of its own, and only those of files can be
// compared: for all others a reload writes everything again.
func sameStorage(a, b certmagic.Storage) bool {
	if reflect.TypeOf(a).Comparable() && a == b {
		return true
	}
	x, ok1 := a.(*certmagic.FileStorage)
	y, ok2 := b.(*certmagic.FileStorage)
	return ok1 && ok2 && x.Path == y.Path
}
