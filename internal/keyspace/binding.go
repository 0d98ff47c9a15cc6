// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package keyspace

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// Binding returns the key under which it is noted whom the key of a session
// stands for. What the client holds is a secret, so only 16 bytes of SHA-256
// over it and the site are kept. Keys of sessions spread over all slots.
func (k *Keyspace) Binding(site, key string) string {
	buf := make([]byte, 0, 128)
	buf = binary.AppendUvarint(buf, uint64(len(site)))
	buf = append(buf, site...)
	buf = append(buf, key...)
	sum := sha256.Sum256(buf)
	hash := base64.RawURLEncoding.EncodeToString(sum[:16])
	return k.prefix + ":{" + k.instance + "#b" + hash + "}:bind:" + hash
}
