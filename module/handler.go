// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-lockout/caddy-lockout/counter"
	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// Handler limits wrong passwords in front of a login service.
//
// It recognises attempts, lets as many wrong ones through as the policy of the
// organization allows, then locks the user. Requests that are no attempts pass
// untouched. It must be installed for the whole site: it finds the guarded
// paths by itself, in spellings that Caddy's path matcher would miss.
//
// A request that is refused ends with an error that handle_errors can render.
// These placeholders tell why:
//
// Placeholder | Description
// ------------|------------
// `{http.lockout.reason}` | why: `locked`, `busy`, `store`, `internal`, `cancelled`, or the rule that the request broke
// `{http.lockout.factor}` | the factor of the attempt
type Handler struct {
	// The kinds of attempts that this site takes.
	Steps []*Step `json:"steps,omitempty"`

	// More guarded paths, beside those of the steps: `/login/mfa`, or a prefix
	// that ends in `*`. A request to a guarded path that could carry
	// credentials and that no step takes is refused.
	Guard []string `json:"guard,omitempty"`

	// More guarded paths by regular expression (RE2) over the raw path. Other
	// spellings of what they match are recognised as well. Each costs about a
	// microsecond for every request of the site.
	GuardRegexp []string `json:"guard_regexp,omitempty"`

	// Requests to guarded paths that pass although they could carry
	// credentials and no step takes them. Steps go first. A rule with `field`,
	// `has` or `query` does not pass the secret of a step, wherever it stands; one
	// without looks at no body. A rule with `method` does not pass a request
	// with a header such as X-HTTP-Method-Override.
	Pass []*Match `json:"pass,omitempty"`

	// Requests that are refused with 403, for other doors of the login service
	// that cannot be counted: `/xmlrpc.php`, a batch endpoint, a WebSocket.
	// Deny rules go before everything else, and other spellings of their paths
	// are denied as well. Letter case makes no difference to values of headers,
	// fields and parameters; fields are looked for in the query, too, and
	// parameters of the query in every spelling.
	Deny []*Match `json:"deny,omitempty"`

	// The organization whose policy applies to the users of this site.
	// Default: `default`.
	Organization string `json:"org,omitempty"`

	// Which user names are one on this site, and so in its organization. An
	// organization of the app that has names keeps those; other sites of the
	// organization must have the same. Default: the names of the app.
	Names *Names `json:"names,omitempty"`

	// The answer to a locked user. Default: status 403.
	OnLocked *LockedAnswer `json:"on_locked,omitempty"`

	// The least time until the answer to a locked user goes out, up to 10s. Set
	// it to what the login service takes for a wrong password, so that a locked
	// user cannot be told from another by the time. At most 4096 answers of a
	// site wait at once; further ones go at once. Default: none.
	DenyDelay caddy.Duration `json:"deny_delay,omitempty"`

	// How attempts wait that find no free slot.
	Queue *Queue `json:"queue,omitempty"`

	// The largest body of an attempt in bytes. Default: 65536.
	MaxBody int64 `json:"max_body,omitempty"`

	app     *App
	log     *zap.Logger
	sites   recogniser
	newID   func() string
	checked *checkedTargets
	delays  *delays
	queue   counter.Queue
}

// Queue bounds the attempts of one user that wait on this node for a slot.
type Queue struct {
	// How many may wait. Default: 256.
	Size int `json:"size,omitempty"`

	// How long one may wait. Default: 30s.
	Wait caddy.Duration `json:"wait,omitempty"`
}

const defaultOrganization = "default"

func init() { caddy.RegisterModule((*Handler)(nil)) }

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.lockout", New: func() caddy.Module { return new(Handler) }}
}

// Provision compiles the steps and finds the app.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.log = ctx.Logger()
	h.newID = rand.Text
	h.checked = newCheckedTargets()
	app, err := ctx.App("lockout")
	if err != nil {
		return fmt.Errorf("getting the lockout app: %w", err)
	}
	h.app = app.(*App)
	h.setDefaults()
	if err := h.check(); err != nil {
		return err
	}
	if err := h.app.addSiteNames(h.Organization, h.Names); err != nil {
		return err
	}
	if h.sites, err = newRecogniser(h); err != nil {
		return err
	}
	h.delays = newDelays(time.Duration(h.DenyDelay))
	h.app.handlers.Add(1)
	return nil
}

// Cleanup lets the answers go that deny_delay holds back. Attempts in flight go
// on: they hold what they need.
func (h *Handler) Cleanup() error {
	if h.delays != nil {
		h.delays.end()
	}
	return nil
}

func (h *Handler) setDefaults() {
	if h.Organization == "" {
		h.Organization = defaultOrganization
	}
	if h.OnLocked == nil {
		h.OnLocked = new(LockedAnswer)
	}
	if h.MaxBody == 0 {
		h.MaxBody = credentials.DefaultMaxBytes
	}
	h.queue = counter.DefaultQueue
	if h.Queue != nil && h.Queue.Size != 0 {
		h.queue.Size = h.Queue.Size
	}
	if h.Queue != nil && h.Queue.Wait != 0 {
		h.queue.Wait = time.Duration(h.Queue.Wait)
	}
}

func (h *Handler) check() error {
	if err := policyapi.CheckOrganization(h.Organization); err != nil {
		return fmt.Errorf("checking org: %w", err)
	}
	if err := h.OnLocked.compile(); err != nil {
		return fmt.Errorf("checking on_locked: %w", err)
	}
	if h.DenyDelay < 0 || h.DenyDelay > caddy.Duration(maxDenyDelay) {
		return fmt.Errorf("checking deny_delay: %s is not from 0 to %s", time.Duration(h.DenyDelay), maxDenyDelay)
	}
	if h.queue.Size < 0 || h.queue.Wait < 0 || h.MaxBody < 0 {
		return errors.New("checking queue and max_body: they must not be negative")
	}
	return nil
}

// ServeHTTP takes an attempt through its stages; everything else passes.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	declineUpgrade(r)
	step, err := h.sites.recognise(r)
	if err != nil {
		return h.refuse(w, r, step.label(), err)
	}
	if step == nil {
		return h.pass(w, r, next)
	}
	login, err := h.identify(r, step)
	if err != nil {
		return h.refuse(w, r, step.label(), err)
	}
	start := time.Now() // not before: who sends slowly must not use up deny_delay
	refusal, err := h.attempt(w, r, next, step, login)
	if refusal == nil {
		return err
	}
	r.Body = http.NoBody // what was read of it can go
	h.delays.hold(r.Context(), start, refusal)
	return h.refuse(w, r, step.labelOf(login.factor), refusal)
}

// attempt takes an attempt to the login service. It returns why the attempt or
// its answer is refused, or the error of what stands behind.
func (h *Handler) attempt(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, s *step, l login) (refusal, err error) {
	backend, err := h.app.spec.acquire()
	if err != nil {
		return err, nil
	}
	defer h.app.spec.leave()

	a := &attempt{handler: h, backend: backend, step: s, login: l, id: h.newID(), request: r}
	if err := a.orPass(a.reserve(r.Context())); err != nil {
		return err, nil
	}
	err = a.forward(w, next)
	return a.refusal, err
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.CleanerUpper          = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
