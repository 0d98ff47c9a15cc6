// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// startMirror starts an upstream that shows in its answer what it got.
func startMirror(t testing.TB) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/range":
			http.ServeContent(w, r, "x", time.Time{}, strings.NewReader("0123456789"))
			return
		case "/empty":
			w.WriteHeader(http.StatusNoContent)
			return
		case "/hints":
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
		case "/trailers":
			w.Header().Set("Trailer", "X-Sum")
			defer func() {
				w.Header().Set("X-Sum", "42")
				w.Header().Set(http.TrailerPrefix+"X-Late", "43")
			}()
		case "/missing":
			w.WriteHeader(http.StatusNotFound)
		case "/cookies":
			w.Header().Add("Set-Cookie", "sid=1")
			w.Header().Add("Set-Cookie", "sid=2")
		}
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s\n%v %v\n%q %v\n", r.Method, r.RequestURI, r.Host, r.ContentLength, r.TransferEncoding, body, err)
		header := []string{fmt.Sprint("trailer ", r.Trailer)}
		for name, values := range r.Header {
			header = append(header, fmt.Sprint(name, values))
		}
		slices.Sort(header)
		fmt.Fprintln(w, strings.Join(header, "\n"))
	}))
	t.Cleanup(s.Close)
	return s
}

// changing is what differs from answer to answer, with Caddy alone as well: it
// sends its own 100 (Continue), that of the upstream, or both.
var changing = regexp.MustCompile(`(?m)^Date: .*\r\n|^HTTP/1.1 100 Continue\r\n(?:.+\r\n)*\r\n`)

// Upstream and client see the same bytes with and without the plugin when a
// request is no attempt.
func TestUnmatchedRequestsPassUnchanged(t *testing.T) {
	t.Parallel()
	mirror := startMirror(t)
	plain := freeAddress(t)
	proxy := "encode gzip\n\theader X-Site test\n\t" + proxyTo(mirror.URL)
	n := startNode(t, options(maxAttempts(5))+siteBlock(manySteps+basicStep, proxy)+"http://"+plain+" {\n\t"+proxy+"\n}\n")
	bare := &node{URL: "http://" + plain}

	const chunked = "Transfer-Encoding: chunked\r\n"
	for _, tt := range []struct {
		name, request string // without the line of the version and the host
		header        string
		body          string
		status        int
	}{
		{"GET", "GET /", "", "", 200},
		{"GET of the login page", "GET /login", "", "", 200},
		{"HEAD of the login page", "HEAD /login", "", "", 200},
		{"OPTIONS of the login page", "OPTIONS /login", "Origin: http://a.test\r\nAccess-Control-Request-Method: POST\r\n", "", 200},
		{"OPTIONS of the server", "OPTIONS *", "", "", 200},
		{"style sheet of the login page", "GET /login.css", "", "", 200},
		{"page below the login page", "GET /login/help?x=1", "", "", 200},
		{"bearer token", "GET /api", "Authorization: Bearer abc\r\n", "", 200},
		{"digest", "GET /api", "Authorization: Digest username=\"a\"\r\n", "", 200},
		{"HEAD", "HEAD /page", "", "", 200},
		{"Range", "GET /range", "Range: bytes=2-5\r\n", "", 206},
		{"several ranges out of reach", "GET /range", "Range: bytes=20-25\r\n", "", 416},
		{"gzip", "GET /", "Accept-Encoding: gzip\r\n", "", 200},
		{"no content", "GET /empty", "", "", 204},
		{"not found", "GET /missing", "", "", 404},
		{"early hints", "GET /hints", "", "", 103},
		{"response trailers", "GET /trailers", "TE: trailers\r\n", "", 200},
		{"cookies", "GET /cookies", "Cookie: a=1\r\nCookie: b=2\r\n", "", 200},
		{"form elsewhere", "POST /search", "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 28\r\n", "username=alice&password=x&q=1", 200},
		{"ambiguous form elsewhere", "POST /search", "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 21\r\n", "username=a&username=%", 200},
		{"zipped elsewhere", "POST /search", "Content-Encoding: gzip\r\nContent-Length: 3\r\n", "abc", 200},
		{"chunked", "PUT /file", chunked, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200},
		{"request trailers", "PUT /file", chunked + "Trailer: X-Sum\r\n", "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n", 200},
		{"expect", "PUT /file", "Expect: 100-continue\r\nContent-Length: 3\r\n", "abc", 200},
		{"expect without a body", "GET /", "Expect: 100-continue\r\n", "", 200},
		{"odd target", "GET /a//b/../c;d=1/%2e%2E?q=%zz&&;=", "", "", 200},
		{"unknown method", "BREW /pot", "", "", 200},
		{"empty header", "GET /", "X-Empty:\r\nx_odd: 1\r\n", "", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			raw := tt.request + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + tt.header + "\r\n" + tt.body
			var answers [2]string
			for i, site := range []*node{n, bare} {
				all, err := io.ReadAll(rawSend(t, site, raw))
				if err != nil {
					t.Fatal(err)
				}
				answers[i] = changing.ReplaceAllString(string(all), "")
			}
			if answers[0] != answers[1] {
				t.Errorf("with the plugin\n%q, without\n%q", answers[0], answers[1])
			}
			if want := fmt.Sprint("HTTP/1.1 ", tt.status, " "); !strings.HasPrefix(answers[0], want) {
				t.Errorf("answer %q, want %q", answers[0], want)
			}
		})
	}
}

