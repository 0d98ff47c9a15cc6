// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

var (
	errAttemptTimeout = errors.New("attempt took too long")
	errSecondSend     = errors.New("attempt was about to be sent a second time")
)

// passage is the way of one attempt through the login service. Until the
// decision it is cut off from the client: one who hangs up must not turn the
// right password into a failure, nor end a check uncounted.
type passage struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	client context.Context

	timer    *time.Timer // nil: was never cut off
	attached func() bool

	traced    atomic.Bool // the transport reports what it does
	connected atomic.Bool
	sent      atomic.Bool
}

// detach starts a passage for the request, for at most the time that an
// attempt may take.
func detach(r *http.Request, timeout time.Duration) *passage {
	p := &passage{client: r.Context()}
	p.ctx, p.cancel = context.WithCancelCause(context.WithoutCancel(p.client))
	p.timer = time.AfterFunc(timeout, func() { p.cancel(errAttemptTimeout) })
	p.ctx = httptrace.WithClientTrace(p.ctx, &httptrace.ClientTrace{
		GetConn: func(string) { p.traced.Store(true) },
		GotConn: func(info httptrace.GotConnInfo) {
			// Caddy's retries, and the transport's own after a cut, would have
			// the secret checked once more on the same slot. The transport may
			// write before it looks at the context, so the connection goes too.
			if p.sent.Load() {
				p.cancel(errSecondSend)
				closeUnlessShared(info.Conn)
			}
			p.connected.Store(true)
		},
		WroteHeaders: func() { p.sent.Store(true) },
	})
	return p
}

// closeUnlessShared closes a connection that belongs to one request. One of
// HTTP/2 carries those of others; its transport does look at the context.
func closeUnlessShared(c net.Conn) {
	if t, ok := c.(interface{ ConnectionState() tls.ConnectionState }); ok && t.ConnectionState().NegotiatedProtocol == "h2" {
		return
	}
	_ = c.Close()
}

// accompany is detach for a request that is no guess: it needs no slot, so it
// may take its time, be sent again, and end when its client leaves.
func accompany(r *http.Request) *passage {
	p := &passage{client: r.Context()}
	p.ctx, p.cancel = context.WithCancelCause(p.client)
	return p
}

// arrive ends the time limit: the decision is being taken.
func (p *passage) arrive() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// attach ends the detachment after the decision: from now on the answer lives
// as long as the client wants it.
func (p *passage) attach() {
	if p.timer == nil {
		return
	}
	p.attached = context.AfterFunc(p.client, func() { p.cancel(context.Cause(p.client)) })
}

// end releases what the passage holds.
func (p *passage) end() {
	p.arrive()
	if p.attached != nil {
		p.attached()
	}
	p.cancel(nil)
}

// cut reports whether the passage was ended before the decision: by the time
// limit or by a second send. What is written then is the proxy's reaction.
func (p *passage) cut() bool { return p.timer != nil && p.ctx.Err() != nil }

// failure is the error that tells the client about the cut.
func (p *passage) failure() error {
	if cause := context.Cause(p.ctx); !errors.Is(cause, errAttemptTimeout) {
		return caddyhttp.Error(http.StatusBadGateway, cause)
	}
	return caddyhttp.Error(http.StatusGatewayTimeout, errAttemptTimeout)
}

// neverSent reports whether the error proves that the login service saw
// nothing of the attempt.
func (p *passage) neverSent(err error) bool {
	if p.connected.Load() || p.sent.Load() {
		return false
	}
	if _, ok := errors.AsType[reverseproxy.DialError](err); ok {
		// FastCGI reports nothing: there the last of several tries may have
		// failed to connect after the first was sent.
		return p.traced.Load() || !retried(p.client)
	}
	// Caddy's error for "every upstream is down or full" is not exported.
	he, ok := errors.AsType[caddyhttp.HandlerError](err)
	return ok && he.StatusCode == http.StatusServiceUnavailable &&
		he.Err != nil && he.Err.Error() == "no upstreams available"
}

// retried reports whether Caddy's proxy has tried more than once.
func retried(ctx context.Context) bool {
	repl, ok := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return false
	}
	retries, _ := repl.Get("http.reverse_proxy.retries")
	n, _ := retries.(int)
	return n > 0
}
