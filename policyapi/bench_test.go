// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/caddy-lockout/caddy-lockout/internal/gen/managementv1"
	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// Not parallel: AllocsPerRun counts what the whole process allocates.
func TestEffectiveDoesNotAllocate(t *testing.T) {
	e := newEnv(t, redistest.Start(t).Client(t))
	c := e.cache(t, policyapi.Options{Poll: never})
	e.subscribed(t, 1)
	organization := fmt.Sprint("org", t.Name())
	effective(t, c, organization, fallback)
	ctx := t.Context()
	if n := testing.AllocsPerRun(10_000, func() { _, _ = c.Effective(ctx, organization) }); n != 0 {
		t.Fatalf("%v allocations a call", n)
	}
}

func BenchmarkEffective(b *testing.B) {
	e := newEnv(b, redistest.Start(b).Client(b))
	c := e.cache(b, policyapi.Options{})
	ctx := b.Context()
	organizations := make([]string, 1000)
	for i := range organizations {
		organizations[i] = fmt.Sprint("organization-", i)
		if _, err := c.Effective(ctx, organizations[i]); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("one core", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			_, _ = c.Effective(ctx, organizations[i%len(organizations)])
		}
	})
	b.Run("all cores", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				_, _ = c.Effective(ctx, organizations[i%len(organizations)])
			}
		})
	})
}

// BenchmarkPropagation measures from the answer of a change to its effect on
// another node.
func BenchmarkPropagation(b *testing.B) {
	e := newEnv(b, redistest.Start(b).Client(b))
	c := e.node(b, new(line)).cache(b, policyapi.Options{Poll: never})
	e.subscribed(b, 1)
	var times []time.Duration
	for i := uint32(0); b.Loop(); i++ {
		must(b)(e.store.UpdateDefault(b.Context(), limits(i, i), newOp()))
		times = append(times, becomes(b, c, "org", limits(i, i)))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-us")
}

// BenchmarkLostMessages measures the same where no message arrives and the
// sequence is compared as often as by default. Use -benchtime 10x.
func BenchmarkLostMessages(b *testing.B) {
	e := newEnv(b, redistest.Start(b).Client(b))
	var deaf []*policyapi.Cache
	for range 2 {
		l := new(line)
		l.deaf.Store(true)
		deaf = append(deaf, e.node(b, l).cache(b, policyapi.Options{}))
	}
	var slowest time.Duration
	for i := uint32(0); b.Loop(); i++ {
		must(b)(e.store.UpdateDefault(b.Context(), limits(i, i), newOp()))
		made := time.Now()
		for _, c := range deaf {
			becomes(b, c, "org", limits(i, i))
		}
		slowest = max(slowest, time.Since(made))
	}
	b.ReportMetric(slowest.Seconds(), "slowest-s")
}

// BenchmarkAPIReads reads the policy of an organization through the API over
// real connections. Use -cpu 1 for what one core does.
func BenchmarkAPIReads(b *testing.B) {
	s := newServer(b, newEnv(b, redistest.Start(b).Client(b)), serverOptions{})
	must(b)(s.store.Add(b.Context(), "home", limits(5, 3), newOp()))
	site, h1, _ := s.listen(b)
	m := managementv1.NewManagementServiceClient(s.dial(b))
	ctx := as(b, adminToken)
	for name, read := range map[string]func(){
		"REST": func() {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, site+"/management/v1/policies/lockout", nil)
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+adminToken)
			resp, err := h1.Do(r)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				b.Fatal(resp.Status)
			}
		},
		"gRPC": func() {
			if _, err := m.GetLockoutPolicy(ctx, &managementv1.GetLockoutPolicyRequest{}); err != nil {
				b.Fatal(err)
			}
		},
		"gRPC-web": func() {
			if a := post(b, h1, site+getPath, "application/grpc-web", "\x00\x00\x00\x00\x00", adminToken); a.Status != http.StatusOK || a.code() != "" {
				b.Fatal(a)
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				read()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
		})
	}
}

// BenchmarkRefresh measures how long 10,000 held organizations take to be read
// again.
func BenchmarkRefresh(b *testing.B) {
	e := newEnv(b, redistest.Start(b).Client(b))
	n := e.node(b, new(line))
	count := new(reads)
	n.client.AddHook(count)
	c := n.cache(b, policyapi.Options{Poll: never})
	e.subscribed(b, 1)
	const held = 10_000
	for i := range held {
		if _, err := c.Effective(b.Context(), fmt.Sprint("organization-", i)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		count.n.Store(0)
		if err := e.client.Publish(b.Context(), e.keys.Changes(), "9999999 x").Err(); err != nil {
			b.Fatal(err)
		}
		for count.n.Load() < held/500 {
			time.Sleep(50 * time.Microsecond)
		}
	}
}
