// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap/zapcore"
)

const (
	// maxSkew is how far the clocks of node and server may differ. Nothing is
	// decided by the difference, but times of locks, events and logs then
	// contradict each other.
	maxSkew = 2 * time.Second

	// The scripts ask for the time before they write, which replicates only
	// since effects of scripts are replicated by default, and streams came with
	// the same version.
	leastMajor = 5
)

// facts are what a server says of itself.
type facts struct {
	info    map[string]string // INFO
	save    string            // CONFIG GET save
	saveErr error
}

// parseInfo reads the lines of INFO or CLUSTER INFO.
func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}

// judge says what the operator should change.
func (f facts) judge(r *Redis) []finding {
	var found []finding
	for _, judge := range []func(*Redis) *finding{f.version, f.mode, f.role, f.eviction, f.persistence, f.replicas} {
		if one := judge(r); one != nil {
			found = append(found, *one)
		}
	}
	return found
}

func (f facts) version(*Redis) *finding {
	version := f.info["redis_version"]
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n >= leastMajor {
		return nil
	}
	return &finding{
		check: "version", level: zapcore.ErrorLevel,
		text: fmt.Sprintf("Redis %s is too old: the scripts need at least version %d, tested is 7; update the server", version, leastMajor),
	}
}

func (f facts) mode(r *Redis) *finding {
	there, clustered := f.info["redis_mode"], f.info["cluster_enabled"] == "1"
	switch {
	case there == "sentinel":
		return &finding{
			check: "mode", level: zapcore.ErrorLevel,
			text: "the address is that of a Sentinel, which stores nothing: write mode sentinel and master_name",
		}
	case clustered && r.Mode != modeCluster:
		return &finding{
			check: "mode", level: zapcore.ErrorLevel,
			text: "the server is a node of a Redis Cluster and refuses the users of other nodes: write mode cluster",
		}
	}
	return nil
}

func (f facts) role(r *Redis) *finding {
	if f.info["role"] != "slave" || r.Mode != modeStandalone {
		return nil
	}
	return &finding{
		check: "role", level: zapcore.ErrorLevel,
		text: "the server is a replica, which refuses or loses what is counted: write the address of its master " +
			f.info["master_host"] + ":" + f.info["master_port"] + ", or mode sentinel, which finds it",
	}
}

func (f facts) eviction(*Redis) *finding {
	policy := f.info["maxmemory_policy"]
	switch {
	case strings.HasPrefix(policy, "allkeys-"):
		return &finding{
			check: "maxmemory-policy", level: zapcore.ErrorLevel,
			text: "maxmemory-policy " + policy + " throws away locks when memory is short: set maxmemory-policy noeviction",
		}
	case strings.HasPrefix(policy, "volatile-") && f.info["maxmemory"] != "0":
		return &finding{
			check: "maxmemory-policy", level: zapcore.WarnLevel,
			text: "maxmemory-policy " + policy + " keeps locks, but throws away failures of users who are not locked yet when memory is short: set maxmemory-policy noeviction",
		}
	}
	return nil
}

func (f facts) persistence(*Redis) *finding {
	if aof, known := f.info["aof_enabled"]; !known || aof == "1" {
		return nil
	}
	if f.saveErr != nil {
		return &finding{
			check: "persistence", level: zapcore.InfoLevel,
			text: "appendonly is off: what was locked since the last snapshot is lost when the server ends; set appendonly yes (whether there are snapshots could not be checked: " + f.saveErr.Error() + ")",
		}
	}
	if f.save == "" {
		return &finding{
			check: "persistence", level: zapcore.WarnLevel,
			text: "appendonly is off and save is empty: the server keeps nothing on disk and all locks are lost when it ends; set appendonly yes",
		}
	}
	return &finding{
		check: "persistence", level: zapcore.InfoLevel,
		text: "appendonly is off: what was locked since the last snapshot is lost when the server ends; set appendonly yes",
	}
}

func (f facts) replicas(r *Redis) *finding {
	text, known := f.info["connected_slaves"]
	n, err := strconv.Atoi(text)
	if !known || err != nil || n >= r.ConfirmLock {
		return nil
	}
	return &finding{
		check: "confirm_lock", level: zapcore.WarnLevel,
		text: fmt.Sprintf("confirm_lock wait %d, but %d replicas are connected: no lock can be confirmed; connect replicas or lower the number", r.ConfirmLock, n),
	}
}

func judgeClock(skew time.Duration) *finding {
	if skew.Abs() <= maxSkew {
		return nil
	}
	side := "ahead of"
	if skew < 0 {
		side = "behind"
	}
	return &finding{
		check: "clock", level: zapcore.WarnLevel,
		text: fmt.Sprintf("the clock of the server is %s %s the clock of this node: times of locks, events and logs will contradict each other; set both by NTP", skew.Abs().Round(100*time.Millisecond), side),
	}
}
