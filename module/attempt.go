// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// attempt is one request that carries credentials, from its reservation to its
// outcome.
type attempt struct {
	handler *Handler
	backend *backend
	step    *step
	login   login
	id      string
	request *http.Request

	limits   []counter.FactorLimit
	claims   []claim
	life     time.Duration // of the key that led here
	doubt    error         // why the key may stand for somebody else by now
	foreign  bool          // the success is of somebody else than the account that was named
	verified bool          // the secret was accepted a moment ago: no slot, no guess
	deadline time.Time

	passage *passage
	status  int // of the answer, once there is one
	verdict verdict
	answer  *answer // as far as it is known when the attempt is decided
	decided bool
	refusal error // why the answer of the login service is withheld
}

// reserve waits for a slot.
func (a *attempt) reserve(ctx context.Context) (err error) {
	a.deadline = time.Now().Add(time.Duration(a.handler.app.ReservationTTL))
	if err := a.lead(ctx); err != nil {
		return err
	}
	if a.step.basic() && a.backend.verified.has(a.login.subject, a.login.pair()) {
		a.verified, a.claims[0].late = true, true
		return a.backend.counter.Check(ctx, a.login.subject, a.id)
	}
	if !a.step.takesSecret() {
		return a.bind(ctx, a.keysOfRequest())
	}
	if a.limits, err = a.handler.app.limits(ctx, a.backend, a.login.subject.Organization, a.factors()...); err != nil {
		return err
	}
	if err := a.backend.waiting.take(len(a.login.body)); err != nil {
		return err
	}
	defer a.backend.waiting.give(len(a.login.body))
	// A key of the request must stand for this user before the service hears of
	// it: under the same key another attempt may be on its way.
	keys := a.keysOfRequest()
	if a.step.sharedKey {
		keys = nil // it does, since we looked who else does
	}
	err = a.along(ctx, keys, func() error { return a.take(ctx) })
	// The slot may have been waited for; its life begins when it is granted.
	a.deadline = time.Now().Add(time.Duration(a.handler.app.ReservationTTL))
	if err != nil {
		a.settle(counter.Void)
	}
	return err
}

// forward sends the attempt to the login service and decides by the answer.
func (a *attempt) forward(w http.ResponseWriter, next caddyhttp.Handler) (err error) {
	metrics.inFlight.Inc()
	defer metrics.inFlight.Dec()

	if a.verified {
		a.passage = accompany(a.request)
	} else {
		a.passage = detach(a.request, time.Duration(a.handler.app.AttemptTimeout))
	}
	defer a.passage.end()
	held := newHeldWriter(w, a)
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		late := !a.decided && a.passage.cut()
		if !a.decided {
			a.decide(a.unknown())
		}
		// So the proxy ends an answer that breaks off. When we have broken it,
		// nothing of it was sent, and the client gets to know why.
		aborted, _ := p.(error)
		switch {
		case errors.Is(aborted, http.ErrAbortHandler) && a.refusal != nil:
			err = a.refusal
		case errors.Is(aborted, http.ErrAbortHandler) && late:
			err = a.passage.failure()
		default:
			panic(p)
		}
	}()

	err = next.ServeHTTP(held, a.outgoing())
	switch {
	case a.decided:
	case a.passage.cut():
		a.decide(a.unknown())
		err = a.passage.failure()
	case err != nil:
		if a.decide(a.byError(held, err)) && held.status == 0 {
			held.pass() // what basic_auth set belongs to its error
		}
	default:
		held.finish()
	}
	if a.refusal != nil {
		return a.refusal
	}
	return err
}

