// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package keyspace_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
)

// hostile are names that could run into each other, or into the syntax of keys.
var hostile = []string{
	"", "a", "b", "ab", ":", "a:", ":a", "1:a", "0:", "{}", "}{", "*", "#7}", "\r\n", "\x00", "a\x00b", "é", "e\u0301",
	strings.Repeat("\U0001f600", 200),
}

// tag is the Cluster hash tag of a key: what stands between the first brace and
// the next closing one.
func tag(t *testing.T, key string) string {
	t.Helper()
	_, rest, opened := strings.Cut(key, "{")
	inside, _, closed := strings.Cut(rest, "}")
	if !opened || !closed || inside == "" {
		t.Fatalf("key %q has no hash tag", key)
	}
	return inside
}

func TestSubjectsDoNotCollide(t *testing.T) {
	t.Parallel()
	keys, err := keyspace.New("", "")
	if err != nil {
		t.Fatal(err)
	}
	byKey, byMember := map[string]keyspace.Subject{}, map[string]keyspace.Subject{}
	for _, organization := range hostile {
		for _, user := range hostile {
			s := keyspace.Subject{Organization: organization, User: user}
			k := keys.User(s)
			if other, taken := byKey[k.User]; taken {
				t.Errorf("%q and %q share the key %q", s, other, k.User)
			}
			if other, taken := byMember[s.Member()]; taken {
				t.Errorf("%q and %q share the member %q", s, other, s.Member())
			}
			byKey[k.User], byMember[s.Member()] = s, s
			if got, err := keyspace.ParseMember(s.Member()); err != nil || got != s {
				t.Errorf("member %q parses as %q, %v", s.Member(), got, err)
			}
			if tag(t, k.User) != tag(t, k.Locked) || tag(t, k.User) != tag(t, k.Events) {
				t.Errorf("the keys of %q lie in several slots: %q", s, k)
			}
			if users, ok := keyspace.CutUser(k.User); !ok || !strings.HasPrefix(k.User, users) {
				t.Errorf("the user's key %q is cut to %q", k.User, users)
			}
		}
	}
}

// Members of an organization, and no others, begin with its prefix.
func TestMembersOfAnOrganizationStandTogether(t *testing.T) {
	t.Parallel()
	for _, organization := range hostile {
		for _, other := range hostile {
			for _, user := range hostile {
				member := keyspace.Subject{Organization: other, User: user}.Member()
				if strings.HasPrefix(member, keyspace.MemberPrefix(organization)) != (other == organization) {
					t.Errorf("member %q of %q and the prefix of %q", member, other, organization)
				}
			}
		}
	}
}

func TestParseMemberRefusesJunk(t *testing.T) {
	t.Parallel()
	for _, member := range []string{"", "a", ":", "x:a", "-1:a", "5:a", "99999999999999999999:a"} {
		if got, err := keyspace.ParseMember(member); err == nil {
			t.Errorf("member %q parses as %q", member, got)
		}
	}
}

func TestNamesThatCannotBeInAKey(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"{", "a}", "a b", "a\n", "\x00", "\x7f", "\xff", strings.Repeat("a", 129)} {
		if _, err := keyspace.New(name, ""); !errors.Is(err, keyspace.ErrName) {
			t.Errorf("key prefix %q: %v", name, err)
		}
		if _, err := keyspace.New("", name); !errors.Is(err, keyspace.ErrName) {
			t.Errorf("instance %q: %v", name, err)
		}
	}
}

// The page of keys, as operators read it in the README and in Redis.
func TestKeys(t *testing.T) {
	t.Parallel()
	keys, err := keyspace.New("lockout", "default")
	if err != nil {
		t.Fatal(err)
	}
	alice := keys.User(keyspace.Subject{Organization: "acme", User: "alice"})
	for name, got := range map[string]string{
		"lockout:{default#7}:locked":   keys.Locked(7),
		"lockout:{default#7}:events":   keys.Events(7),
		"lockout:{default#7}:u:":       keys.Users(7),
		"lockout:{default}:policy":     keys.Policy(""),
		"lockout:{default}:policy:a:b": keys.Policy("a:b"),
		"lockout:{default}:sequence":   keys.Sequence(),
		"lockout:{default}:changes":    keys.Changes(),
		"lockout:{default}:events":     keys.PolicyEvents(),
	} {
		if got != name {
			t.Errorf("key %q, want %q", got, name)
		}
	}
	if len(alice.User) != len(keys.Users(0))+22 && len(alice.User) != len(keys.Users(10))+22 {
		t.Errorf("the user's key %q does not end in 22 characters", alice.User)
	}
}

// Users spread over the shards.
func TestShards(t *testing.T) {
	t.Parallel()
	keys, err := keyspace.New("", "")
	if err != nil {
		t.Fatal(err)
	}
	shards := map[string]int{}
	const users = 64_000
	for i := range users {
		shards[keys.User(keyspace.Subject{User: fmt.Sprint("user", i)}).Locked]++
	}
	for shard, n := range shards {
		if n < users/keyspace.Shards/2 || n > users/keyspace.Shards*2 {
			t.Errorf("%d of %d users are in %s", n, users, shard)
		}
	}
	if len(shards) != keyspace.Shards {
		t.Errorf("%d shards are in use, want %d", len(shards), keyspace.Shards)
	}
}
