// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

func TestEffectiveOrder(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		ctx, ok := t.Context(), must(t)
		get := func(step string, want policyapi.Limits, isDefault bool, owner string) policyapi.Policy {
			t.Helper()
			p, err := e.store.Get(ctx, "org")
			if err != nil {
				t.Fatal(err)
			}
			if p.Limits != want || p.IsDefault != isDefault || p.Details.ResourceOwner != owner {
				t.Fatalf("%s: policy is %+v, want %v, default %t, owner %s", step, p, want, isDefault, owner)
			}
			return p
		}
		instance := e.keys.Instance()

		p := get("nothing stored", fallback, true, instance)
		if want := (policyapi.Details{ResourceOwner: instance}); p.Details != want {
			t.Fatalf("details of the configuration's policy are %+v", p.Details)
		}
		ok(e.store.UpdateDefault(ctx, limits(5, 6), newOp()))
		get("default stored", limits(5, 6), true, instance)
		ok(e.store.Add(ctx, "org", limits(0, 0), newOp()))
		get("policy of zeros", limits(0, 0), false, "org")
		ok(e.store.Update(ctx, "org", limits(math.MaxUint32, math.MaxUint32-1), newOp()))
		get("greatest policy", limits(4294967295, 4294967294), false, "org")
		ok(e.store.UpdateDefault(ctx, limits(math.MaxUint32, 0), newOp()))
		get("default below a policy", limits(4294967295, 4294967294), false, "org")
		ok(e.store.Reset(ctx, "org", newOp()))
		p = get("reset", limits(math.MaxUint32, 0), true, instance)

		d, err := e.store.Default(ctx)
		if err != nil || d != p {
			t.Fatalf("default is %+v, %v, want %+v", d, err, p)
		}
	})
}

func TestDetails(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		ctx, ok := t.Context(), must(t)
		before := time.Now().Add(-time.Minute)
		get := func() policyapi.Details {
			t.Helper()
			p, err := e.store.Get(ctx, "org")
			if err != nil {
				t.Fatal(err)
			}
			return p.Details
		}
		later := func() { // the clock of the server has moved on
			t.Helper()
			start := get().ChangeDate
			eventually(t, "a later microsecond", func() bool {
				now, err := e.client.Time(ctx).Result()
				return err == nil && now.After(start)
			})
		}

		added := ok(e.store.Add(ctx, "org", limits(1, 2), newOp()))
		if want := (policyapi.Details{Sequence: 1, CreationDate: added.CreationDate, ResourceOwner: "org"}); added != want {
			t.Fatalf("Add answered %+v", added)
		}
		if at := added.CreationDate; at.Before(before) || at.After(time.Now().Add(time.Minute)) || at.Location() != time.UTC {
			t.Fatalf("created at %s", at)
		}
		if got, want := get(), (policyapi.Details{Sequence: 1, CreationDate: added.CreationDate, ChangeDate: added.CreationDate, ResourceOwner: "org"}); got != want {
			t.Fatalf("after Add: %+v, want %+v", got, want)
		}

		later()
		updated := ok(e.store.Update(ctx, "org", limits(2, 2), newOp()))
		if want := (policyapi.Details{Sequence: 2, ChangeDate: updated.ChangeDate, ResourceOwner: "org"}); updated != want || !updated.ChangeDate.After(added.CreationDate) {
			t.Fatalf("Update answered %+v", updated)
		}
		if got, want := get(), (policyapi.Details{Sequence: 2, CreationDate: added.CreationDate, ChangeDate: updated.ChangeDate, ResourceOwner: "org"}); got != want {
			t.Fatalf("after Update: %+v, want %+v", got, want)
		}

		later()
		reset := ok(e.store.Reset(ctx, "org", newOp()))
		if want := (policyapi.Details{Sequence: 3, ChangeDate: reset.ChangeDate, ResourceOwner: "org"}); reset != want || !reset.ChangeDate.After(updated.ChangeDate) {
			t.Fatalf("Reset answered %+v", reset)
		}
		again := ok(e.store.Add(ctx, "org", limits(1, 2), newOp()))
		if again.Sequence != 4 || again.CreationDate.Before(reset.ChangeDate) || !again.CreationDate.After(added.CreationDate) {
			t.Fatalf("second Add answered %+v", again)
		}

		first := ok(e.store.UpdateDefault(ctx, fallback, newOp()))
		if want := (policyapi.Details{Sequence: 5, ChangeDate: first.ChangeDate, ResourceOwner: e.keys.Instance()}); first != want {
			t.Fatalf("UpdateDefault answered %+v", first)
		}
		ok(e.store.UpdateDefault(ctx, limits(7, 7), newOp()))
		d, err := e.store.Default(ctx)
		if err != nil || d.Details.CreationDate != first.ChangeDate || d.Details.Sequence != 6 {
			t.Fatalf("default is %+v, %v", d, err)
		}
	})
}

