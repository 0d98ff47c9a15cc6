// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

const (
	verifiedTTL = time.Minute
	maxVerified = 10_000
)

// verifiedSecrets remembers, for a minute, which secret of a user the login
// service has accepted. HTTP Basic sends it with every request; sent again it
// is no guess, and needs no slot. Only an HMAC under a key of this process is
// kept.
type verifiedSecrets struct {
	key [32]byte
	now func() time.Time

	mu     sync.Mutex
	byUser map[counter.Subject]verifiedSecret
}

type verifiedSecret struct {
	mac     [sha256.Size]byte
	expires time.Time
}

func newVerifiedSecrets() *verifiedSecrets {
	v := &verifiedSecrets{now: time.Now, byUser: map[counter.Subject]verifiedSecret{}}
	_, _ = rand.Read(v.key[:]) // never fails
	return v
}

// has reports whether the secret is the one that was accepted.
func (v *verifiedSecrets) has(s counter.Subject, secret string) bool {
	v.mu.Lock()
	known, ok := v.byUser[s]
	v.mu.Unlock()
	if !ok || !v.now().Before(known.expires) {
		return false
	}
	mac := v.mac(secret)
	return hmac.Equal(mac[:], known.mac[:])
}

// remember notes that the login service accepted the secret.
func (v *verifiedSecrets) remember(s counter.Subject, secret string) {
	entry := verifiedSecret{mac: v.mac(secret), expires: v.now().Add(verifiedTTL)}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.byUser) >= maxVerified {
		// Forgetting costs a slot for a moment, nothing else.
		clear(v.byUser)
	}
	v.byUser[s] = entry
}

// forget drops what is known of a user.
func (v *verifiedSecrets) forget(s counter.Subject) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.byUser, s)
}

func (v *verifiedSecrets) mac(secret string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, v.key[:])
	h.Write([]byte(secret))
	h.Sum(sum[:0])
	return sum
}