// byError returns the verdict when the handler behind us returned an error
// instead of an answer.
func (a *attempt) byError(held *heldWriter, err error) verdict {
	if a.passage.neverSent(err) {
		return verdictNeutral
	}
	// Caddy's own basic_auth answers with such an error; and what runs behind
	// it may end with 404. A proxy's 5xx proves nothing.
	he, ok := errors.AsType[caddyhttp.HandlerError](err)
	if !ok || held.status != 0 || he.StatusCode < 400 || he.StatusCode > 499 {
		return a.unknown()
	}
	a.status = he.StatusCode
	v, _ := a.step.rules.byHeader(&answer{request: a.request, status: he.StatusCode, header: held.header})
	if v == verdictNeutral {
		return a.unknown()
	}
	return v
}

// unknown is the verdict when there is no whole answer: the login service may
// have checked the secret. One that was right a moment ago is not doubted.
func (a *attempt) unknown() verdict {
	if a.verified {
		return verdictNeutral
	}
	return verdictUnknown
}

// decide settles the attempt. It reports whether the answer may be sent; else
// the refusal says why not.
func (a *attempt) decide(v verdict) bool {
	a.decided = true
	a.passage.arrive()
	if !a.step.takesSecret() {
		if v == verdictSuccess {
			a.refusal = a.accepted()
		}
		if a.step.kind == kindReset {
			a.carryOver() // the session goes on under the new cookie
		}
		a.passage.attach()
		return a.refusal == nil
	}
	if v == verdictSecondWrong && !a.login.second {
		v = verdictNeutral // it was not sent, and the password may be right
	}
	a.verdict = v
	switch v {
	case verdictSuccess, verdictPending:
		if a.refusal = a.succeed(); a.refusal != nil {
			a.passage.cancel(a.refusal) // nobody waits for the rest of the answer
		}
	case verdictNeutral:
		a.settle(counter.Void)
		a.carryOver()
	default:
		a.fail(v)
		a.carryOver()
	}
	a.passage.attach()
	if v == verdictUnclassified && a.status >= 500 {
		v = verdictFailure // a broken service is no misconfiguration
	}
	if a.refusal == nil {
		metrics.attempts.WithLabelValues(a.blamed(v).String(), v.String()).Inc()
	}
	if v == verdictUnclassified {
		a.backend.events.unclassified(a)
	}
	return a.refusal == nil
}

// succeed settles a success before the first byte of it goes to the client.
func (a *attempt) succeed() error {
	ctx, cancel := a.patience()
	defer cancel()
	a.recheck(ctx)
	keys := a.keysOfAnswer(true)
	if a.doubt != nil {
		keys = nil // they may be somebody else's
	}
	err := a.orPass(a.along(ctx, keys, func() error {
		if err := a.teach(ctx); err != nil {
			a.settle(counter.Void)
			return err
		}
		switch {
		case a.verified && a.backend.verified.has(a.login.subject, a.login.pair()):
			return nil
		case a.held() && a.proves():
			return a.forgive(ctx)
		}
		// The slots go back with the same call that looks for a lock.
		a.settle(counter.Void)
		return a.check(ctx)
	}))
	// A code that was not accepted is a guess when it is sent again.
	known := a.verdict == verdictSuccess || !a.login.second
	if err == nil && a.step.basic() && known && a.proves() {
		a.backend.verified.remember(a.login.subject, a.login.pair())
	}
	return err
}

// fail leaves the failure to the counter, which delivers it with the next call
// for this user.
func (a *attempt) fail(v verdict) {
	if a.verified && !v.wrong() {
		return // an answer that no rule names says nothing about a secret that was right
	}
	if a.step.basic() {
		a.backend.verified.forget(a.login.subject)
		if v.wrong() && a.status == http.StatusUnauthorized {
			a.handler.checked.add(a.request.Method, a.request.RequestURI)
		}
	}
	a.charge()
	a.settle(counter.Failure)
	a.chargeOthers()
	if c := a.handler.log.Check(zap.InfoLevel, "attempt failed"); c != nil {
		c.Write(zap.String("factor", a.blamed(v).String()), subjectField(a.login.subject), clientIP(a.request))
	}
}