// The microseconds 000007 have leading zeros that a text must not lose, and a
// date in microseconds has more digits than Lua prints.
func TestDatesAreExact(t *testing.T) {
	t.Parallel()
	client, server := redistest.EmbeddedServer(t)
	e := newEnv(t, client.(*redis.Client))
	for _, microseconds := range []int{0, 7, 70, 123456, 999999} {
		want := time.Date(2026, 11, 22, 11, 57, 7, microseconds*1000, time.UTC)
		server.SetTime(want)
		organization := fmt.Sprint("org", microseconds)
		must(t)(e.store.Add(t.Context(), organization, limits(1, 1), newOp()))
		if p, err := e.store.Get(t.Context(), organization); err != nil || !p.Details.CreationDate.Equal(want) {
			t.Errorf("created at %s, %v, want %s", p.Details.CreationDate, err, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		ctx, ok, s := t.Context(), must(t), e.store
		ok(s.Add(ctx, "has", limits(1, 2), newOp()))
		ok(s.UpdateDefault(ctx, limits(3, 4), newOp()))
		for name, test := range map[string]struct {
			call func() (policyapi.Details, error)
			want error
		}{
			"add, exists":               {func() (policyapi.Details, error) { return s.Add(ctx, "has", limits(9, 9), newOp()) }, policyapi.ErrExists},
			"update, none":              {func() (policyapi.Details, error) { return s.Update(ctx, "none", limits(9, 9), newOp()) }, policyapi.ErrNotFound},
			"update, unchanged":         {func() (policyapi.Details, error) { return s.Update(ctx, "has", limits(1, 2), newOp()) }, policyapi.ErrNotChanged},
			"reset, none":               {func() (policyapi.Details, error) { return s.Reset(ctx, "none", newOp()) }, policyapi.ErrNotFound},
			"default, unchanged":        {func() (policyapi.Details, error) { return s.UpdateDefault(ctx, limits(3, 4), newOp()) }, policyapi.ErrNotChanged},
			"add, no organization":      {func() (policyapi.Details, error) { return s.Add(ctx, "", limits(9, 9), newOp()) }, policyapi.ErrOrganization},
			"update, no organization":   {func() (policyapi.Details, error) { return s.Update(ctx, "", limits(9, 9), newOp()) }, policyapi.ErrOrganization},
			"reset, no organization":    {func() (policyapi.Details, error) { return s.Reset(ctx, "", newOp()) }, policyapi.ErrOrganization},
			"add, no op":                {func() (policyapi.Details, error) { return s.Add(ctx, "none", limits(9, 9), "") }, policyapi.ErrOperation},
			"get, no organization":      {func() (policyapi.Details, error) { _, err := s.Get(ctx, ""); return policyapi.Details{}, err }, policyapi.ErrOrganization},
			"add, organization too big": {func() (policyapi.Details, error) { return s.Add(ctx, longName+"x", limits(9, 9), newOp()) }, policyapi.ErrOrganization},
		} {
			t.Run(name, func(t *testing.T) {
				if d, err := test.call(); !errors.Is(err, test.want) || d != (policyapi.Details{}) {
					t.Fatalf("answer %+v, %v, want %v", d, err, test.want)
				}
			})
		}
		if n := e.sequence(t); n != 2 {
			t.Fatalf("sequence is %d after refusals, want 2", n)
		}
	})
}

func TestOrganizations(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		organization string
		bad          bool
	}{
		"digits":           {"69629023906488334", false},
		"blanks, colons":   {"a : b:c ", false},
		"braces":           {"}{x}", false},
		"200 runes":        {longName, false},
		"empty":            {"", true},
		"201 runes":        {longName + "ä", true},
		"a megabyte":       {strings.Repeat("x", 1<<20), true},
		"invalid UTF-8":    {"a\xff", true},
		"newline":          {"a\nb", true},
		"NUL":              {"\x00", true},
		"C1 control":       {"a\u0085", true},
		"DEL":              {"a\x7f", true},
		"replacement rune": {"a\ufffd", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := policyapi.CheckOrganization(test.organization); errors.Is(err, policyapi.ErrOrganization) != test.bad {
				t.Fatalf("checking: %v, want refused %t", err, test.bad)
			}
		})
	}
}

