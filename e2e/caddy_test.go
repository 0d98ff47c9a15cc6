// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // what an official Caddy has

	_ "github.com/caddy-lockout/caddy-lockout" // the plugin under test
)

// startCaddy runs a Caddyfile in the process of the test and stops it with the
// test. It returns when Caddy listens. The admin endpoint is off, and nothing
// is kept outside a directory of the test.
//
// A process has one Caddy: tests that use startCaddy are not parallel, and a
// second call replaces the configuration as a reload does. It gets another
// directory, unless the Caddyfile names its `storage`. Sites name a port of
// freePort and `bind 127.0.0.1`, else Caddy listens on every interface.
func startCaddy(t *testing.T, config string) {
	t.Helper()
	adapter := caddyconfig.GetAdapter("caddyfile")
	adapted, warnings, err := adapter.Adapt(caddyfile.Format([]byte(config)), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatalf("adapting the Caddyfile: %v\n%s", err, config)
	}
	for _, w := range warnings {
		t.Logf("adapting the Caddyfile: %s", w)
	}

	var cfg caddy.Config
	if err := json.Unmarshal(adapted, &cfg); err != nil {
		t.Fatalf("reading the adapted configuration: %v", err)
	}
	persist := false
	cfg.Admin = &caddy.AdminConfig{Disabled: true, Config: &caddy.ConfigSettings{Persist: &persist}}
	if cfg.StorageRaw == nil {
		cfg.StorageRaw = caddyconfig.JSON(map[string]string{"module": "file_system", "root": t.TempDir()}, nil)
	}
	if cfg.Logging == nil {
		cfg.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{
			"default": {BaseLog: caddy.BaseLog{Level: "WARN"}},
		}}
	}
	adapted, err = json.Marshal(&cfg)
	if err != nil {
		t.Fatalf("writing the configuration: %v", err)
	}

	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections() // Caddy waits for them
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping Caddy: %v", err)
		}
	})
	if err := caddy.Load(adapted, true); err != nil {
		t.Fatalf("starting Caddy: %v\n%s", err, adapted)
	}
}

// freePort returns a TCP port on the loopback interface that was free a moment
// ago. It is below those that the system gives to outgoing connections, which
// come and go too fast for "a moment ago".
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 10_000 + rand.IntN(20_000)
		if l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("there is no free port")
	return 0
}

func TestCaddyProxiesPocketBase(t *testing.T) {
	pb := startPocketBase(t)
	site := "http://127.0.0.1:" + strconv.Itoa(freePort(t))
	startCaddy(t, fmt.Sprintf(`
		%s {
			bind 127.0.0.1
			reverse_proxy %s
		}
	`, site, strings.TrimPrefix(pb.URL, "http://")))

	expectLogin(t, site, pb.Alice, http.StatusOK)
	expectLogin(t, site, pb.Alice.wrong(), http.StatusBadRequest)
	if got, want := pb.Statuses(), []int{200, 400}; !slices.Equal(got, want) {
		t.Errorf("PocketBase noted the statuses %v, want %v", got, want)
	}
}
