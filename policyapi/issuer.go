// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

const (
	// fetchInterval is the least time between two looks at an issuer's keys: a
	// token with an invented key id costs nothing, so it must not cost the
	// issuer a request either (100 of them cost 100 with go-oidc's own set).
	fetchInterval = 30 * time.Second
	// firstInterval is the same while no key is known: an issuer that starts
	// together with Caddy should not be waited for longer than needed.
	firstInterval = 5 * time.Second
	// keysLifetime is after how long known keys are fetched again, so that one
	// that the issuer has withdrawn is not trusted for ever.
	keysLifetime = 10 * time.Minute
	fetchTimeout = 5 * time.Second
	// maxDocument bounds what an issuer may answer.
	maxDocument = 1 << 20
)

// ErrIssuer means that an issuer's keys are not known: it did not answer.
var ErrIssuer = errors.New("the token issuer does not answer")

// ErrIssuerURL reports an issuer that cannot be used.
var ErrIssuerURL = errors.New("issuer is not usable")

// IssuerOptions of an Issuer. The zero value of a field stands for its default.
type IssuerOptions struct {
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Failed hears of each fetch that failed.
	Failed func(issuer string, err error)
}

// Issuer holds the keys of an OpenID Connect issuer. It opens nothing before
// the first token asks for a key, and fetches in the background whatever the
// caller does. It is safe for concurrent use; Close ends it.
type Issuer struct {
	url    string
	client *http.Client
	now    func() time.Time
	failed func(string, error)

	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	keys    []jose.JSONWebKey
	keysURL string        // from discovery; empty until then
	tried   time.Time     // the latest fetch
	fetched time.Time     // the latest that succeeded
	done    chan struct{} // closed when the fetch that runs ends; nil if none does
	closed  bool
}

// NewIssuer returns an issuer by its URL. Plain HTTP is for an issuer on this
// machine: on a network, whoever answers first would choose the keys. The error
// wraps ErrIssuerURL.
func NewIssuer(issuer string, options IssuerOptions) (*Issuer, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%w: want a URL such as https://issuer.example.com", ErrIssuerURL)
	}
	if !private(u) {
		return nil, fmt.Errorf("%w: want https, or http to a loopback address", ErrIssuerURL)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Failed == nil {
		options.Failed = func(string, error) {}
	}
	i := &Issuer{url: issuer, client: issuerClient(), now: options.Now, failed: options.Failed}
	i.ctx, i.stop = context.WithCancel(context.Background())
	return i, nil
}

// private reports whether nobody on a network can answer in place of a URL.
func private(u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// Close ends what runs in the background and waits for it.
func (i *Issuer) Close() {
	i.mu.Lock()
	i.closed = true
	i.mu.Unlock()
	i.stop()
	i.running.Wait()
}

// find returns the keys that a token may be signed with. None and no error
// means that the issuer has no such key, as far as one may ask it.
func (i *Issuer) find(ctx context.Context, id string, algorithm jose.SignatureAlgorithm) ([]jose.JSONWebKey, error) {
	i.mu.Lock()
	found := suitable(i.keys, id, algorithm)
	var done chan struct{}
	if len(found) == 0 || i.now().Sub(i.fetched) > keysLifetime {
		done = i.fetchLocked()
	}
	i.mu.Unlock()
	if len(found) > 0 {
		return found, nil // the fetch goes on without us
	}
	if done != nil {
		select {
		case <-done:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrIssuer, ctx.Err())
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.fetched.IsZero() {
		return nil, ErrIssuer
	}
	return suitable(i.keys, id, algorithm), nil
}

// fetchLocked starts a fetch unless one runs or the last was a moment ago. It
// returns what is closed when the running one ends, nil if none runs.
func (i *Issuer) fetchLocked() chan struct{} {
	if i.done != nil {
		return i.done
	}
	interval := fetchInterval
	if i.fetched.IsZero() {
		interval = firstInterval
	}
	if i.closed || !i.tried.IsZero() && i.now().Sub(i.tried) < interval {
		return nil
	}
	i.tried, i.done = i.now(), make(chan struct{})
	keysURL := i.keysURL
	i.running.Go(func() { i.fetch(keysURL) })
	return i.done
}

// fetch gets the keys, from where discovery says.
func (i *Issuer) fetch(keysURL string) {
	ctx, cancel := context.WithTimeout(i.ctx, 2*fetchTimeout)
	defer cancel()
	keys, keysURL, err := i.get(ctx, keysURL)
	if err != nil && i.ctx.Err() == nil {
		i.failed(i.url, err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if err == nil {
		i.keys, i.fetched, i.keysURL = keys, i.now(), keysURL
	} else {
		i.keysURL = "" // it may have moved
	}
	close(i.done)
	i.done = nil
}

func (i *Issuer) get(ctx context.Context, keysURL string) ([]jose.JSONWebKey, string, error) {
	if keysURL == "" {
		provider, err := oidc.NewProvider(oidc.ClientContext(ctx, i.client), i.url)
		if err != nil {
			return nil, "", fmt.Errorf("discovering the issuer: %.300s", err.Error()) // it quotes the answer
		}
		var document struct {
			KeysURL string `json:"jwks_uri"`
		}
		if err := provider.Claims(&document); err != nil {
			return nil, "", fmt.Errorf("discovering the issuer: %w", err)
		}
		if u, err := url.Parse(document.KeysURL); err != nil || u.Host == "" || !private(u) {
			return nil, "", fmt.Errorf("discovering the issuer: jwks_uri %.300q is not https", document.KeysURL)
		}
		keysURL = document.KeysURL
	}
	keys, err := getKeys(ctx, i.client, keysURL)
	return keys, keysURL, err
}

// issuerClient returns a client whose answers are bounded in time and size. It
// keeps no connection, of which there would be one use in minutes.
func issuerClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true
	transport.MaxResponseHeaderBytes = 64 << 10
	return &http.Client{
		Transport: boundedTransport{transport},
		Timeout:   fetchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("redirects are not followed")
		},
	}
}

type boundedTransport struct{ base http.RoundTripper }

// RoundTrip bounds the body of the answer.
func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxDocument)
	}
	return resp, err
}