func TestParallelAdds(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		for round := range 10 {
			organization := fmt.Sprint("org", round)
			errs := make([]error, 10)
			var wg sync.WaitGroup
			for i := range errs {
				op := newOp()
				wg.Go(func() { _, errs[i] = e.store.Add(t.Context(), organization, limits(uint32(i), 1), op) })
			}
			wg.Wait()
			won := -1
			for i, err := range errs {
				switch {
				case err == nil && won < 0:
					won = i
				case err == nil:
					t.Fatalf("calls %d and %d both added", won, i)
				case !errors.Is(err, policyapi.ErrExists):
					t.Fatal(err)
				}
			}
			p, err := e.store.Get(t.Context(), organization)
			if won < 0 || err != nil || p.MaxPasswordAttempts != uint32(won) {
				t.Fatalf("call %d won, policy %+v, %v", won, p, err)
			}
			if n := e.sequence(t); n != uint64(round+1) {
				t.Fatalf("sequence is %d after round %d", n, round)
			}
		}
	})
}

func TestSequenceUnderParallelChanges(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		const workers, changes = 8, 8
		var mu sync.Mutex
		seen := make(map[uint64]bool)
		note := func(d policyapi.Details, err error) {
			if errors.Is(err, policyapi.ErrNotChanged) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil || seen[d.Sequence] {
				t.Errorf("answer %+v, %v, number seen before %t", d, err, seen[d.Sequence])
			}
			seen[d.Sequence] = true
		}
		var wg sync.WaitGroup
		for w := range workers {
			organization := fmt.Sprint("org", w)
			wg.Go(func() {
				for i := range changes {
					note(e.store.Add(t.Context(), organization, limits(uint32(i), 0), newOp()))
					note(e.store.Update(t.Context(), organization, limits(uint32(i), 1), newOp()))
					note(e.store.UpdateDefault(t.Context(), limits(uint32(i), uint32(w)), newOp()))
					note(e.store.Reset(t.Context(), organization, newOp()))
				}
			})
		}
		wg.Wait()
		for n := uint64(1); n <= uint64(len(seen)); n++ {
			if !seen[n] {
				t.Fatalf("nobody got number %d of %d", n, len(seen))
			}
		}
		if n := e.sequence(t); n != uint64(len(seen)) {
			t.Fatalf("sequence is %d after %d changes", n, len(seen))
		}
	})
}

