// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
)

// The scripts, each behind the part that they share.
var (
	//go:embed lua/user.lua
	userLua string
	//go:embed lua/reserve.lua
	reserveLua string
	//go:embed lua/settle.lua
	settleLua string
	//go:embed lua/lock.lua
	lockLua string
	//go:embed lua/unlock.lua
	unlockLua string
	//go:embed lua/state.lua
	stateLua string
	//go:embed lua/merge.lua
	mergeLua string
	//go:embed lua/link.lua
	linkLua string
)

// store is the scripts as Go calls.
type store struct {
	client  redis.UniversalClient
	keys    *keyspace.Keyspace
	cluster bool

	reserveScript, settleScript, lockScript, unlockScript, stateScript, mergeScript, linkScript *redis.Script

	breakers *breakers

	life, ttl, eventsCap string // arguments that every writing script takes
	timeout              time.Duration
	called               func(op string, d time.Duration, err error)
}

// Codes that reserve.lua returns.
const (
	codeGranted = iota + 1
	codeFull
	codeLocked
	codeGivenUp
	codePasses
	codeStrange
)

// reply is what a script says of one user.
type reply struct {
	code int64 // reserve: one of the codes; settle: 1 pass, 0 too late
	free int64 // slots left, a hint for waking waiters
	lock *Lock // nil when the user is not locked
	err  error
	// accounts are those that a name leads to, with codeStrange.
	accounts []account
}

// settlement ends one attempt.
type settlement struct {
	id       string
	outcomes string // see lua/user.lua
	born     time.Time
}

// giveUp is the outcomes of a reserve whose answer is unknown.
const giveUp = "!"

// group is what is to be settled for one subject.
type group struct {
	subject     Subject
	settlements []*settlement
}

func newStore(client redis.UniversalClient, keys *keyspace.Keyspace, o Options) *store {
	_, cluster := client.(*redis.ClusterClient)
	script := func(body string) *redis.Script { return redis.NewScript(userLua + "\n" + body) }
	away := o.Hooks.Away
	if away == nil {
		away = func(bool) {}
	}
	called := o.Hooks.Called
	if called == nil {
		called = func(string, time.Duration, error) {}
	}
	return &store{
		client: client, keys: keys, cluster: cluster,
		reserveScript: script(reserveLua), settleScript: script(settleLua),
		lockScript: script(lockLua), unlockScript: script(unlockLua), stateScript: script(stateLua), mergeScript: script(mergeLua),
		linkScript: script(linkLua),
		breakers:   newBreakers(cluster, away),
		life:       strconv.FormatInt(o.ReservationTTL.Milliseconds(), 10),
		ttl:        strconv.FormatInt(o.CounterTTL.Milliseconds(), 10),
		eventsCap:  strconv.FormatInt(o.EventsCap, 10),
		timeout:    o.CallTimeout,
		called:     called,
	}
}

func (s *store) reserve(ctx context.Context, subject Subject, as role, id string, limits []FactorLimit, riding []*settlement) (reply, error) {
	args := make([]any, 0, 8+len(as.accounts)+2*len(limits)+2*len(riding))
	args = append(args, s.life, s.ttl, s.eventsCap, subject.Member(), id, as.mark, len(as.accounts))
	for _, user := range as.accounts {
		args = append(args, user)
	}
	args = append(args, len(limits))
	for _, l := range limits {
		args = append(args, string(l.Factor.letter()), l.Max)
	}
	for _, r := range riding {
		args = append(args, r.id, r.outcomes)
	}
	values, err := s.run(ctx, "reserve", s.reserveScript, subject, args)
	if err != nil {
		return reply{}, err
	}
	return parseReply(values)
}

// settle settles one group.
func (s *store) settle(ctx context.Context, g group) (reply, error) {
	values, err := s.run(ctx, "settle", s.settleScript, g.subject, g.args(s.fixed()))
	if err != nil {
		return reply{}, err
	}
	if len(values) != 1 {
		return reply{}, fmt.Errorf("settling: %d replies for one user", len(values))
	}
	one, _ := values[0].([]any)
	return parseReply(one)
}

func (s *store) fixed() []any { return []any{s.life, s.ttl, s.eventsCap} }

func (g group) args(args []any) []any {
	args = append(args, g.subject.Member(), len(g.settlements))
	for _, t := range g.settlements {
		args = append(args, t.id, t.outcomes)
	}
	return args
}

// caller is run or script.
type caller func(ctx context.Context, op string, script *redis.Script, subject Subject, args []any) ([]any, error)

// run calls a script that takes the keys of one user, unless the store is away.
func (s *store) run(ctx context.Context, op string, script *redis.Script, subject Subject, args []any) ([]any, error) {
	done, err := s.breakers.allow(subject)
	if err != nil {
		return nil, fmt.Errorf("calling the store to %s: %w", op, err)
	}
	values, err := s.script(ctx, op, script, subject, args)
	done(err)
	return values, err
}

// script calls a script that takes the keys of one user.
func (s *store) script(ctx context.Context, op string, script *redis.Script, subject Subject, args []any) (values []any, err error) {
	k := s.keys.User(subject)
	err = s.call(ctx, op, func(ctx context.Context) error {
		values, err = script.Run(ctx, s.client, []string{k.User, k.Locked, k.Events}, args...).Slice()
		return err
	})
	return values, err
}

// call bounds a call of the store and reports it. A client that goes away does
// not end it: half the calls of a broken-off request would have an unknown
// answer.
func (s *store) call(ctx context.Context, op string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
	defer cancel()
	start := time.Now()
	err := f(ctx)
	s.called(op, time.Since(start), err)
	if err != nil {
		return fmt.Errorf("calling the store to %s: %w", op, err)
	}
	return nil
}

func parseReply(values []any) (r reply, err error) {
	if len(values) < 3 {
		return r, fmt.Errorf("parsing the store's reply %v: want three values", values)
	}
	var ok [3]bool
	var lock string
	r.code, ok[0] = values[0].(int64)
	r.free, ok[1] = values[1].(int64)
	lock, ok[2] = values[2].(string)
	if ok != [3]bool{true, true, true} {
		return r, fmt.Errorf("parsing the store's reply %v: want two numbers and a lock", values)
	}
	if lock != "" {
		l, err := parseLock(lock)
		if err != nil {
			return r, err
		}
		r.lock = &l
	}
	r.accounts, err = parseAccounts(values[3:])
	return r, err
}
