// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-lockout/caddy-lockout/presets"
)

// TestExchanges plays the exchanges of every preset, see
// presets/testdata/README.md; those that e2e/services runs the service behind need
// none. Caddy is one in a process, so nothing of this is
// parallel.
func TestExchanges(t *testing.T) {
	for _, p := range presets.All() {
		preset := p.Name()
		file := "../presets/testdata/" + preset + ".txt"
		if _, err := os.Stat(file); err != nil && p.Evidence == presets.Run {
			continue
		}
		t.Run(preset, func(t *testing.T) {
			t.Cleanup(func() { _ = caddy.Stop() }) // and so the store
			exchanges, err := readExchanges(file)
			if err != nil {
				t.Fatal(err)
			}
			p := newPlayer(t, preset, exchanges)
			if err := p.play(p.config, exchanges.stories); err != nil {
				t.Fatal(err)
			}
			p.patience = 200 * time.Millisecond
			for _, m := range mutantsOf(t, p.config) {
				if p.play(m.config, m.stories(exchanges.stories)) == nil {
					t.Errorf("no exchange needs %s", m.what)
				}
			}
		})
	}
}

// player plays exchanges with a preset.
type player struct {
	preset  string
	listens string // address in the configuration
	address string // at which the last story is played
	config  []byte
	service *recordedService
	client  *http.Client
	stories int
	users   []string
	failed  map[string]presetUser // what is wanted in the store
	metrics map[string]float64

	patience time.Duration // with what is written behind the answer
}

func newPlayer(t *testing.T, preset string, f *exchangeFile) *player {
	t.Helper()
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	p := &player{preset: preset, patience: time.Minute, listens: address, service: startRecordedService(t)}
	_, port, _ := net.SplitHostPort(p.listens)
	directive := "lockout " + preset + " {\n" + strings.Join(f.options, "\n") + "\n}"
	config := fmt.Sprintf(`{
	admin off
	storage file_system %s
	default_bind 127.0.0.1
	log {
		output discard
	}
	lockout {
		instance INSTANCE
		default_policy {
			max_password_attempts %d
			max_otp_attempts %d
		}
	}
}
http://:%s {
	%s
	reverse_proxy %s
}
`, t.TempDir(), presetLimit, presetLimit, port, directive, strings.TrimPrefix(p.service.URL, "http://"))
	p.config, _, err = caddyconfig.GetAdapter("caddyfile").Adapt([]byte(config), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatalf("%v in\n%s", err, config)
	}
	transport := &http.Transport{DisableKeepAlives: true} // the next configuration has a server of its own
	t.Cleanup(transport.CloseIdleConnections)
	p.client = &http.Client{Transport: transport, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return p
}

// freeAddress returns an address that nobody listens at, below the ports that
// the kernel gives to clients.
func freeAddress() (string, error) {
	for {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(10_000+rand.IntN(20_000))))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			return "", err
		}
		defer l.Close()
		return l.Addr().String(), nil
	}
}

// play plays stories with a configuration. The error says what differs from
// what is wanted.
func (p *player) play(config []byte, stories []story) error {
	for _, s := range stories {
		p.stories++
		parsed := new(caddy.Config)
		fresh := strings.ReplaceAll(string(config), "INSTANCE", fmt.Sprintf("%s-%d", p.preset, p.stories)) // one store is kept for all
		// On the port of the last configuration the kernel may hand a request to the
		// listener that is about to close, and cut it.
		address, err := freeAddress()
		if err != nil {
			return err
		}
		fresh, p.address = strings.ReplaceAll(fresh, `"`+p.listens+`"`, `"`+address+`"`), address
		if err := json.Unmarshal([]byte(fresh), parsed); err != nil {
			return err
		}
		if err := caddy.Run(parsed); err != nil {
			return err
		}
		if p.metrics, err = attemptMetrics(); err != nil {
			return err
		}
		p.users = s.users()
		p.service.watch(p.users)
		p.failed = map[string]presetUser{}
		for _, u := range p.users {
			p.failed[u] = presetUser{failures: map[string]uint32{}}
		}
		for _, e := range s.exchanges {
			for n := range e.want.times {
				if err := p.exchange(e); err != nil {
					return fmt.Errorf("%s: %s (%d): %w", s.name, e.name, n+1, err)
				}
			}
		}
	}
	return nil
}

