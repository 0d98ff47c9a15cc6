// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// API serves the policy API as REST, gRPC and gRPC-web: it reads and changes
// policies, locks and unlocks users and lists those that are locked. It answers
// every request it gets and writes its errors itself, so handle_errors sees
// none of them. gRPC without TLS needs `protocols h1 h2 h2c` of the server.
//
// Whoever holds a token can unlock users: serve the API over TLS only.
type API struct {
	// The tokens that give access. One is needed, or an issuer of oidc, or
	// caddy_auth, unless insecure_no_auth is set.
	Tokens []*APIToken `json:"tokens,omitempty"`

	// The OpenID Connect issuers whose tokens give access.
	OIDC []*APIIssuer `json:"oidc,omitempty"`

	// Access for whom Caddy's own authentication lets through. Default: none.
	CaddyAuth *APICaddyAuth `json:"caddy_auth,omitempty"`

	// The organizations that exist. Default: every id of 1 to 200 characters
	// that a call names.
	Organizations []string `json:"organizations,omitempty"`

	// The web sites whose pages may call the API from a browser, such as
	// `https://admin.example.com`; `*` stands for all. Default: none.
	CORS []string `json:"cors,omitempty"`

	// Let everybody do everything. Only for an API that nobody else can reach.
	InsecureNoAuth bool `json:"insecure_no_auth,omitempty"`

	app    *App
	log    *zap.Logger
	access *policyapi.Access
	served atomic.Pointer[servedAPI]
}

func init() { caddy.RegisterModule((*API)(nil)) }

// CaddyModule returns the Caddy module information.
func (*API) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.lockout_api", New: func() caddy.Module { return new(API) }}
}

// Provision resolves the tokens and finds the app.
func (h *API) Provision(ctx caddy.Context) error {
	h.log = ctx.Logger()
	if err := h.checkOrigins(); err != nil {
		return err
	}
	authenticator, err := h.authenticator()
	if err != nil {
		return err
	}
	if h.access, err = policyapi.NewAccess(authenticator, h.Organizations); err != nil {
		return err
	}
	h.access.Denied = h.denied
	app, err := ctx.App("lockout")
	if err != nil {
		return fmt.Errorf("getting the lockout app: %w", err)
	}
	h.app = app.(*App)
	return nil
}

// checkOrigins refuses what would let any page that an operator visits act for
// him.
func (h *API) checkOrigins() error {
	for _, origin := range h.CORS {
		if err := policyapi.CheckOrigin(origin); err != nil {
			return fmt.Errorf("checking cors: %w", err)
		}
	}
	if (h.InsecureNoAuth || h.CaddyAuth != nil) && slices.Contains(h.CORS, "*") {
		return errors.New("checking cors: with insecure_no_auth or caddy_auth, `*` would let every web page that somebody visits ask in their name; name the origins")
	}
	return nil
}

// Cleanup gives the issuers of tokens back.
func (h *API) Cleanup() (err error) {
	for _, o := range h.OIDC {
		err = errors.Join(err, o.release())
	}
	return err
}

// ServeHTTP answers the request. Nothing comes after it.
func (h *API) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	backend, err := h.app.spec.acquire()
	if err != nil {
		h.log.Error("the policy API has no store", zap.Error(err))
		policyapi.Unavailable(w)
		return nil
	}
	defer h.app.spec.leave()
	h.api(backend).ServeHTTP(w, r)
	return nil
}

// servedAPI is the API of a backend.
type servedAPI struct {
	backend *backend
	api     *policyapi.Handler
}

// api returns the API of a backend. It is made once, because the backend stays
// the same from one request to the next.
func (h *API) api(b *backend) http.Handler {
	if s := h.served.Load(); s != nil && s.backend == b {
		return s.api
	}
	service := policyapi.NewService(b.policies, &apiUsers{backend: b, app: h.app}, policyapi.ServiceOptions{
		Changed: func(ctx context.Context, c policyapi.Change) {
			h.changed(ctx, c)
			b.events.changed(c, callerAddress(ctx))
		},
		Failed: h.failed,
	})
	api, err := policyapi.NewHandler(service, h.access, policyapi.HandlerOptions{Origins: h.CORS})
	if err != nil {
		// The routes are fixed, and a test registers them; the origins were
		// checked.
		h.log.Error("the policy API has no routes", zap.Error(err))
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { policyapi.Unavailable(w) })
	}
	h.served.Store(&servedAPI{backend: b, api: api})
	return api
}

// changed writes the audit line of a change.
func (h *API) changed(ctx context.Context, c policyapi.Change) {
	if c.Scope != policyapi.ScopeUser {
		metrics.policies.WithLabelValues(string(c.Scope), string(c.Action)).Inc()
	}
	fields := []zap.Field{
		zap.String("caller", c.Caller),
		zap.String("action", string(c.Action)),
		zap.String("scope", string(c.Scope)),
		callerIP(ctx),
		zap.String("request_id", c.ID),
	}
	if c.Organization != "" {
		fields = append(fields, zap.String("organization", c.Organization))
	}
	if c.User != "" {
		fields = append(fields, subjectField(counter.Subject{Organization: c.Organization, User: c.User}))
	}
	if c.Limits != nil {
		fields = append(fields,
			zap.Uint32("max_password_attempts", c.Limits.MaxPasswordAttempts),
			zap.Uint32("max_otp_attempts", c.Limits.MaxOTPAttempts))
	}
	h.log.Info("changed by the policy API", fields...)
}

// denied makes it visible when somebody tries tokens.
func (h *API) denied(ctx context.Context, d policyapi.Denial) {
	h.log.Warn("a call of the policy API was not let through",
		zap.String("call", d.RPC), zap.String("caller", d.Caller), zap.String("organization", d.Organization),
		callerIP(ctx), zap.String("request_id", d.ID), zap.Error(d.Err))
}

// failed tells who it was, too: a change may have been made before the store
// went away.
func (h *API) failed(ctx context.Context, id, caller string, err error) {
	h.log.Error("a call of the policy API failed",
		zap.String("caller", caller), callerIP(ctx), zap.String("request_id", id), zap.Error(err))
}

// callerIP is clientIP where only the context of the request is at hand.
func callerIP(ctx context.Context) zap.Field { return zap.String("client_ip", callerAddress(ctx)) }

func callerAddress(ctx context.Context) string {
	ip, _ := caddyhttp.GetVar(ctx, caddyhttp.ClientIPVarKey).(string)
	return ip
}

// Interface guards
var (
	_ caddy.Provisioner           = (*API)(nil)
	_ caddy.CleanerUpper          = (*API)(nil)
	_ caddyhttp.MiddlewareHandler = (*API)(nil)
)