// A retry gets the answer of the first call, also when others changed the
// policy in between, and leaves what they did.
func TestRetries(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		ctx, ok, s := t.Context(), must(t), e.store
		for name, test := range map[string]struct {
			prepare, call, between func(organization string) (policyapi.Details, error)
			want                   policyapi.Limits
		}{
			"add": {
				call: func(o string) (policyapi.Details, error) { return s.Add(ctx, o, limits(1, 1), "retried add") },
				want: limits(1, 1),
			},
			"add, then an update": {
				call:    func(o string) (policyapi.Details, error) { return s.Add(ctx, o, limits(1, 1), "retried add") },
				between: func(o string) (policyapi.Details, error) { return s.Update(ctx, o, limits(2, 2), newOp()) },
				want:    limits(2, 2),
			},
			"add, then a reset": {
				call:    func(o string) (policyapi.Details, error) { return s.Add(ctx, o, limits(1, 1), "retried add") },
				between: func(o string) (policyapi.Details, error) { return s.Reset(ctx, o, newOp()) },
				want:    fallback,
			},
			"update": {
				prepare: func(o string) (policyapi.Details, error) { return s.Add(ctx, o, limits(1, 1), newOp()) },
				call:    func(o string) (policyapi.Details, error) { return s.Update(ctx, o, limits(3, 3), "retried update") },
				want:    limits(3, 3),
			},
			"update, then another": {
				prepare: func(o string) (policyapi.Details, error) { return s.Add(ctx, o, limits(1, 1), newOp()) },
				call:    func(o string) (policyapi.Details, error) { return s.Update(ctx, o, limits(3, 3), "retried update") },
				between: func(o string) (policyapi.Details, error) { return s.Update(ctx, o, limits(4, 4), newOp()) },
				want:    limits(4, 4),
			},
			"reset": {
				prepare: func(o string) (policyapi.Details, error) { return s.Add(ctx, o, limits(1, 1), newOp()) },
				call:    func(o string) (policyapi.Details, error) { return s.Reset(ctx, o, "retried reset") },
				want:    fallback,
			},
			"reset, then an add": {
				prepare: func(o string) (policyapi.Details, error) { return s.Add(ctx, o, limits(1, 1), newOp()) },
				call:    func(o string) (policyapi.Details, error) { return s.Reset(ctx, o, "retried reset") },
				between: func(o string) (policyapi.Details, error) { return s.Add(ctx, o, limits(5, 5), newOp()) },
				want:    limits(5, 5),
			},
		} {
			t.Run(name, func(t *testing.T) {
				if test.prepare != nil {
					ok(test.prepare(name))
				}
				first := ok(test.call(name))
				if test.between != nil {
					ok(test.between(name))
				}
				sequence := e.sequence(t)
				if again := ok(test.call(name)); again != first {
					t.Fatalf("retry answered %+v, first call %+v", again, first)
				}
				if n := e.sequence(t); n != sequence {
					t.Fatalf("retry moved the sequence from %d to %d", sequence, n)
				}
				if p, err := s.Get(ctx, name); err != nil || p.Limits != test.want {
					t.Fatalf("policy is %+v, %v, want %v", p, err, test.want)
				}
			})
		}

		first := ok(s.UpdateDefault(ctx, limits(8, 8), "retried default"))
		if again := ok(s.UpdateDefault(ctx, limits(8, 8), "retried default")); again != first {
			t.Fatalf("retry answered %+v, first call %+v", again, first)
		}
		if _, err := s.UpdateDefault(ctx, limits(8, 8), "another"); !errors.Is(err, policyapi.ErrNotChanged) {
			t.Fatalf("unchanged default: %v", err)
		}
		// An id that is used again for something else is no retry.
		if d := ok(s.UpdateDefault(ctx, limits(9, 9), "retried default")); d.Sequence != first.Sequence+1 {
			t.Fatalf("other limits under an old id answered %+v", d)
		}
	})
}

// A policy that was taken away leaves nothing behind for long, and one that is
// added again stays.
func TestResetLeavesNothing(t *testing.T) {
	t.Parallel()
	client, server := redistest.EmbeddedServer(t)
	e := newEnv(t, client.(*redis.Client))
	ctx, ok := t.Context(), must(t)
	for _, organization := range []string{"gone", "back"} {
		ok(e.store.Add(ctx, organization, limits(1, 1), newOp()))
		ok(e.store.Reset(ctx, organization, newOp()))
	}
	ok(e.store.Add(ctx, "back", limits(2, 2), newOp()))
	server.FastForward(time.Hour)
	if n, err := client.Exists(ctx, e.keys.Policy("gone")).Result(); err != nil || n != 0 {
		t.Fatalf("%d keys are left, %v", n, err)
	}
	if p, err := e.store.Get(ctx, "back"); err != nil || p.Limits != limits(2, 2) {
		t.Fatalf("policy is %+v, %v", p, err)
	}
}

// Without the right to publish a change is made all the same.
func TestUserWhoMayNotPublish(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	if err := server.Client(t).Do(t.Context(), "ACL", "SETUSER", "mute", "on", ">pw", "~*", "+@all", "resetchannels").Err(); err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: server.Addr, Username: "mute", Password: "pw"})
	t.Cleanup(func() { _ = client.Close() })
	e := newEnv(t, client)
	if d := must(t)(e.store.Add(t.Context(), "org", limits(1, 1), newOp())); d.Sequence != 1 {
		t.Fatalf("Add answered %+v", d)
	}
}

// What is in the store and is no policy must not pass for none.
func TestBrokenPolicy(t *testing.T) {
	overStores(t, func(t *testing.T, e env) {
		ctx := t.Context()
		must(t)(e.store.Add(ctx, "org", limits(1, 1), newOp()))
		if err := e.client.HSet(ctx, e.keys.Policy("org"), "password", "4294967296").Err(); err != nil {
			t.Fatal(err)
		}
		if err := e.client.Set(ctx, e.keys.Policy("string"), "x", 0).Err(); err != nil {
			t.Fatal(err)
		}
		for _, organization := range []string{"org", "string"} {
			if p, err := e.store.Get(ctx, organization); err == nil {
				t.Errorf("policy of %s is %+v", organization, p)
			}
		}
	})
}
