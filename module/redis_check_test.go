// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap/zapcore"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// check runs the check of a start.
func check(t testing.TB, r *Redis) []finding {
	t.Helper()
	r.Timeout = 5e9
	resolved, err := r.resolve()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyspace.New(resolved.KeyPrefix, "")
	if err != nil {
		t.Fatal(err)
	}
	s := resolved.open()
	t.Cleanup(func() { _ = s.client.Close() })
	c := &storeCheck{settings: resolved, client: s.client, keys: keys}
	c.run(t.Context())
	return c.found
}

// wantFinding looks for a finding whose text holds all parts.
func wantFinding(t testing.TB, found []finding, check string, level zapcore.Level, parts ...string) {
	t.Helper()
	for _, f := range found {
		if f.check != check || f.level != level {
			continue
		}
		missing := ""
		for _, part := range parts {
			if !strings.Contains(f.text, part) {
				missing = part
			}
		}
		if missing == "" {
			return
		}
	}
	t.Errorf("no finding about %s at level %s with %q among %+v", check, level, parts, found)
}

// Every right of the line in the README is needed, and missed by name.
func TestMissingRightsAreNamed(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^user app on >PASSWORD (.+)$`).FindSubmatch(readme)
	if line == nil {
		t.Fatal("the README has no line for the ACL user")
	}
	rules := strings.Fields(string(line[1]))
	server := redistest.Start(t)
	admin := server.Client(t)
	for i, missing := range append([]string{"nothing"}, rules...) {
		words := []any{"ACL", "SETUSER", fmt.Sprint("app", i), "on", ">pw"}
		for _, rule := range rules {
			if rule != missing {
				words = append(words, rule)
			}
		}
		if err := admin.Do(t.Context(), words...).Err(); err != nil {
			t.Fatal(err)
		}
		found := check(t, &Redis{Address: Addresses{server.Addr}, Username: fmt.Sprint("app", i), Password: "pw"})
		switch {
		case missing == "nothing":
			for _, f := range found {
				if f.check == "acl" {
					t.Errorf("with all rights: %+v", f)
				}
			}
		case missing[0] == '~':
			wantFinding(t, found, "acl", zapcore.ErrorLevel, "may not use keys that match lockout:*", "need ~lockout:* &lockout:*")
		case missing[0] == '&':
			wantFinding(t, found, "acl", zapcore.ErrorLevel, "may not run PUBLISH, SUBSCRIBE on keys and channels that match lockout:*", "+publish +subscribe ~lockout:* &lockout:*")
		default:
			wantFinding(t, found, "acl", zapcore.ErrorLevel, strings.ToUpper(missing[1:]), "need +")
		}
	}
	for _, tt := range []struct {
		name     string
		settings Redis
		want     string
	}{
		{"confirm_lock", Redis{ConfirmLock: 1}, "WAIT"},
		{"another prefix", Redis{KeyPrefix: "other"}, "need ~other:* &other:*"},
	} {
		tt.settings.Address, tt.settings.Username, tt.settings.Password = Addresses{server.Addr}, "app0", "pw"
		wantFinding(t, check(t, &tt.settings), "acl", zapcore.ErrorLevel, tt.want)
	}
}

func TestFindingsOfServers(t *testing.T) {
	t.Parallel()
	type want struct {
		check string
		level zapcore.Level
		part  string
	}
	for _, tt := range []struct {
		name  string
		start func(t *testing.T) *Redis
		want  []want
	}{
		{"well set up", func(t *testing.T) *Redis {
			return standalone(redistest.Start(t, "--appendonly", "yes"))
		}, nil},
		{"no persistence", func(t *testing.T) *Redis {
			return standalone(redistest.Start(t))
		}, []want{{"persistence", zapcore.WarnLevel, "set appendonly yes"}}},
		{"snapshots", func(t *testing.T) *Redis {
			return standalone(redistest.Start(t, "--save", "60 1"))
		}, []want{{"persistence", zapcore.InfoLevel, "since the last snapshot"}}},
		{"evicts everything", func(t *testing.T) *Redis {
			return standalone(redistest.Start(t, "--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"))
		}, []want{{"maxmemory-policy", zapcore.ErrorLevel, "allkeys-lru throws away locks"}}},
		{"evicts counters", func(t *testing.T) *Redis {
			return standalone(redistest.Start(t, "--appendonly", "yes", "--maxmemory-policy", "volatile-ttl", "--maxmemory", "100mb"))
		}, []want{{"maxmemory-policy", zapcore.WarnLevel, "set maxmemory-policy noeviction"}}},
		{"no replica to confirm", func(t *testing.T) *Redis {
			r := standalone(redistest.Start(t, "--appendonly", "yes"))
			r.ConfirmLock = 1
			return r
		}, []want{{"confirm_lock", zapcore.WarnLevel, "confirm_lock wait 1, but 0 replicas are connected"}}},
		{"a replica", func(t *testing.T) *Redis {
			host, port, _ := strings.Cut(redistest.Start(t).Addr, ":")
			return standalone(redistest.Start(t, "--appendonly", "yes", "--replicaof", host, port))
		}, []want{{"role", zapcore.ErrorLevel, "write the address of its master 127.0.0.1:"}}},
		{"a node of a cluster", func(t *testing.T) *Redis {
			return standalone(redistest.Start(t, "--appendonly", "yes", "--cluster-enabled", "yes"))
		}, []want{{"mode", zapcore.ErrorLevel, "write mode cluster"}}},
		{"a cluster with lost slots", func(t *testing.T) *Redis {
			s := redistest.Start(t, "--appendonly", "yes", "--cluster-enabled", "yes")
			if err := s.Client(t).Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 100).Err(); err != nil {
				t.Fatal(err)
			}
			return &Redis{Mode: "cluster", Address: Addresses{s.Addr}}
		}, []want{{"cluster_state", zapcore.ErrorLevel, "cluster_state:fail"}}},
		{"a Sentinel", func(t *testing.T) *Redis {
			return &Redis{Address: Addresses{redistest.StartSentinel(t).Sentinels[0].Addr}}
		}, []want{{"mode", zapcore.ErrorLevel, "write mode sentinel and master_name"}}},
		{"a user who may look at nothing", func(t *testing.T) *Redis {
			s := redistest.Start(t, "--user", "app", "on", ">pw", "~*", "&*", "+@all", "-info", "-config")
			return &Redis{Address: Addresses{s.Addr}, Username: "app", Password: "pw"}
		}, []want{{"info", zapcore.InfoLevel, "could not be checked: NOPERM"}}},
		{"a user who may see half", func(t *testing.T) *Redis {
			s := redistest.Start(t, "--user", "app", "on", ">pw", "~*", "&*", "+@all", "-config")
			return &Redis{Address: Addresses{s.Addr}, Username: "app", Password: "pw"}
		}, []want{{"persistence", zapcore.InfoLevel, "whether there are snapshots could not be checked"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			found := check(t, tt.start(t))
			for _, w := range tt.want {
				wantFinding(t, found, w.check, w.level, w.part)
			}
			for _, f := range found {
				if tt.want == nil || f.level > zapcore.InfoLevel && f.check != tt.want[0].check {
					t.Errorf("unexpected %+v", f)
				}
			}
		})
	}
}

func standalone(s *redistest.Server) *Redis { return &Redis{Address: Addresses{s.Addr}} }

// What no server here can be.
func TestFindingsOfFacts(t *testing.T) {
	t.Parallel()
	old := facts{info: parseInfo("# Server\r\nredis_version:4.0.14\r\nredis_mode:standalone\r\n")}
	wantFinding(t, old.judge(&Redis{}), "version", zapcore.ErrorLevel, "Redis 4.0.14 is too old", "at least version 5")
	for _, version := range []string{"5.0.0", "7.0.15", "8.2.1", "255.255.255", "", "unknown"} {
		if f := (facts{info: map[string]string{"redis_version": version}}).version(nil); f != nil {
			t.Errorf("version %q: %+v", version, f)
		}
	}
	for skew, want := range map[time.Duration]string{
		0: "", maxSkew: "", -maxSkew: "", 5 * time.Second: "5s ahead of", -time.Hour: "1h0m0s behind",
	} {
		f := judgeClock(skew)
		if (f == nil) != (want == "") || f != nil && !strings.Contains(f.text, want) {
			t.Errorf("clock %s off: %+v, want %q", skew, f, want)
		}
	}
	client := redistest.Start(t).Client(t)
	if skew, err := skewOf(t.Context(), client); err != nil || skew.Abs() > time.Second {
		t.Errorf("clock of this machine: %s, %v", skew, err)
	}
}

// A cluster's servers that have the same shortcoming share a line.
func TestFindingsOfAClusterNameItsServers(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	if err := cluster.Masters[1].Client(t).ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lfu").Err(); err != nil {
		t.Fatal(err)
	}
	for _, f := range check(t, &Redis{Mode: "cluster", Address: Addresses{cluster.Masters[0].Addr}, ConfirmLock: 1}) {
		want := map[string]int{"persistence": 3, "maxmemory-policy": 1}[f.check]
		if len(f.servers) != want {
			t.Errorf("%+v, want %d servers", f, want)
		}
		if f.check == "maxmemory-policy" && f.servers[0] != cluster.Masters[1].Addr {
			t.Errorf("%+v, want %s", f, cluster.Masters[1].Addr)
		}
	}
}

func TestModeDecidesTheClient(t *testing.T) {
	t.Parallel()
	for mode, r := range map[string]*Redis{
		"standalone": {},
		"sentinel":   {Mode: "sentinel", MasterName: "m", Address: Addresses{"127.0.0.1:1"}},
		"cluster":    {Mode: "cluster", Address: Addresses{"127.0.0.1:1"}},
	} {
		resolved, err := r.resolve()
		if err != nil {
			t.Fatal(err)
		}
		s := resolved.open()
		t.Cleanup(func() { _ = s.client.Close() })
		switch client := s.client.(type) {
		case *redis.Client:
			o := client.Options()
			if mode == "cluster" || (o.Addr == "FailoverClient") != (mode == "sentinel") {
				t.Errorf("mode %s: client of %s", mode, o.Addr)
			}
			if o.DialTimeout != time.Second || o.ReadTimeout != 100*time.Millisecond || o.WriteTimeout != 100*time.Millisecond || o.PoolSize != 20 || !o.ContextTimeoutEnabled {
				t.Errorf("mode %s: %+v", mode, o)
			}
		case *redis.ClusterClient:
			o := client.Options()
			if mode != "cluster" {
				t.Errorf("mode %s: client of a cluster", mode)
			}
			if o.DialTimeout != time.Second || o.ReadTimeout != 250*time.Millisecond || o.WriteTimeout != 250*time.Millisecond || o.PoolSize != 20 ||
				!o.ContextTimeoutEnabled || o.ReadOnly || o.RouteByLatency || o.RouteRandomly || o.ClusterStateReloadInterval != slotsInterval {
				t.Errorf("mode %s: %+v", mode, o)
			}
		}
	}
}
