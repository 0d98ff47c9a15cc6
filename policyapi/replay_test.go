// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-lockout/caddy-lockout/internal/keyspace"
	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// recorded is a call of the real server and its answer.
type recorded struct {
	Case    string
	Method  string
	Path    string
	Headers map[string]string
	Body    *string
	Status  int
	Answer  any
}

// The names of the recording.
const (
	goldenInstance = "400728210058251302"
	goldenA        = "400728217440226342"
	goldenB        = "400728217507335206"
)

// different are the cases that we answer differently on purpose.
var different = map[string]struct {
	status  int
	answer  string
	because string
}{
	"admin.json: update unchanged -> FailedPrecondition": {
		status: 400,
		answer: `{"code":9,"details":[{"@type":"type.googleapis.com/zitadel.v1.ErrorDetail","id":"INSTANCE-0psjF",` +
			`"message":"Errors.Instance.LockoutPolicy.NotChanged"}],"message":"Errors.Instance.LockoutPolicy.NotChanged (INSTANCE-0psjF)"}`,
		because: "contract chapter 9: an unchanged default is always refused. The real server takes the first one, " +
			"because its setup stores a flag that the API cannot see",
	},
	"management.json: HEAD": {
		status:  405,
		answer:  `{"code":12,"message":"Method Not Allowed"}`,
		because: "the recorder shows the body that net/http keeps back; TestOverHTTP sees none",
	},
}

// TestReplay sends every recorded call and compares what is not of one run:
// status, code, id, message and the shape of the JSON.
func TestReplay(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, file := range []string{"management.json", "admin.json", "settings.json"} {
		raw, err := os.ReadFile("testdata/golden/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var calls []recorded
		if err := json.Unmarshal(raw, &calls); err != nil {
			t.Fatal(err)
		}
		s := goldenServer(t)
		for _, call := range calls {
			key := file + ": " + call.Case
			seen[key] = true
			s.prepare(t, call)
			a := s.replay(t, call)
			status, want := call.Status, shape(call.Answer)
			if d, ok := different[key]; ok {
				status, want = d.status, d.answer
			}
			if got := shape(a.JSON); a.Status != status || got != want {
				t.Errorf("%s: %d\n%s\nwant %d\n%s", key, a.Status, got, status, want)
			}
		}
	}
	for key := range different {
		if !seen[key] {
			t.Errorf("no case %q", key)
		}
	}
}

// goldenServer is in the state in which the recording began: default 0/0,
// organizations A and B without policy, a caller from a third organization and
// one ("<redacted>") from A.
func goldenServer(t *testing.T) *server {
	t.Helper()
	e := newEnv(t, redistest.Embedded(t).(*redis.Client))
	keys, err := keyspace.New("", goldenInstance)
	if err != nil {
		t.Fatal(err)
	}
	e.keys, e.store = keys, policyapi.NewStore(e.client, keys, policyapi.Limits{})
	must(t)(e.store.UpdateDefault(t.Context(), policyapi.Limits{}, newOp()))
	owner := []string{"IAM_OWNER"}
	return newServer(t, e, serverOptions{
		tokens: map[string]policyapi.Caller{
			"<PAT>":      {Name: "PAT", Organization: "third", Roles: owner},
			"<redacted>": {Name: "redacted", Organization: goldenA, Roles: owner},
		},
		organizations: []string{goldenA, goldenB, "third", "home"},
	})
}

// prepare makes up for calls that are not in the recording.
func (s *server) prepare(t *testing.T, call recorded) {
	t.Helper()
	switch call.Case {
	case "get with org header (ignored)":
		// A has a policy by then; that must not show.
		must(t)(s.store.Add(t.Context(), goldenA, limits(3, 3), newOp()))
	case "v2 no ctx, no header (caller's org)":
		must(t)(s.store.UpdateDefault(t.Context(), limits(10, 6), newOp()))
		must(t)(s.store.Add(t.Context(), goldenA, limits(31, 1), newOp()))
	}
}

func (s *server) replay(t *testing.T, call recorded) reply {
	t.Helper()
	body := ""
	if call.Body != nil {
		body = *call.Body
	}
	r, err := http.NewRequestWithContext(t.Context(), call.Method, "http://golden.example"+call.Path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range call.Headers {
		r.Header.Set(name, value)
	}
	return s.do(t, r)
}

var number = regexp.MustCompile(`^[1-9][0-9]*$`)

// shape is JSON in one spelling, without what differs from run to run.
func shape(v any) string {
	var walk func(key string, v any) any
	walk = func(key string, v any) any {
		switch v := v.(type) {
		case map[string]any:
			out := make(map[string]any, len(v))
			for k, e := range v {
				out[k] = walk(k, e)
			}
			return out
		case []any:
			out := make([]any, len(v))
			for i, e := range v {
				out[i] = walk("", e)
			}
			return out
		case string:
			if _, err := time.Parse(time.RFC3339Nano, v); err == nil && strings.HasSuffix(v, "Z") && strings.HasSuffix(key, "Date") {
				return "DATE"
			}
			if key == "sequence" && number.MatchString(v) {
				return "NUMBER"
			}
			return loosely(v)
		}
		return v
	}
	text, err := json.Marshal(walk("", v))
	if err != nil {
		return err.Error()
	}
	// Answers without a body.
	if s := string(text); s != `""` && s != "null" {
		return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(s)
	}
	return ""
}

// TestFirstDefault: a default that was never stored can be stored unchanged,
// once; design chapter 7.
func TestFirstDefault(t *testing.T) {
	overServers(t, func(t *testing.T, s *server) {
		const target, body = "/admin/v1/policies/password/lockout", `{"maxPasswordAttempts":10,"maxOtpAttempts":11}`
		if got, want := shape(s.send(t, "GET", "/admin/v1/policies/lockout", "").JSON),
			`{"policy":{"details":{"resourceOwner":"`+s.keys.Instance()+`"},"isDefault":true,"maxOtpAttempts":"11","maxPasswordAttempts":"10"}}`; got != want {
			t.Errorf("default of the configuration %s, want %s", got, want)
		}
		s.send(t, "PUT", target, body).expect(t, 200, 0, "")
		s.send(t, "PUT", target, body).expect(t, 400, 9, "Errors.Instance.LockoutPolicy.NotChanged (INSTANCE-0psjF)")
	})
}
