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
)

const (
	// maxRequests bounds a run. Finding the names of two fields takes most.
	maxRequests = 40
	// reserved are those that the logins take; looking for names leaves them.
	reserved = 8
	// maxAnswer is how much of an answer is read, as much as a rule looks at.
	maxAnswer = 64 << 10
)

func (p *prober) newTransport() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true // lockout reads answers as they are
	if p.Insecure {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // asked for by --insecure
	}
	return transport
}

// visit is a browser that has not been to the service before. It keeps the
// cookies that it gets.
type visit struct {
	*prober
	cookies  http.CookieJar
	form     *loginForm // that was read last
	loggedIn bool
	formless *answer // instead of the page, to somebody who is logged in
}

func (p *prober) newVisit() *visit {
	jar, _ := cookiejar.New(nil) // fails with no list of suffixes
	return &visit{prober: p, cookies: jar}
}

// send makes one request and follows no redirect. It does without http.Client,
// whose errors repeat addresses that an answer redirects to, secrets and all.
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
	for _, c := range v.cookies.Cookies(r.URL) {
		r.AddCookie(c)
	}
	ctx, cancel := context.WithTimeout(r.Context(), v.Timeout)
	defer cancel()
	resp, err := v.transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, explainFailure(r, err)
	}
	defer resp.Body.Close()
	v.keep(r.URL, resp.Cookies())
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", safeURL(r.URL), err)
	}
	return newAnswer(r.URL, resp, body), nil
}

// keep keeps cookies also when they are for TLS or for the domain of the site: a
// service that is asked directly believes to be where clients reach it. They go
// back to where they come from, and nowhere else.
func (v *visit) keep(u *url.URL, cookies []*http.Cookie) {
	for _, c := range cookies {
		c.Secure, c.Domain = false, ""
	}
	v.cookies.SetCookies(u, cookies)
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
func explainFailure(r *http.Request, err error) error {
	advice := ""
	var (
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		noTLS   tls.RecordHeaderError
		dns     *net.DNSError
		timeout interface{ Timeout() bool }
	)
	switch {
	case errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &invalid):
		advice = "; --insecure takes any certificate"
	case errors.As(err, &noTLS):
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
