// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// listener is a handler of events, in a node. It prints them as a handler sees
// them, with placeholders; one that hangs does not return either.
type listener struct {
	Hangs bool `json:"hangs,omitempty"`
}

func init() { caddy.RegisterModule(listener{}) }

func (listener) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "events.handlers.lockout_test", New: func() caddy.Module { return new(listener) }}
}

func (l *listener) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	l.Hangs = d.NextArg()
	return nil
}

func (l *listener) Handle(ctx context.Context, e caddy.Event) error {
	if l.Hangs {
		select {}
	}
	replacer := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	said := map[string]string{"event": e.Name()}
	for name := range e.Data {
		said[name] = replacer.ReplaceAll("{event.data."+name+"}", "")
	}
	text, err := json.Marshal(said)
	if err == nil {
		fmt.Fprintf(os.Stderr, "heard %s\n", text)
	}
	return err
}

// heard waits for as many events and returns them.
func (n *node) heard(t testing.TB, many int) (events []map[string]string) {
	t.Helper()
	for deadline := time.Now().Add(nodeDeadline); ; time.Sleep(time.Millisecond) {
		events = nil
		for line := range strings.Lines(n.stderr.String()) {
			text, ok := strings.CutPrefix(line, "heard ")
			var e map[string]string
			if ok && strings.HasSuffix(line, "\n") && json.Unmarshal([]byte(text), &e) == nil {
				events = append(events, e)
			}
		}
		if len(events) >= many {
			return events
		}
		if time.Now().After(deadline) {
			t.Fatalf("heard %d events, want %d: %v", len(events), many, events)
		}
	}
}

const listening = "{\n\tdebug\n\tevents {\n\t\ton user_locked lockout_test\n\t\ton user_unlocked lockout_test\n\t\ton policy_changed lockout_test\n\t\ton attempt_unclassified lockout_test\n\t}\n"

// Every change and every lock is told once, with who and from where, and no log
// tells the user.
func TestEvents(t *testing.T) {
	overRedisAndEmbedded(t, func(t *testing.T, redisAddress string) {
		s := startLoginService(t, nil)
		address := freeAddress(t)
		config := strings.Replace(siteConfig(s.URL, redisAddress, 10), "{\n", listening, 1) + apiSite(t, address, "")
		n := &apiNode{node: startNode(t, config), api: "http://" + address, client: client(t)}
		c := client(t)

		n.call(t, 200, "POST", "/management/v1/policies/lockout", `{"maxPasswordAttempts":2,"maxOtpAttempts":7}`)
		n.call(t, 400, "PUT", "/management/v1/policies/lockout", `{"maxPasswordAttempts":2,"maxOtpAttempts":7}`)
		mustLogin(t, c, n.URL, "alice", "wrong", 401)
		mustLogin(t, c, n.URL, "alice", "wrong", 401)
		mustLogin(t, c, n.URL, "alice", "right", 403)
		n.heard(t, 2)
		n.call(t, 200, "POST", "/management/v1/users/alice/_unlock", "{}")
		n.call(t, 400, "POST", "/management/v1/users/alice/_unlock", "{}")
		n.call(t, 200, "POST", "/management/v1/users/alice/_lock", "{}")
		n.call(t, 200, "DELETE", "/management/v1/policies/lockout", "")

		// The new configuration tells what happens from now on.
		n.load(t, config)
		n.client.CloseIdleConnections()
		n.call(t, 200, "PUT", "/admin/v1/policies/password/lockout", `{"maxPasswordAttempts":3}`)
		n.order(t, order{Do: "unlock", User: "alice"})

		operator := map[string]string{"by": "admin", "caller": "operator", "client_ip": "127.0.0.1"}
		policy := func(scope, action, organization string, limits ...string) map[string]string {
			e := map[string]string{"event": "policy_changed", "scope": scope, "action": action, "organization": organization}
			if len(limits) > 0 {
				e["max_password_attempts"], e["max_otp_attempts"] = limits[0], limits[1]
			}
			maps.Copy(e, operator)
			return e
		}
		alice := func(event string, more map[string]string) map[string]string {
			e := map[string]string{"event": event, "organization": "default", "user": "alice"}
			maps.Copy(e, more)
			return e
		}
		want := []map[string]string{
			policy("organization", "add", "default", "2", "7"),
			alice("user_locked", map[string]string{"by": "policy", "factor": "password"}),
			alice("user_unlocked", operator),
			alice("user_locked", operator),
			policy("organization", "reset", "default"),
			policy("default", "update", "", "3", "0"),
			alice("user_unlocked", map[string]string{"by": "admin", "caller": "", "client_ip": ""}),
		}
		got := n.heard(t, len(want))
		ids := map[string]bool{}
		for _, e := range got {
			if e["request_id"] == "" || ids[e["request_id"]] || (e["subject"] == "") != (e["event"] == "policy_changed") {
				t.Errorf("event %v", e)
			}
			ids[e["request_id"]] = true
			delete(e, "request_id")
			delete(e, "subject")
		}
		if !slices.EqualFunc(got, want, maps.Equal[map[string]string]) {
			t.Errorf("heard %v,\nwant %v", got, want)
		}
		for line := range strings.Lines(n.stderr.String()) {
			if strings.Contains(line, `"data":`) && strings.Contains(line, "alice") {
				t.Errorf("the log tells the user: %s", line)
			}
		}
		if redisAddress != "" {
			checkPolicyStream(t, redisAddress)
		}
	})
}

