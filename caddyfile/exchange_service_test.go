// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-lockout/caddy-lockout/module"
)

// presetLimit is how many wrong secrets of a factor these tests allow.
const presetLimit = 3

// recordedService answers as the exchange at hand says, and looks at the
// counters while it is asked.
type recordedService struct {
	*httptest.Server

	mu      sync.Mutex
	answer  message
	users   []string
	reached int
	held    map[string]map[string]uint32
	err     error
}

func startRecordedService(t *testing.T) *recordedService {
	t.Helper()
	s := new(recordedService)
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// watch sets whose counters are looked at.
func (s *recordedService) watch(users []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users = users
}

// expect sets the answer to what comes next.
func (s *recordedService) expect(answer message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer, s.reached, s.held, s.err = answer, 0, nil, nil
}

// seen returns how often the service was asked since expect, and the slots that
// were held then.
func (s *recordedService) seen() (reached int, held map[string]map[string]uint32, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reached, s.held, s.err
}

func (s *recordedService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reached++
	s.held = map[string]map[string]uint32{}
	for _, user := range s.users {
		state, err := userState(user)
		if err != nil {
			s.err = err
		}
		s.held[user] = state.slots
	}
	for _, h := range withType(s.answer, htmlType) {
		w.Header().Add(h[0], encoded(h[1]))
	}
	status, err := strconv.Atoi(s.answer.start)
	if err != nil {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, encoded(s.answer.body))
}

// withType are the header fields of a message, with the type of its body. One
// that cannot be guessed gets the other type.
func withType(m message, other string) [][2]string {
	if m.body == "" || slices.ContainsFunc(m.header, func(h [2]string) bool { return strings.EqualFold(h[0], "Content-Type") }) {
		return m.header
	}
	if m.body[0] == '{' || m.body[0] == '[' {
		other = "application/json"
	}
	return append(slices.Clone(m.header), [2]string{"Content-Type", other})
}

// presetUser is what the store knows of a user: failures and slots by factor.
type presetUser struct {
	failures, slots map[string]uint32
	locked          bool
}

// userState asks for a user, with the organization before a slash.
func userState(user string) (out presetUser, err error) {
	loaded, err := caddy.ActiveContext().App(name)
	if err != nil {
		return out, err
	}
	organization := "default"
	if o, u, ok := strings.Cut(user, "/"); ok {
		organization, user = o, u
	}
	state, err := loaded.(*module.App).User(context.Background(), organization, user)
	out = presetUser{failures: map[string]uint32{}, slots: map[string]uint32{}, locked: state.Lock != nil}
	for f, s := range state.Factors {
		if s.Failures > 0 {
			out.failures[f.String()] = s.Failures
		}
		if s.Reservations > 0 {
			out.slots[f.String()] = s.Reservations
		}
	}
	return out, err
}

// received is an answer as the client gets it.
type received struct {
	status int
	header http.Header
	body   string
}

// htmlType is the type of answers that nobody can guess.
const htmlType = "text/html; charset=utf-8"

// send makes the request of an exchange.
func (m message) send(client *http.Client, address string) (got received, err error) {
	method, target, ok := strings.Cut(m.start, " ")
	if !ok {
		return got, fmt.Errorf("%q: want a method and a target", m.start)
	}
	body, header := encoded(m.body), withType(m, "application/x-www-form-urlencoded")
	for _, h := range header {
		if strings.EqualFold(h[0], "Content-Type") && strings.HasPrefix(h[1], "multipart/") {
			body = strings.ReplaceAll(body, "\n", "\r\n") + "\r\n"
		}
	}
	r, err := http.NewRequest(method, "http://"+address, strings.NewReader(body))
	if err != nil {
		return got, err
	}
	r.URL.Opaque = encoded(target)
	r.Header.Set("User-Agent", "Exchange")
	for _, h := range header {
		if strings.EqualFold(h[0], "Host") {
			r.Host = h[1]
			continue
		}
		if h[1] != "" { // `Content-Type:` sends none
			r.Header.Add(h[0], basicValue(encoded(h[1])))
		}
	}
	resp, err := client.Do(r)
	if err != nil {
		return got, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return received{resp.StatusCode, resp.Header, string(text)}, err
}

// checkLike compares the answer to a locked user with the one that the service
// gives.
func (e exchange) checkLike(got received) error {
	if e.want.like == nil {
		return nil
	}
	status, _ := strconv.Atoi(e.want.like.start)
	want := received{status, http.Header{}, encoded(e.want.like.body)}
	for _, h := range withType(*e.want.like, htmlType) {
		want.header.Add(h[0], encoded(h[1]))
	}
	for _, h := range []string{"Content-Type", "Location"} {
		if got.header.Get(h) != want.header.Get(h) {
			return fmt.Errorf("the answer has the %s %q, want %q", h, got.header.Get(h), want.header.Get(h))
		}
	}
	if got.status != want.status || got.body != want.body {
		return fmt.Errorf("the answer is %d %q, want %d %q", got.status, got.body, want.status, want.body)
	}
	return nil
}

// basicValue encodes credentials of HTTP Basic that are written in clear.
func basicValue(value string) string {
	if plain, ok := strings.CutPrefix(value, "Basic "); ok && strings.Contains(plain, ":") {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(plain))
	}
	return value
}

// attemptMetrics are the metrics of attempts and refusals, by their labels.
func attemptMetrics() (map[string]float64, error) {
	ctx := caddy.ActiveContext()
	families, err := ctx.GetMetricsRegistry().Gather()
	out := map[string]float64{}
	for _, f := range families {
		what, ok := strings.CutPrefix(f.GetName(), "caddy_lockout_")
		if !ok || what != "attempts_total" && what != "refusals_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := ""
			for _, l := range m.GetLabel() {
				labels += " " + l.GetValue()
			}
			out[strings.TrimSuffix(what, "s_total")+labels] = m.GetCounter().GetValue()
		}
	}
	return out, err
}

// added are the metrics that grew, as words.
func added(before, after map[string]float64) []string {
	var grown []string
	for _, labels := range slices.Sorted(maps.Keys(after)) {
		if n := after[labels] - before[labels]; n > 0 {
			grown = append(grown, labels)
		}
	}
	return grown
}
