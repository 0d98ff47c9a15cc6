// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

func newTest(t *testing.T, client redis.UniversalClient, o Options) *Counter {
	t.Helper()
	keys, err := keyspace.New("", "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(client, keys, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// TestGoroutinesEnd is not parallel: it looks at the goroutines of the process.
func TestGoroutinesEnd(t *testing.T) {
	c := newTest(t, redistest.Embedded(t), Options{})
	if err := c.Settle(t.Context(), Subject{User: "alice"}, "a", nil); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); !strings.Contains(stacks(), "(*Counter).flushLoop"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no goroutine delivers what is pending")
		}
	}
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all := stacks(); strings.Contains(all, "(*Counter).") {
		t.Fatalf("after Close:\n%s", all)
	}
}

// Replicas that lag must not keep a counter from closing.
func TestCloseReportsLocksThatNobodyConfirmed(t *testing.T) {
	t.Parallel()
	const locks = locksPerWait + 1
	reported, asked := 0, 0
	c := newTest(t, redistest.Embedded(t), Options{})
	confirm := newConfirmer(c.store, Options{ConfirmReplicas: 1, Hooks: Hooks{Confirmed: func(_ Subject, _ Lock, _ int, err error) {
		if !errors.Is(err, ErrUnconfirmed) {
			t.Errorf("reported %v, want ErrUnconfirmed", err)
		}
		reported++
	}}})
	c.store.called = func(string, time.Duration, error) { asked++ }
	for i := range locks {
		confirm.add(Subject{User: fmt.Sprint("user", i)}, Lock{ID: "x"})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	confirm.close(ctx)
	if reported != locks || asked != 0 {
		t.Fatalf("%d of %d locks were reported, the store was asked %d times", reported, locks, asked)
	}
}

func stacks() string {
	buf := make([]byte, 4<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// The poll of the store is switched off: only a settle can wake.
func TestSettleWakesTheLine(t *testing.T) {
	t.Parallel()
	client := redistest.Embedded(t)
	for _, o := range []Outcome{Success, Failure, Void} {
		t.Run(fmt.Sprint(o), func(t *testing.T) {
			t.Parallel()
			c := newTest(t, client, Options{CallTimeout: time.Minute})
			c.poll = func() time.Duration { return time.Hour }
			ctx, s := t.Context(), Subject{User: fmt.Sprint("wake", o)}
			limits := []FactorLimit{{Password, 1}}
			if _, err := c.Reserve(ctx, s, "first", limits); err != nil {
				t.Fatal(err)
			}
			got := make(chan error, 1)
			go func() { _, err := c.Reserve(ctx, s, "second", limits); got <- err }()
			for !c.lines.ahead(s, ^mask(0)) {
				time.Sleep(time.Millisecond)
			}
			if err := c.Settle(ctx, s, "first", []FactorOutcome{{Password, o}}); err != nil {
				t.Fatal(err)
			}
			if err := <-got; errors.Is(err, ErrLocked) != (o == Failure) || (err == nil) == (o == Failure) {
				t.Fatalf("the waiter got %v", err)
			}
		})
	}
}

// A store that was away comes back to more than one call of Lua can take.
func TestManyGiveUpsOfOneUser(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, client := range map[string]redis.UniversalClient{"redis-server": server.Client(t), "miniredis": redistest.Embedded(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTest(t, client, Options{CallTimeout: time.Minute, FlushDelay: time.Hour})
			s := Subject{User: "alice"}
			for i := range 6000 {
				c.deliver(s, &settlement{id: fmt.Sprintf("a%d", i), outcomes: giveUp, born: time.Now()})
			}
			if _, err := c.ReserveIn(t.Context(), Queue{}, s, "b", []FactorLimit{{Password, 1}}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	c := newTest(t, redistest.Embedded(t), Options{})
	want := Options{
		ReservationTTL: 40 * time.Second, CounterTTL: 30 * 24 * time.Hour, CallTimeout: time.Second,
		FlushDelay: 3 * time.Millisecond, DenyTTL: time.Second, EventsCap: 1000, ConfirmTimeout: time.Second,
	}
	if !reflect.DeepEqual(c.opts, want) {
		t.Errorf("defaults %+v, want %+v", c.opts, want)
	}
	_, err := New(nil, nil, Options{ReservationTTL: time.Hour, CounterTTL: 2*time.Hour - 1})
	if !errors.Is(err, ErrOptions) {
		t.Errorf("%v, want ErrOptions", err)
	}
}

func TestFactorsHaveNamesAndLetters(t *testing.T) {
	t.Parallel()
	names := map[Factor]string{Password: "password", TOTP: "totp", OTPSMS: "otp_sms", OTPEmail: "otp_email", RecoveryCode: "recovery_code", 0: "none", 99: "invalid"}
	for f, name := range names {
		if f.String() != name {
			t.Errorf("factor %d is %q, want %q", f, f, name)
		}
	}
	for _, f := range Factors() {
		if !f.valid() || factorOf(string(f.letter())) != f {
			t.Errorf("letter %c does not lead back to %s", f.letter(), f)
		}
	}
	for _, s := range []string{"", "-", "x", "pt"} {
		if f := factorOf(s); f != 0 {
			t.Errorf("letter %q is %s", s, f)
		}
	}
}

func TestReplies(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]any{
		"short": {int64(1)}, "types": {"1", int64(1), ""}, "lock": {int64(1), int64(1), "p,1"}, "time": {int64(1), int64(1), "p,x,id,policy"},
	} {
		if r, err := parseReply(values); err == nil {
			t.Errorf("%s: parsed %+v", name, r)
		}
	}
	for name, values := range map[string][]any{
		"empty": {}, "pair": {"", "p", int64(1)}, "factor": {"", "x", int64(1), int64(1)}, "types": {"", "p", "1", int64(1)}, "lock": {"p"},
	} {
		if st, err := parseState(values); err == nil {
			t.Errorf("%s: parsed %+v", name, st)
		}
	}
	r, err := parseReply([]any{int64(3), int64(2), "-,1700000000123,op,admin"})
	want := Lock{At: time.UnixMilli(1700000000123), ID: "op", By: Admin}
	if err != nil || r.code != 3 || r.free != 2 || *r.lock != want {
		t.Errorf("parsed %+v, %v", r, err)
	}
	if got := (&LockedError{want}).Error(); got != "user is locked since 2023-11-14T22:13:20Z (none, admin)" {
		t.Errorf("error %q", got)
	}
}

// The hook reports every call of the store, with its error.
func TestCalled(t *testing.T) {
	t.Parallel()
	type call struct {
		op  string
		err bool
	}
	var calls []call
	client := redistest.Embedded(t)
	c := newTest(t, client, Options{FlushDelay: time.Hour, Hooks: Hooks{Called: func(op string, _ time.Duration, err error) { calls = append(calls, call{op, err != nil}) }}})
	ctx, s := t.Context(), Subject{User: "alice"}
	_, _ = c.Reserve(ctx, s, "a", []FactorLimit{{Password, 5}})
	_ = c.Settle(ctx, s, "a", []FactorOutcome{{Password, Success}})
	_ = c.Lock(ctx, s, "b")
	_, _ = c.State(ctx, s)
	_, _, _ = c.ListLocked(ctx, ListFilter{})
	_, _ = c.CountLocked(ctx, nil)
	_ = c.Unlock(ctx, s, "c")
	_ = client.Close()
	_, _ = c.State(ctx, s)
	want := []call{{"reserve", false}, {"settle", false}, {"lock", false}, {"state", false}, {"list", false}, {"list", false}, {"unlock", false}, {"state", true}}
	if !reflect.DeepEqual(calls, want) {
		t.Errorf("calls %v, want %v", calls, want)
	}
}