func TestProtocolsPass(t *testing.T) {
	t.Parallel()
	mirror := startMirror(t)
	secure := freeAddress(t)
	port := secure[strings.LastIndex(secure, ":"):]
	const handler = manySteps + basicStep
	n := startNode(t, "{\n\tskip_install_trust\n\tauto_https disable_redirects\n\tservers {\n\t\tprotocols h1 h2 h2c\n\t}\n}\n"+
		siteBlock(handler, proxyTo(mirror.URL))+
		"https://localhost"+port+" {\n\ttls internal\n\tlockout {"+handler+"\n\t}\n\t"+proxyTo(mirror.URL)+"\n}\n")
	overTLS := client(t)
	overTLS.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true} // a test's own authority
	overTLS.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	for _, tt := range []struct {
		name string
		c    *http.Client
		site string
	}{
		{"HTTP/2 over TLS", overTLS, "https://localhost" + port},
		{"HTTP/2 in cleartext", http2Client(t), n.URL},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// The certificate is made while the site is up already.
			eventually(t, "the first answer", func() bool { return read(tt.c.Get(tt.site)).status != 0 })
			var hints []int
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				Got1xxResponse: func(code int, _ textproto.MIMEHeader) error { hints = append(hints, code); return nil },
			})
			r, err := http.NewRequestWithContext(ctx, http.MethodPut, tt.site+"/hints?x=1", strings.NewReader("body"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := tt.c.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if resp.ProtoMajor != 2 || !slices.Equal(hints, []int{http.StatusEarlyHints}) {
				t.Errorf("%s, hints %v", resp.Proto, hints)
			}
			if got := read(resp, nil); got.status != http.StatusOK || !strings.Contains(got.body, `"body"`) {
				t.Errorf("answer %+v", got)
			}
			resp, err = tt.c.Get(tt.site + "/trailers")
			if err != nil {
				t.Fatal(err)
			}
			if got := read(resp, nil); got.status != http.StatusOK || resp.Trailer.Get("X-Sum") != "42" || resp.Trailer.Get("X-Late") != "43" {
				t.Errorf("status %d, trailers %v", got.status, resp.Trailer)
			}
		})
	}
}

func TestWebSocketPasses(t *testing.T) {
	t.Parallel()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { upgradeToEcho(w, r, true) }))
	defer service.Close()
	n := startNode(t, options(maxAttempts(5))+siteBlock(formStep+basicStep, proxyTo(service.URL)))
	expectEcho(t, rawSend(t, n, upgradeRequest(n, "")))
}

// ticker sends an event when the test says so.
type ticker struct {
	send chan string
	left chan struct{} // the client is gone
}

func newTicker() *ticker { return &ticker{send: make(chan string), left: make(chan struct{})} }

func (k *ticker) serve(w http.ResponseWriter, contentType string) func(*http.Request) {
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s3cret"})
	w.Header().Set("Content-Type", contentType)
	out := http.NewResponseController(w)
	_ = out.Flush()
	return func(r *http.Request) {
		defer close(k.left)
		for {
			select {
			case event := <-k.send:
				_, _ = io.WriteString(w, event)
				_ = out.Flush()
			case <-r.Context().Done():
				return
			}
		}
	}
}

// expectTicks sends events, each after the one before has arrived.
func (k *ticker) expectTicks(t testing.TB, in io.Reader, first, count int) {
	t.Helper()
	for i := range count {
		event := fmt.Sprintf("data: %d\n\n", first+i)
		select {
		case k.send <- event:
		case <-k.left:
			t.Fatalf("the proxy hung up before event %d", first+i)
		case <-time.After(nodeDeadline):
			t.Fatal("the service does not send")
		}
		got := make([]byte, len(event))
		if _, err := io.ReadFull(in, got); err != nil || string(got) != event {
			t.Fatalf("event %q, %v, want %q", got, err, event)
		}
	}
}

