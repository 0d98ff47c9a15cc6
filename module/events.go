// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// The Caddy events.
const (
	eventLocked       = "user_locked"
	eventUnlocked     = "user_unlocked"
	eventPolicy       = "policy_changed"
	eventUnclassified = "attempt_unclassified"
)

// maxEvents wait for handlers that are slower than what happens.
const maxEvents = 1024

// event is something to tell. Its data are made only when somebody listens.
type event struct {
	name string
	data func() map[string]any
}

// events are what happened in a backend, until the app of a configuration tells
// it. Caddy runs the handlers of an event in the goroutine that emits it, so no
// request does: they may take as long as they like.
//
// The backend outlives configurations, so that a reload loses nothing.
type events struct {
	queue chan event
	full  atomic.Bool
}

func newEvents() *events { return &events{queue: make(chan event, maxEvents)} }

// tell puts an event into the queue. It never waits.
func (q *events) tell(name string, data func() map[string]any) {
	select {
	case q.queue <- event{name, data}:
		q.full.Store(false)
	default:
		if !q.full.Swap(true) {
			backendLog().Error("events are lost: their handlers are slower than what happens", zap.Int("waiting", maxEvents))
		}
	}
}

// teller emits the events of a backend while a configuration is in force.
type teller struct {
	ctx    caddy.Context
	app    *caddyevents.App
	events *events
	quit   chan struct{}
	done   chan struct{} // nil until it begins
}

// newTeller prepares a teller. It begins when Caddy says that all apps have
// started: before, the events app does not know its handlers yet.
func newTeller(ctx caddy.Context, queue *events) (*teller, error) {
	loaded, err := ctx.App("events")
	if err != nil {
		return nil, fmt.Errorf("getting the events app: %w", err)
	}
	t := &teller{ctx: ctx, app: loaded.(*caddyevents.App), events: queue, quit: make(chan struct{})}
	return t, t.app.On("started", t)
}

// Handle begins to tell.
func (t *teller) Handle(context.Context, caddy.Event) error {
	t.done = make(chan struct{})
	go t.run() // end waits for it
	return nil
}

func (t *teller) run() {
	defer close(t.done)
	for {
		select {
		case e := <-t.events.queue:
			t.emit(e)
		case <-t.quit:
			for {
				select {
				case e := <-t.events.queue:
					t.emit(e)
				default:
					return
				}
			}
		}
	}
}

func (t *teller) emit(e event) {
	if t.app.ShouldEmit(e.name) {
		t.app.Emit(t.ctx, e.name, e.data())
	}
}

// end tells what is left and waits for it, but not for ever: a handler that
// hangs must not hang Caddy.
func (t *teller) end() {
	if t.done == nil {
		return // another app has failed to start
	}
	close(t.quit)
	select {
	case <-t.done:
	case <-time.After(closeTimeout):
		backendLog().Error("a handler of an event does not end")
	}
}

// userName is the name of a user in an event. Handlers see it as text, by
// {event.data.user}; logs, which write events as JSON, and do so at debug level,
// see that there is one.
type userName string

// String returns the name.
func (n userName) String() string { return string(n) }

// MarshalJSON hides the name.
func (n userName) MarshalJSON() ([]byte, error) { return json.Marshal("REDACTED") }

// subjectData are the fields of an event about a user.
func subjectData(s counter.Subject) map[string]any {
	d := s.Digest()
	return map[string]any{
		"organization": s.Organization,
		"user":         userName(s.User),
		"subject":      base64.StdEncoding.EncodeToString(d[:8]), // as in the log
	}
}

// locked tells that the policy has locked a user. What administrators do is
// told by those who know who it was.
func (q *events) locked(s counter.Subject, l counter.Lock) {
	if l.By == counter.Admin {
		return
	}
	q.tell(eventLocked, func() map[string]any {
		data := subjectData(s)
		data["by"], data["factor"], data["request_id"] = string(l.By), l.Factor.String(), l.ID
		return data
	})
}

// changed tells what a caller of the policy API, or a program that embeds
// Caddy, has done.
func (q *events) changed(c policyapi.Change, clientIP string) {
	name := map[policyapi.Action]string{policyapi.ActionLock: eventLocked, policyapi.ActionUnlock: eventUnlocked}[c.Action]
	if name == "" {
		name = eventPolicy
	}
	q.tell(name, func() map[string]any {
		data := map[string]any{"organization": c.Organization, "scope": string(c.Scope), "action": string(c.Action)}
		if c.Scope == policyapi.ScopeUser {
			data = subjectData(counter.Subject{Organization: c.Organization, User: c.User})
		}
		data["by"], data["caller"], data["request_id"], data["client_ip"] = string(counter.Admin), c.Caller, c.ID, clientIP
		if c.Limits != nil {
			data["max_password_attempts"], data["max_otp_attempts"] = c.Limits.MaxPasswordAttempts, c.Limits.MaxOTPAttempts
		}
		return data
	})
}

// unclassified tells of an answer that no rule names.
func (q *events) unclassified(a *attempt) {
	subject, factor, status := a.login.subject, a.login.factor.String(), a.status
	ip, _ := caddyhttp.GetVar(a.request.Context(), caddyhttp.ClientIPVarKey).(string)
	q.tell(eventUnclassified, func() map[string]any {
		data := subjectData(subject)
		data["factor"], data["status"], data["client_ip"] = factor, status, ip
		return data
	})
}

// Interface guards
var _ caddyevents.Handler = (*teller)(nil)
