// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package keyspace

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// Subject names the user whose attempts are counted: an organization and a
// canonical user name. It is comparable. Instance and prefix belong to the
// Keyspace.
type Subject struct {
	Organization string
	User         string
}

// Digest returns the first 16 bytes of SHA-256 over the length-prefixed
// organization and the user. The length keeps ("a", "bc") and ("ab", "c")
// apart, and the digest keeps names out of keys.
func (s Subject) Digest() [16]byte {
	buf := make([]byte, 0, 128)
	buf = binary.AppendUvarint(buf, uint64(len(s.Organization)))
	buf = append(buf, s.Organization...)
	buf = append(buf, s.User...)
	sum := sha256.Sum256(buf)
	return [16]byte(sum[:16])
}

// Member returns the readable form of the subject that stands in the index of
// locked users: "<length of organization>:<organization><user>". All members
// of an organization share the prefix MemberPrefix.
func (s Subject) Member() string { return MemberPrefix(s.Organization) + s.User }

// MemberPrefix returns what the members of an organization begin with.
func MemberPrefix(organization string) string {
	return strconv.Itoa(len(organization)) + ":" + organization
}

// ParseMember is the reverse of Subject.Member.
func ParseMember(member string) (Subject, error) {
	length, rest, ok := strings.Cut(member, ":")
	n, err := strconv.Atoi(length)
	if !ok || err != nil || n < 0 || n > len(rest) {
		return Subject{}, fmt.Errorf("parsing index member %q: no length-prefixed organization", member)
	}
	return Subject{Organization: rest[:n], User: rest[n:]}, nil
}

// UserKeys are the keys of one user. They share a hash tag, so one script can
// take them all.
type UserKeys struct {
	User   string // hash of counters, lock and reservations
	Locked string // index of locked users of the same shard
	Events string // stream of lock events of the same shard
}

// Shard returns the shard of a subject, in [0, Shards).
func Shard(s Subject) int { return int(s.Digest()[0] % Shards) }

// User returns the keys of a subject.
func (k *Keyspace) User(s Subject) UserKeys {
	d := s.Digest()
	sh := &k.shards[d[0]%Shards]
	return UserKeys{
		User:   sh.user + base64.RawURLEncoding.EncodeToString(d[:]),
		Locked: sh.locked,
		Events: sh.events,
	}
}
