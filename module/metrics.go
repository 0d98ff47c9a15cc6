// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// The outcomes of an attempt in caddy_lockout_attempts_total, beside those of
// verdict.
const (
	outcomeLocked    = "refused_locked"
	outcomeBusy      = "refused_busy"
	outcomeAmbiguous = "refused_ambiguous"
	outcomeError     = "error"
)

// The results of asking replicas for a lock.
const (
	resultConfirmed = "confirmed"
	resultShortfall = "shortfall"
)

// metrics are made once per process: every configuration has a registry of its
// own, and the values must survive a reload.
var metrics = newMetrics()

type metricSet struct {
	attempts    *prometheus.CounterVec
	refusals    *prometheus.CounterVec
	locks       *prometheus.CounterVec
	unlocks     *prometheus.CounterVec
	confirmed   *prometheus.CounterVec
	lockedUsers prometheus.Gauge
	inFlight    prometheus.Gauge
	queueWait   prometheus.Histogram
	storeTime   *prometheus.HistogramVec
	storeErrors *prometheus.CounterVec
	degraded    prometheus.Gauge
	policies    *prometheus.CounterVec
	buildInfo   *prometheus.GaugeVec
}

func newMetrics() *metricSet {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "caddy", Subsystem: "lockout", Name: name, Help: help}
	}
	counterVec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts(opts(name, help)), labels)
	}
	histogram := func(name, help string, buckets []float64) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Namespace: "caddy", Subsystem: "lockout", Name: name, Help: help, Buckets: buckets}
	}
	m := &metricSet{
		attempts:    counterVec("attempts_total", "Attempts by factor and outcome.", "factor", "outcome"),
		refusals:    counterVec("refusals_total", "Attempts refused by this node, by the rule that refused them.", "reason"),
		locks:       counterVec("locks_total", "Users locked by this node, by the factor that caused it.", "factor"),
		unlocks:     counterVec("unlocks_total", "Users unlocked by this node, by who did it.", "reason"),
		confirmed:   counterVec("lock_confirmations_total", "Locks of this node that replicas were asked for, see confirm_lock.", "result"),
		lockedUsers: prometheus.NewGauge(prometheus.GaugeOpts(opts("locked_users", "Users that are locked in the store."))),
		inFlight:    prometheus.NewGauge(prometheus.GaugeOpts(opts("inflight_attempts", "Attempts of this node that are at the login service."))),
		queueWait: prometheus.NewHistogram(histogram("queue_wait_seconds", "Time that attempts waited for a free slot.",
			[]float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30})),
		storeTime: prometheus.NewHistogramVec(histogram("store_duration_seconds", "Duration of calls of the store.",
			[]float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .1, .5, 1}), []string{"op"}),
		storeErrors: counterVec("store_errors_total", "Calls of the store that failed.", "op"),
		policies:    counterVec("policy_changes_total", "Policies changed through this node.", "scope", "action"),
		degraded:    prometheus.NewGauge(prometheus.GaugeOpts(opts("degraded", "1 while the store does not answer."))),
		buildInfo:   prometheus.NewGaugeVec(prometheus.GaugeOpts(opts("build_info", "Always 1; the version is a label.")), []string{"version"}),
	}
	m.zero()
	return m
}

