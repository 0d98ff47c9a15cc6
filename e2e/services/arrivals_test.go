// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// arrival is a request that reached the service.
type arrival struct {
	method, target string
	header         http.Header
	body           string
	text           string // everything, as sent and decoded
}

// arrivals is a proxy between Caddy and the service that writes down what
// reaches the service. It changes nothing.
type arrivals struct {
	URL string

	mu   sync.Mutex
	list []arrival
}

func startArrivals(t *testing.T, service string) *arrivals {
	t.Helper()
	to, err := url.Parse(service)
	if err != nil {
		t.Fatal(err)
	}
	a := &arrivals{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = to.Scheme, to.Host
			r.Out.URL.RawQuery = r.In.URL.RawQuery
			for name, values := range r.In.Header {
				if strings.HasPrefix(name, "X-Forwarded-") || name == "Forwarded" {
					r.Out.Header[name] = values
				}
			}
		},
		FlushInterval: -1,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // Caddy has gone
		}
		a.mu.Lock()
		a.list = append(a.list, newArrival(r, body))
		a.mu.Unlock()
		if len(body) > 0 {
			r.Body = io.NopCloser(bytes.NewReader(body))
		} else {
			r.Body = http.NoBody
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	a.URL = server.URL
	return a
}

func newArrival(r *http.Request, body []byte) arrival {
	var text strings.Builder
	add := func(s string) {
		text.WriteString(s + "\n")
		if decoded, err := url.QueryUnescape(s); err == nil {
			text.WriteString(decoded + "\n")
		}
	}
	add(r.RequestURI)
	add(string(body))
	if in, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
		if decoded, err := io.ReadAll(in); err == nil {
			add(string(decoded))
		}
	}
	for _, values := range r.Header {
		for _, value := range values {
			add(value)
			if _, encoded, ok := strings.Cut(value, " "); ok {
				if decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded)); err == nil {
					add(string(decoded))
				}
			}
		}
	}
	return arrival{r.Method, r.RequestURI, r.Header, string(body), text.String()}
}

// with returns how many requests with a text have reached the service.
func (a *arrivals) with(text string) int {
	return a.count(func(one arrival) bool { return strings.Contains(one.text, text) })
}

func (a *arrivals) count(is func(arrival) bool) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range a.list {
		if is(one) {
			n++
		}
	}
	return n
}