// users are those whom the story is about.
func (s story) users() (users []string) {
	for _, e := range s.exchanges {
		users = append(users, e.want.users...)
	}
	slices.Sort(users)
	return slices.Compact(users)
}

// exchange sends a request and looks at what came of it.
func (p *player) exchange(e exchange) error {
	if !e.answered && e.want.verdict != "refused" {
		return fmt.Errorf("the answer of the service is missing: add it behind <<<")
	}
	p.service.expect(e.answer)
	got, err := e.request.send(p.client, p.address)
	if err != nil {
		return err
	}
	after, err := attemptMetrics()
	if err != nil {
		return err
	}
	told := added(p.metrics, after)
	p.metrics = after
	if want := e.want.metrics(); !slices.ContainsFunc(want, func(w []string) bool { return slices.Equal(w, told) }) {
		return fmt.Errorf("got status %d and %s, want %s", got.status, strings.Join(told, ", "), e.want)
	}
	reached, held, err := p.service.seen()
	if err != nil {
		return err
	}
	if wanted := e.want.verdict != "refused"; wanted != (reached == 1) {
		return fmt.Errorf("the service was asked %d times, want %s", reached, e.want)
	}
	if err := e.want.checkSlots(held); err != nil {
		return err
	}
	if err := e.checkLike(got); err != nil {
		return err
	}
	e.want.apply(p.failed)
	return p.checkUsers()
}

// checkUsers compares what the store knows with what is wanted. Some of it is
// written behind the answer.
func (p *player) checkUsers() (err error) {
	for deadline := time.Now().Add(p.patience); ; {
		if err = p.compareUsers(); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func (p *player) compareUsers() error {
	for _, u := range p.users {
		got, err := userState(u)
		if err != nil {
			return err
		}
		want := p.failed[u]
		if !maps.Equal(got.failures, want.failures) || got.locked != want.locked || len(got.slots) > 0 {
			return fmt.Errorf("%s has the failures %v, slots %v, locked %t; want %v, none, %t",
				u, got.failures, got.slots, got.locked, want.failures, want.locked)
		}
	}
	return nil
}

// metrics are the metrics that may have grown.
func (w want) metrics() (grown [][]string) {
	switch w.verdict {
	case "pass", "reset":
		return [][]string{nil}
	case "refused":
		outcome := "refused_ambiguous"
		if w.reason == "locked" {
			outcome = "refused_locked"
		}
		for _, kind := range kinds {
			grown = append(grown, []string{"attempt " + kind + " " + outcome, "refusal " + w.reason})
		}
		return grown
	}
	for _, f := range w.factors {
		grown = append(grown, []string{"attempt " + f + " " + w.verdict})
	}
	return grown
}

// String says what is wanted.
func (w want) String() string {
	return strings.Join([]string{w.verdict + w.reason, strings.Join(w.factors, "+"), strings.Join(w.users, ",")}, " ")
}

// checkSlots looks at whose slots were held while the service was asked.
func (w want) checkSlots(held map[string]map[string]uint32) error {
	for user, slots := range held {
		want := map[string]uint32{}
		if slices.Contains(w.users, user) && !w.unheld {
			for _, f := range slices.Concat(w.factors, w.with) {
				want[f] = 1
			}
		}
		if !maps.Equal(slots, want) {
			return fmt.Errorf("%s held the slots %v while the service was asked, want %v", user, slots, want)
		}
	}
	return nil
}

// apply changes the wanted state of users.
func (w want) apply(users map[string]presetUser) {
	forgiven, forgives := w.users, []string(nil)
	if w.forgives != nil {
		forgiven = w.forgives
	}
	counts := w.factors
	switch w.verdict {
	case "success":
		forgives, counts = slices.Concat(w.factors, w.with), nil
	case "pending":
		forgives, counts = w.factors, w.with
	case "reset":
		forgives, counts = []string{"password"}, nil
	case "failure":
	default:
		counts = nil
	}
	for _, u := range w.users {
		state := users[u]
		for _, f := range counts {
			if state.failures[f]++; state.failures[f] >= presetLimit {
				state.locked = true
			}
		}
		for _, f := range forgives {
			if slices.Contains(forgiven, u) {
				delete(state.failures, f)
			}
		}
		users[u] = state
	}
}