// zero creates the series, so that the first event is an increase.
func (m *metricSet) zero() {
	for _, f := range counter.Factors() {
		m.locks.WithLabelValues(f.String())
		for v := range verdictNames {
			m.attempts.WithLabelValues(f.String(), verdictNames[v])
		}
		for _, o := range []string{outcomeLocked, outcomeBusy, outcomeAmbiguous, outcomeError} {
			m.attempts.WithLabelValues(f.String(), o)
		}
	}
	for _, kind := range []string{kindOTP, kindIdentify, kindReset} {
		m.attempts.WithLabelValues(kind, outcomeAmbiguous)
		m.attempts.WithLabelValues(kind, outcomeError)
	}
	for _, reason := range credentials.Reasons() {
		m.refusals.WithLabelValues(string(reason))
	}
	for _, reason := range []string{reasonLocked, reasonBusy, reasonStore, reasonInternal, reasonCancelled} {
		m.refusals.WithLabelValues(reason)
	}
	m.locks.WithLabelValues(string(counter.Admin))
	m.unlocks.WithLabelValues(string(counter.Admin))
	m.confirmed.WithLabelValues(resultConfirmed)
	m.confirmed.WithLabelValues(resultShortfall)
	for _, op := range []string{"reserve", "settle", "lock", "unlock", "state", "list", "merge", "confirm", "bind", "find"} {
		m.storeTime.WithLabelValues(op)
		m.storeErrors.WithLabelValues(op)
	}
	for scope, actions := range map[policyapi.Scope][]policyapi.Action{
		policyapi.ScopeOrganization: {policyapi.ActionAdd, policyapi.ActionUpdate, policyapi.ActionReset},
		policyapi.ScopeDefault:      {policyapi.ActionUpdate},
	} {
		for _, action := range actions {
			m.policies.WithLabelValues(string(scope), string(action))
		}
	}
	m.buildInfo.WithLabelValues(version()).Set(1)
}

// version is that of this module in the binary's build information.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dep := range info.Deps {
		if strings.HasSuffix(dep.Path, "/caddy-lockout") {
			return dep.Version
		}
	}
	return info.Main.Version
}

// registerMetrics registers the collectors with the registry of a
// configuration. Several apps and handlers of one configuration share it.
func registerMetrics(registry *prometheus.Registry) error {
	m := metrics
	for _, c := range []prometheus.Collector{
		m.attempts, m.refusals, m.locks, m.unlocks, m.confirmed, m.lockedUsers, m.inFlight, m.queueWait, m.storeTime, m.storeErrors, m.degraded, m.policies, m.buildInfo,
	} {
		if err := registry.Register(c); err != nil && !errors.As(err, new(prometheus.AlreadyRegisteredError)) {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}

// metricHooks feed the metrics from a counter.
func metricHooks() counter.Hooks {
	return counter.Hooks{
		Locked: func(_ counter.Subject, l counter.Lock) {
			label := l.Factor.String()
			if l.By == counter.Admin {
				label = string(counter.Admin)
			}
			metrics.locks.WithLabelValues(label).Inc()
		},
		Unlocked: func(_ counter.Subject, by counter.Actor) { metrics.unlocks.WithLabelValues(string(by)).Inc() },
		Called: func(op string, d time.Duration, err error) {
			metrics.storeTime.WithLabelValues(op).Observe(d.Seconds())
			if err != nil {
				metrics.storeErrors.WithLabelValues(op).Inc()
			}
		},
		Confirmed: func(_ counter.Subject, _ counter.Lock, _ int, err error) {
			result := resultConfirmed
			if err != nil {
				result = resultShortfall
			}
			metrics.confirmed.WithLabelValues(result).Inc()
		},
		Waited: func(d time.Duration) { metrics.queueWait.Observe(d.Seconds()) },
	}
}

// gaugeInterval is how often the number of locked users is read.
const gaugeInterval = 15 * time.Second

// lockedGauge keeps caddy_lockout_locked_users. Several backends add up.
type lockedGauge struct {
	stop    context.CancelFunc
	running sync.WaitGroup
}

func watchLockedUsers(c *counter.Counter) *lockedGauge {
	ctx, stop := context.WithCancel(context.Background())
	g := &lockedGauge{stop: stop}
	g.running.Go(func() {
		tick := time.NewTicker(gaugeInterval)
		defer tick.Stop()
		shown := 0.0
		defer func() { metrics.lockedUsers.Sub(shown) }()
		for {
			// A store that is away shows in store_errors_total.
			if n, err := c.CountLocked(ctx, nil); err == nil {
				metrics.lockedUsers.Add(float64(n) - shown)
				shown = float64(n)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	return g
}

func (g *lockedGauge) close() {
	g.stop()
	g.running.Wait()
}