// checkPolicyStream expects one entry per change of a policy.
func checkPolicyStream(t *testing.T, address string) {
	t.Helper()
	r := redis.NewClient(&redis.Options{Addr: address})
	defer r.Close()
	entries, err := r.XRange(t.Context(), "lockout:{default}:events", "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, e := range entries {
		if e.Values["type"] != "policy_changed" || e.Values["caller"] != "operator" || e.Values["id"] == "" || e.Values["sequence"] != fmt.Sprint(i+1) {
			t.Errorf("entry %v", e.Values)
		}
		got = append(got, fmt.Sprintf("%s %q", e.Values["action"], e.Values["organization"]))
	}
	if want := []string{`add "default"`, `reset "default"`, `update ""`}; !slices.Equal(got, want) {
		t.Errorf("stream %q, want %q", got, want)
	}
}

// An answer that no rule names is told as well.
func TestUnclassifiedEvent(t *testing.T) {
	t.Parallel()
	s := startLoginService(t, nil)
	config := strings.Replace(siteConfig(s.URL, "", 10), "{\n", listening, 1)
	config = strings.Replace(config, "failure status 401", "failure status 418", 1)
	n := startNode(t, config)
	mustLogin(t, client(t), n.URL, "alice", "wrong", 401)
	e := n.heard(t, 1)[0]
	if e["event"] != "attempt_unclassified" || e["user"] != "alice" || e["status"] != "401" || e["client_ip"] != "127.0.0.1" || e["factor"] != "password" {
		t.Errorf("event %v", e)
	}
}

// A handler that hangs holds up neither a login nor a call, nor for ever the
// end of Caddy.
func TestEventHandlerHangs(t *testing.T) {
	t.Parallel()
	s := startLoginService(t, nil)
	address := freeAddress(t)
	config := strings.Replace(siteConfig(s.URL, redistest.Start(t).Addr, 1), "{\n", strings.Replace(listening, "lockout_test", "lockout_test hangs", 1), 1)
	n := &apiNode{node: startNode(t, config+apiSite(t, address, "")), api: "http://" + address, client: client(t)}
	c := client(t)
	mustLogin(t, c, n.URL, "alice", "wrong", 401)
	mustLogin(t, c, n.URL, "alice", "right", 403)
	for range 600 { // two events each: more than may wait
		n.call(t, 200, "POST", "/management/v1/users/bob/_lock", "{}")
		n.call(t, 200, "POST", "/management/v1/users/bob/_unlock", "{}")
	}
	n.waitLog(t, "events are lost")
	n.stop(t)
	if log := n.stderr.String(); !strings.Contains(log, "a handler of an event does not end") {
		t.Error("the log does not say that a handler hangs")
	}
}
