// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

// statusClientGone is what Caddy logs when the client hung up.
const statusClientGone = 499

// retryAfter is the advice, in seconds, to whoever met a busy or broken store.
const retryAfter = "5"

// The reasons of refusals that come from elsewhere than package credentials.
const (
	reasonLocked    = "locked"
	reasonBusy      = "busy"
	reasonInternal  = "internal"
	reasonCancelled = "cancelled"
)

// refusal is how a request is refused: the one table from errors to answers.
type refusal struct {
	status  int
	reason  string // placeholder and log
	outcome string // metric
	retry   bool
}

func (h *Handler) refusalOf(err error) refusal {
	if c, ok := errors.AsType[*credentials.Refusal](err); ok {
		return refusal{status: c.Status, reason: string(c.Reason), outcome: outcomeAmbiguous}
	}
	switch {
	case errors.Is(err, counter.ErrLocked):
		return refusal{status: h.OnLocked.Status, reason: reasonLocked, outcome: outcomeLocked}
	case errors.Is(err, counter.ErrBusy):
		return refusal{status: http.StatusTooManyRequests, reason: reasonBusy, outcome: outcomeBusy, retry: true}
	case errors.Is(err, errBody):
		return refusal{status: http.StatusBadRequest, reason: reasonCancelled, outcome: outcomeError}
	case errors.Is(err, context.Canceled):
		return refusal{status: statusClientGone, reason: reasonCancelled, outcome: outcomeError}
	}
	if counter.Away(err) {
		return refusal{status: http.StatusServiceUnavailable, reason: reasonStore, outcome: outcomeError, retry: true}
	}
	return refusal{status: http.StatusServiceUnavailable, reason: reasonInternal, outcome: outcomeError, retry: true}
}

// errBody marks a body that did not arrive whole.
var errBody = errors.New("reading the body of an attempt")

// refuse ends a request with an error for handle_errors. The answer is the
// same for a right and a wrong secret, a known and an unknown user.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, factor string, err error) error {
	how := h.refusalOf(err)
	metrics.attempts.WithLabelValues(factor, how.outcome).Inc()
	metrics.refusals.WithLabelValues(how.reason).Inc()
	if how.retry {
		w.Header().Set("Retry-After", retryAfter)
	}
	if how.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", strings.Join(h.sites.methods(r.RequestURI), ", "))
	}
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if ok {
		repl.Set("http.lockout.reason", how.reason)
		repl.Set("http.lockout.factor", factor)
	}
	level := zapcore.InfoLevel
	if how.outcome == outcomeError {
		level = zapcore.WarnLevel
	}
	if c := h.log.Check(level, "attempt refused"); c != nil {
		c.Write(zap.String("reason", how.reason), zap.String("factor", factor), clientIP(r), zap.Error(err))
	}
	if how.outcome == outcomeLocked && h.OnLocked.write(w, repl) {
		return nil
	}
	return caddyhttp.Error(how.status, err)
}

// clientIP is the address that Caddy's trusted_proxies settle on.
func clientIP(r *http.Request) zap.Field {
	ip, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	return zap.String("client_ip", ip)
}

// subjectField names a user in logs without telling who it is.
func subjectField(s counter.Subject) zap.Field {
	d := s.Digest()
	return zap.Binary("subject", d[:8])
}
