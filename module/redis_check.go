// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
)

const (
	// checkTimeout bounds one question to the store.
	checkTimeout = 2 * time.Second
	// checkPause is between two tries to reach the store.
	checkPause    = time.Second
	maxCheckPause = 15 * time.Second
)

// finding is something about the store that the operator should change, or that
// could not be looked at.
type finding struct {
	check   string // what was looked at
	level   zapcore.Level
	text    string
	servers []string
}

// findings are those of the latest check of a store.
type findings struct {
	mu   sync.Mutex
	list []finding
}

func (f *findings) set(list []finding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = list
}

func (f *findings) all() []finding {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list)
}

// checkStore looks, once the store answers, whether it is set up so that it
// keeps what lockout promises. It does not keep anybody waiting: Caddy must
// start without Redis.
func (a *App) checkStore(ctx context.Context) {
	b, log := a.backend, backendLog()
	for pause, told := checkPause, false; ; pause = min(2*pause, maxCheckPause) {
		err := b.store.client.Ping(ctx).Err()
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return
		}
		if !told {
			told = true
			log.Error("the store does not answer; attempts are refused until it does", zap.Error(err), zap.String("hint", hintOf(err)))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
	c := &storeCheck{settings: a.spec.redis, client: b.store.client, keys: b.keys}
	c.run(ctx)
	if ctx.Err() != nil {
		return
	}
	b.store.findings.set(c.found)
	for _, f := range c.found {
		fields := []zap.Field{zap.String("check", f.check)}
		if f.servers != nil {
			fields = append(fields, zap.Strings("servers", f.servers))
		}
		log.Log(f.level, f.text, fields...)
	}
	log.Info("the store was checked", zap.Int("findings", len(slices.DeleteFunc(b.store.findings.all(), func(f finding) bool {
		return f.level < zapcore.WarnLevel
	}))))
}

// hintOf says what to change when the store cannot be reached for a reason that
// only the configuration can mend.
func hintOf(err error) string {
	for _, known := range []struct{ part, hint string }{
		{"WRONGPASS", "username or password is wrong: compare them with ACL LIST of the server"},
		{"NOAUTH", "the server wants a password: write username and password"},
		{"NOPERM", "the ACL user lacks rights: compare it with the line in the README"},
		{"cluster support disabled", "the server is no cluster: write mode standalone"},
		{"all sentinels specified", "no Sentinel knows the master: compare address and master_name with `sentinel monitor`, and sentinel_password"},
		{"certificate", "TLS failed: compare ca, certificate and server_name with the certificate of the server"},
		{"ERR DB index is out of range", "database is higher than the server has: compare it with `databases` of the server"},
	} {
		if strings.Contains(err.Error(), known.part) {
			return known.hint
		}
	}
	return "see that the server runs, that address is right, and that tls is there if, and only if, the server speaks TLS on this port"
}

// storeCheck is one check of a store.
type storeCheck struct {
	settings *Redis
	client   redis.UniversalClient
	keys     *keyspace.Keyspace

	mu    sync.Mutex
	found []finding
}

func (c *storeCheck) run(ctx context.Context) {
	c.rights(ctx)
	switch client := c.client.(type) {
	case *redis.ClusterClient:
		c.clusterState(ctx, client)
		if err := client.ForEachMaster(ctx, func(ctx context.Context, server *redis.Client) error {
			c.server(ctx, server)
			return nil
		}); err != nil {
			c.unchecked("servers", "", err)
		}
	case *redis.Client:
		c.server(ctx, client)
	}
	slices.SortFunc(c.found, func(a, b finding) int { return strings.Compare(a.check, b.check) })
}

// add takes a finding, and the server where it was found. What several servers
// have in common is one finding.
func (c *storeCheck) add(f finding, server string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.found {
		if c.found[i].check == f.check && c.found[i].text == f.text {
			c.found[i].servers = append(c.found[i].servers, server)
			return
		}
	}
	if server != "" { // else it concerns all
		f.servers = []string{server}
	}
	c.found = append(c.found, f)
}

// unchecked takes note of what could not be looked at. Whoever gives the user
// few rights wants it so: that is no reason for a warning.
func (c *storeCheck) unchecked(check, server string, err error) {
	c.add(finding{check: check, level: zapcore.InfoLevel, text: "could not be checked: " + err.Error()}, server)
}

func (c *storeCheck) clusterState(ctx context.Context, client *redis.ClusterClient) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	info, err := client.ClusterInfo(ctx).Result()
	if err != nil {
		c.unchecked("cluster_state", "", err)
		return
	}
	if state := parseInfo(info)["cluster_state"]; state != "ok" {
		c.add(finding{
			check: "cluster_state", level: zapcore.ErrorLevel,
			text: "the cluster does not serve all slots (cluster_state:" + state + "): attempts of some or all users are refused; look at CLUSTER INFO and CLUSTER NODES for slots without a master",
		}, "")
	}
}

// server looks at one server that takes writes.
func (c *storeCheck) server(ctx context.Context, server *redis.Client) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	addr := server.Options().Addr
	if c.settings.Mode == modeSentinel {
		addr = "master " + c.settings.MasterName
	}
	if skew, err := skewOf(ctx, server); err != nil {
		c.unchecked("clock", addr, err)
	} else if f := judgeClock(skew); f != nil {
		c.add(*f, addr)
	}
	info, err := server.Info(ctx).Result()
	if err != nil {
		c.unchecked("info", addr, err)
		return
	}
	facts := facts{info: parseInfo(info)}
	if save, err := server.ConfigGet(ctx, "save").Result(); err != nil {
		facts.saveErr = err
	} else {
		facts.save = save["save"]
	}
	for _, f := range facts.judge(c.settings) {
		c.add(f, addr)
	}
}

// skewOf is how far the server's clock is ahead of this node's.
func skewOf(ctx context.Context, server *redis.Client) (time.Duration, error) {
	before := time.Now()
	there, err := server.Time(ctx).Result()
	if err != nil {
		return 0, err
	}
	return there.Sub(before.Add(time.Since(before) / 2)), nil
}

// isRefused reports whether the ACL refused a command.
func isRefused(err error) bool {
	var answer redis.Error
	return errors.As(err, &answer) && redis.HasErrorPrefix(err, "NOPERM")
}