// An event stream flows event by event: without a login, and as the answer to
// one, longer than an attempt may take, until the client leaves.
func TestStreamsFlow(t *testing.T) {
	t.Parallel()
	const attemptTimeout = 2 * time.Second
	for _, tt := range []struct {
		name        string
		path        string
		contentType string
		login       string // form, basic or none
	}{
		{"events", "/events", "text/event-stream", ""},
		{"events behind Basic", "/events", "text/event-stream; charset=utf-8", "basic"},
		{"download behind Basic", "/events", "application/octet-stream", "basic"},
		{"events after a form login", "/login", "text/event-stream", "form"},
		{"download after a form login", "/login", "application/octet-stream", "form"},
	} {
		for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
			t.Run(tt.name+", "+protocol, func(t *testing.T) {
				t.Parallel()
				k := newTicker()
				held := tt.login == "form" && tt.contentType == "application/octet-stream"
				service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					flow := k.serve(w, tt.contentType)
					if held {
						_, _ = w.Write(make([]byte, 64<<10))
						_ = http.NewResponseController(w).Flush()
					}
					flow(r)
				}))
				t.Cleanup(service.Close)
				n := startNode(t, options(maxAttempts(1), "attempt_timeout "+attemptTimeout.String(), "reservation_ttl 4s")+
					siteBlock(formStep+basicStep, proxyTo(service.URL)))
				c := client(t)
				if protocol == "HTTP/2" {
					c = http2Client(t)
				}
				r, err := http.NewRequest(http.MethodGet, n.URL+tt.path, nil)
				if err != nil {
					t.Fatal(err)
				}
				switch tt.login {
				case "basic":
					r.SetBasicAuth("owner", "right")
				case "form":
					r.Method, r.Body = http.MethodPost, io.NopCloser(strings.NewReader(form("owner", "right").Encode()))
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
				resp, err := c.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					t.Fatalf("status %d", resp.StatusCode)
				}
				in := bufio.NewReader(resp.Body)
				if held {
					if _, err := io.CopyN(io.Discard, in, 64<<10); err != nil {
						t.Fatal(err)
					}
				}
				k.expectTicks(t, in, 0, 5)
				// It is decided long before it ends.
				n.expectUser(t, "owner", 0, false)
				<-time.After(attemptTimeout + time.Second/2) // the time limit itself is the subject
				k.expectTicks(t, in, 5, 5)
				_ = resp.Body.Close()
				await(t, k.left, "the end at the service")
				n.expectUser(t, "owner", 0, false)
			})
		}
	}
}

// gibibyte yields 1 GiB that does not repeat.
type gibibyte struct {
	read int64
	sum  uint32
}

const gibibyteSize = 1 << 30

func (g *gibibyte) Read(p []byte) (int, error) {
	if g.read == gibibyteSize {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), gibibyteSize-g.read)]
	for i := 0; i < len(p); i += 4096 {
		copy(p[i:], strconv.FormatInt(g.read+int64(i), 36))
	}
	g.read += int64(len(p))
	g.sum = crc32.Update(g.sum, castagnoli, p)
	return len(p), nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// An upload of 1 GiB arrives whole, and the node keeps none of it: without a
// login, and behind HTTP Basic.
func TestLargeUpload(t *testing.T) {
	t.Parallel()
	const most = 400 << 10 // KiB, with the race detector
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var sum uint32
		buf := make([]byte, 256<<10)
		for {
			m, err := r.Body.Read(buf)
			sum = crc32.Update(sum, castagnoli, buf[:m])
			if errors.Is(err, io.EOF) {
				fmt.Fprint(w, sum)
				return
			}
			if err != nil {
				return
			}
		}
	}))
	t.Cleanup(service.Close)
	n := startNode(t, options(maxAttempts(5), "attempt_timeout 10m", "reservation_ttl 11m")+siteBlock(formStep+basicStep, proxyTo(service.URL)))
	c := client(t)
	c.Timeout = 0
	for _, login := range []bool{false, true} {
		body := new(gibibyte)
		r, err := http.NewRequest(http.MethodPut, n.URL+"/file", body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = gibibyteSize
		if login {
			r.ContentLength = -1
			r.SetBasicAuth("owner", "right")
		}
		if got := read(c.Do(r)); got.status != http.StatusOK || got.body != fmt.Sprint(body.sum) {
			t.Errorf("login %t: status %d, sum %q, want %d", login, got.status, got.body, body.sum)
		}
	}
	if peak, ok := n.peakMemory(); ok && peak > most {
		t.Errorf("the node took %d KiB at its peak, want at most %d", peak, most)
	} else if ok {
		t.Logf("peak memory of the node: %d KiB", peak)
	}
	n.expectUser(t, "owner", 0, false)
}

// peakMemory is the most resident memory in KiB, where /proc tells.
func (n *node) peakMemory() (kib int, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	if err != nil {
		return 0, false
	}
	_, rest, ok := strings.Cut(string(text), "VmHWM:")
	if !ok {
		return 0, false
	}
	kib, err = strconv.Atoi(strings.Fields(rest)[0])
	return kib, err == nil
}
