// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package keyspace

import "encoding/base64"

// digestLength is that of the subject at the end of a user's key.
var digestLength = base64.RawURLEncoding.EncodedLen(16)

// Users returns what the keys of the users of a shard in [0, Shards) begin
// with. CutUser finds it in a key.
func (k *Keyspace) Users(shard int) string { return k.shards[shard].user }

// CutUser returns what a key begins with if it is that of a user, so that a
// map from Users can tell whose it is.
func CutUser(key string) (users string, ok bool) {
	if len(key) < digestLength {
		return "", false
	}
	return key[:len(key)-digestLength], true
}
