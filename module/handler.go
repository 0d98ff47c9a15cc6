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

	// The organization whose policy applies to the users of this site.
	// Default: `default`.
	Organization string `json:"org,omitempty"`

	// The status of the answer to a locked user: 400 to 499. Default: 403.
	OnLocked int `json:"on_locked,omitempty"`

	// How attempts wait that find no free slot.
	Queue *Queue `json:"queue,omitempty"`

	// The largest body of an attempt in bytes. Default: 65536.
	MaxBody int64 `json:"max_body,omitempty"`

	app     *App
	log     *zap.Logger
	names   *credentials.Names
	sites   recogniser
	newID   func() string
	checked *checkedTargets
	queue   counter.Queue
}

// Queue bounds the attempts of one user that wait on this node for a slot.
type Queue struct {
	// How many may wait. Default: 256.
	Size int `json:"size,omitempty"`

	// How long one may wait. Default: 30s.
	Wait caddy.Duration `json:"wait,omitempty"`
}

const (
	defaultOrganization = "default"
	defaultOnLocked     = http.StatusForbidden
)

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
	h.names = h.app.namesOf(h.Organization)
	if h.sites, err = newRecogniser(h.Steps, h.MaxBody); err != nil {
		return err
	}
	h.app.handlers.Add(1)
	return nil
}

func (h *Handler) setDefaults() {
	if h.Organization == "" {
		h.Organization = defaultOrganization
	}
	if h.OnLocked == 0 {
		h.OnLocked = defaultOnLocked
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
	if h.OnLocked < 400 || h.OnLocked > 499 {
		return fmt.Errorf("checking on_locked: %d is no status from 400 to 499", h.OnLocked)
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
		return h.refuse(w, r, step, err)
	}
	if step == nil {
		return h.pass(w, r, next)
	}
	login, err := h.identify(r, step)
	if err != nil {
		return h.refuse(w, r, step, err)
	}
	backend, err := h.app.spec.acquire()
	if err != nil {
		return h.refuse(w, r, step, err)
	}
	defer h.app.spec.leave()

	a := &attempt{handler: h, backend: backend, step: step, login: login, id: h.newID(), request: r}
	if err := a.orPass(a.reserve(r.Context())); err != nil {
		return h.refuse(w, r, step, err)
	}
	if err := a.forward(w, next); err != nil {
		if a.refusal != nil {
			return h.refuse(w, r, step, a.refusal)
		}
		return err
	}
	return nil
}

// login is who wants to log in, and with what.
type login struct {
	subject counter.Subject
	secret  string
	body    []byte // what goes on; nil when no body was read
	decoded bool   // the body came encoded
}

// identify reads the login out of the request.
func (h *Handler) identify(r *http.Request, s *step) (login, error) {
	var l login
	var read *credentials.Login
	var user string
	if s.basic() {
		var refusal *credentials.Refusal
		if user, l.secret, _, refusal = credentials.ReadBasic(r); refusal != nil {
			return l, refusal
		}
	} else {
		var err error
		target, _ := matchTarget(s.paths, r)
		read, err = s.body.Read(r, target)
		if _, refused := errors.AsType[*credentials.Refusal](err); err != nil && !refused {
			return l, fmt.Errorf("%w: %w", errBody, err)
		} else if err != nil {
			return l, err
		}
		user, l.secret = read.User, read.Secret
	}
	if refusal := s.names.Check(user, h.names); refusal != nil {
		return l, refusal
	}
	name, refusal := h.names.Canonical(user)
	if refusal != nil {
		return l, refusal
	}
	l.subject = counter.Subject{Organization: h.Organization, User: name}
	if read != nil && read.Media != "" {
		if s.normalized {
			user = name
		}
		if l.body, refusal = read.Forward(user); refusal != nil {
			return l, refusal
		}
		l.decoded = len(r.Header["Content-Encoding"]) > 0
	}
	return l, nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
