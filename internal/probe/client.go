// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

const (
	// maxRequests bounds a run. Finding the names of two fields takes most.
	maxRequests = 40
	// reserved are those that the logins take; looking for names leaves them.
	reserved = 8
	// maxAnswer is how much of an answer is read, as much as a rule looks at.
	maxAnswer = 64 << 10
)

// newClient follows no redirect and keeps no cookie.
func (p *prober) newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true // lockout reads answers as they are
	if p.Insecure {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // asked for by --insecure
	}
	return &http.Client{
		Transport:     transport,
		Timeout:       p.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// visit is a browser that has not been to the service before. It keeps the
// cookies that it gets.
type visit struct {
	*prober
	client   http.Client
	form     *loginForm // that was read last
	loggedIn bool
}

func (p *prober) newVisit() *visit {
	v := &visit{prober: p, client: *p.client}
	v.client.Jar, _ = cookiejar.New(nil) // fails with no list of suffixes
	return v
}

// send makes one request.
func (v *visit) send(r *http.Request) (*answer, error) {
	if v.left == 0 {
		return nil, fmt.Errorf("probing %s: stopped after %d requests", safeURL(v.url), maxRequests)
	}
	v.left--
	r.Header.Set("User-Agent", "caddy-lockout-probe")
	for name, values := range v.Header {
		r.Header[name] = values
		if name == "Host" {
			r.Host = values[0]
		}
	}
	resp, err := v.client.Do(r)
	if err != nil {
		return nil, explainFailure(r, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", safeURL(r.URL), err)
	}
	return newAnswer(resp, body), nil
}

// get asks for a page as a browser does.
func (v *visit) get(ctx context.Context, u *url.URL) (*answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", safeURL(u), errors.Unwrap(err))
	}
	r.Header.Set("Accept", "text/html, application/json;q=0.9, */*;q=0.8")
	return v.send(r)
}

// explainFailure says what a person can do about a request without an answer.
// The error of the client repeats the address, whose query may be a secret.
func explainFailure(r *http.Request, err error) error {
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err
	}
	advice := ""
	var (
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		dns     *net.DNSError
		timeout interface{ Timeout() bool }
	)
	switch {
	case errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &invalid):
		advice = "; --insecure takes any certificate"
	case strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		advice = "; it speaks no TLS: write http://"
	case errors.As(err, &dns):
		advice = "; check the host of the URL"
	case errors.As(err, &timeout) && timeout.Timeout():
		advice = "; the service took too long"
	default:
		advice = "; check that the service runs there"
	}
	return fmt.Errorf("reaching %s: %w%s", safeURL(r.URL), err, advice)
}

// safeURL is an address without what may be secret.
func safeURL(u *url.URL) string {
	return printable(u.Scheme + "://" + u.Host + u.EscapedPath())
}

// origin is what a browser sends as Origin.
func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// count says how often the service has been asked.
func (p *prober) count() {
	if p.guesses == 0 {
		return
	}
	if p.strange > 0 {
		p.did(fmt.Sprintf("requests in all: %d; logins as a user who does not exist: %d", maxRequests-p.left, p.strange))
	} else {
		p.did(fmt.Sprintf("requests in all: %d", maxRequests-p.left))
	}
	said := "logins as the user: 1, with a wrong password"
	if p.guesses == 2 {
		said = "logins as the user: 2, first with a wrong password, then with the right one"
	}
	p.did(said + "; a limiter of the service has seen them")
}
