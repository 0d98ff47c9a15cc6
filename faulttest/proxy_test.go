// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// proxies stand between clients and servers, one before each address that is
// dialled.
type proxies struct {
	t      testing.TB
	server *toxiproxy.ApiServer
	breaks atomic.Int64

	mu        sync.Mutex
	byAddress map[string]*toxiproxy.Proxy
}

func newProxies(t testing.TB) *proxies {
	p := &proxies{t: t, server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), byAddress: map[string]*toxiproxy.Proxy{}}
	t.Cleanup(func() {
		for _, one := range p.all() {
			one.Stop()
		}
	})
	return p
}

// before returns the proxy before an address.
func (p *proxies) before(address string) *toxiproxy.Proxy {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one, ok := p.byAddress[address]; ok {
		return one
	}
	one := toxiproxy.NewProxy(p.server, address, "127.0.0.1:0", address)
	if err := one.Start(); err != nil {
		p.t.Errorf("starting a proxy: %v", err)
	}
	p.byAddress[address] = one
	return one
}

// dial is a dialer through the proxies.
func (p *proxies) dial(ctx context.Context, network, address string) (net.Conn, error) {
	one := p.before(address)
	one.Lock()
	listen := one.Listen
	one.Unlock()
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, network, listen)
	if err != nil {
		p.breaks.Add(1)
		return nil, err
	}
	return &watchedConn{c, p}, nil
}

// broken is how often a connection has failed a client so far.
func (p *proxies) broken() int64 { return p.breaks.Load() }

// watchedConn tells of its failures.
type watchedConn struct {
	net.Conn
	proxies *proxies
}

func (c *watchedConn) Read(b []byte) (int, error)  { return c.watch(c.Conn.Read(b)) }
func (c *watchedConn) Write(b []byte) (int, error) { return c.watch(c.Conn.Write(b)) }

func (c *watchedConn) watch(k int, err error) (int, error) {
	if err != nil {
		c.proxies.breaks.Add(1)
	}
	return k, err
}

func (p *proxies) all() (all []*toxiproxy.Proxy) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.byAddress {
		all = append(all, one)
	}
	return all
}

// poison lets every proxy do something to what passes, for a time. The form is
// that of toxiproxy's API.
func (p *proxies) poison(d time.Duration, toxics ...string) {
	for _, one := range p.all() {
		for i, toxic := range toxics {
			if _, err := one.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`{"name":"t%d",%s}`, i, toxic))); err != nil {
				p.t.Errorf("adding %s: %v", toxic, err)
			}
		}
	}
	time.Sleep(d) // this is the fault, not a wait for something
	for _, one := range p.all() {
		one.Toxics.ResetToxics(context.Background())
	}
}

// cut closes every connection and refuses new ones for a time.
func (p *proxies) cut(d time.Duration) {
	for _, one := range p.all() {
		one.Stop()
	}
	time.Sleep(d)
	// They come back on other ports: somebody may have taken the old ones.
	p.mu.Lock()
	addresses := slices.Collect(maps.Keys(p.byAddress))
	clear(p.byAddress)
	p.mu.Unlock()
	for _, address := range addresses {
		p.before(address)
	}
}

// proxyStorms are what networks do.
var proxyStorms = []struct {
	fault  string
	strike func(p *proxies)
}{
	{"proxy delays by 40 ms", func(p *proxies) {
		p.poison(time.Second, `"type":"latency","stream":"downstream","attributes":{"latency":40,"jitter":30}`)
	}},
	{"proxy drops what clients send", func(p *proxies) {
		for range 3 {
			p.poison(250*time.Millisecond, `"type":"timeout","stream":"upstream","toxicity":0.7,"attributes":{"timeout":0}`)
			time.Sleep(150 * time.Millisecond)
		}
	}},
	{"proxy drops answers", func(p *proxies) {
		for range 3 {
			p.poison(250*time.Millisecond, `"type":"timeout","stream":"downstream","toxicity":0.7,"attributes":{"timeout":0}`)
			time.Sleep(150 * time.Millisecond)
		}
	}},
	{"proxy cuts within answers", func(p *proxies) {
		for range 10 {
			p.poison(60*time.Millisecond, fmt.Sprintf(`"type":"limit_data","stream":"downstream","attributes":{"bytes":%d}`, rand.IntN(200)))
			time.Sleep(20 * time.Millisecond)
		}
	}},
	{"proxy refuses connections", func(p *proxies) {
		for range 3 {
			p.cut(200 * time.Millisecond)
			time.Sleep(200 * time.Millisecond)
		}
	}},
}

// What was sent and not answered may have run; what was answered has. Either way
// each guess counts once.
func TestProxyStorms(t *testing.T) {
	t.Parallel()
	const users = 6
	for _, st := range proxyStorms {
		for _, kind := range redisKinds {
			t.Run(st.fault+"/"+kind.name, func(t *testing.T) {
				t.Parallel()
				s, p := kind.start(t), newProxies(t)
				f := newFront(t, s, 3, p.dial)
				f.storm(users, func() {
					eventually(t, "traffic flows", func() bool { return f.total() > 50 })
					st.strike(p)
				})
				report(t, f.tally(t, s, row{fault: st.fault}, users, false))
			})
		}
	}
}
