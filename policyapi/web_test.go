// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/caddy-lockout/caddy-lockout/internal/gen/managementv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/zitadelv1"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

const (
	addPath = managementv1.ManagementService_AddCustomLockoutPolicy_FullMethodName
	getPath = managementv1.ManagementService_GetLockoutPolicy_FullMethodName
)

// frame puts the length before a message, as gRPC does.
func frame(flags byte, message []byte) string {
	head := binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(message)))
	return string(head) + string(message)
}

func framed(t testing.TB, m proto.Message) string {
	t.Helper()
	raw, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return frame(0, raw)
}

// unframed cuts a body of gRPC-web into its message and its trailers.
func unframed(t testing.TB, body string, m proto.Message) (trailers string) {
	t.Helper()
	for rest := []byte(body); len(rest) > 0; {
		if len(rest) < 5 || len(rest) < 5+int(binary.BigEndian.Uint32(rest[1:])) {
			t.Fatalf("cut frame in %q", body)
		}
		n := 5 + int(binary.BigEndian.Uint32(rest[1:]))
		switch rest[0] {
		case 0:
			if err := proto.Unmarshal(rest[5:n], m); err != nil {
				t.Fatal(err)
			}
		case 0x80:
			trailers += string(rest[5:n])
		default:
			t.Fatalf("frame with flags %x in %q", rest[0], body)
		}
		rest = rest[n:]
	}
	return trailers
}

// TestWeb is chapter 5 of the contract: an answer repeats the content type, and
// ends with a frame of trailers; an error is in the headers alone.
func TestWeb(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	site, h1, h2 := s.listen(t)
	add := framed(t, &managementv1.AddCustomLockoutPolicyRequest{MaxPasswordAttempts: 5, MaxOtpAttempts: 3})
	get := framed(t, &managementv1.GetLockoutPolicyRequest{})
	text := base64.StdEncoding.EncodeToString
	for i, tt := range []struct {
		contentType string
		client      *http.Client
		add, get    string
	}{
		{"application/grpc-web", h1, add, get},
		{"application/grpc-web+proto", h2, add, get},
		{"application/grpc-web-text", h1, text([]byte(add)), text([]byte(get))},
		// Part by part: each is padded.
		{"application/grpc-web-text+proto", h2, text([]byte(add[:4])) + text([]byte(add[4:])), text([]byte(get[:1])) + text([]byte(get[1:]))},
	} {
		t.Run(tt.contentType, func(t *testing.T) {
			t.Parallel()
			organization := fmt.Sprint("organization-", i)
			body := func(a rpcReply) string {
				t.Helper()
				raw := a.Body
				if a.Status != 200 || a.Header.Get("Content-Type") != tt.contentType {
					t.Fatalf("status %d, content type %q", a.Status, a.Header.Get("Content-Type"))
				}
				if strings.Contains(tt.contentType, "text") {
					decoded, err := base64.StdEncoding.DecodeString(raw)
					if err != nil {
						t.Fatalf("%q: %v", raw, err)
					}
					return string(decoded)
				}
				return raw
			}
			call := func(path, message, token string) rpcReply {
				return post(t, tt.client, site+path, tt.contentType, message, token, "X-Grpc-Web", "1", "X-Zitadel-OrgID", organization)
			}

			var added managementv1.AddCustomLockoutPolicyResponse
			if trailers := unframed(t, body(call(addPath, tt.add, adminToken)), &added); added.GetDetails().GetResourceOwner() != organization || trailers != "grpc-status: 0\r\n" {
				t.Errorf("added %v, trailers %q", &added, trailers)
			}
			var got managementv1.GetLockoutPolicyResponse
			if unframed(t, body(call(getPath, tt.get, adminToken)), &got); got.GetPolicy().GetMaxOtpAttempts() != 3 {
				t.Errorf("got %v", &got)
			}
			refused := func(a rpcReply, code codes.Code, message string) {
				t.Helper()
				if raw := body(a); raw != "" {
					t.Errorf("an error with the body %q", raw)
				}
				encoded, _ := url.PathUnescape(a.Header.Get("Grpc-Message"))
				if a.Header.Get("Grpc-Status") != fmt.Sprint(int(code)) || encoded != message {
					t.Errorf("status %q, message %q, want %d %q", a.Header.Get("Grpc-Status"), encoded, code, message)
				}
				checkDetails(t, a.Header.Get("Grpc-Status-Details-Bin"), code, message)
			}
			refused(call(addPath, tt.add, adminToken), codes.AlreadyExists, "Errors.ORG.LockoutPolicy.AlreadyExists (ORG-0olDf)")
			refused(call(addPath, "no frame", ""), codes.Unauthenticated, "auth header missing")
			refused(call(addPath, "no frame", "x"), codes.Unauthenticated, "Errors.Token.Invalid (AUTH-7fs1e)")
			refused(call(addPath+"s", tt.add, adminToken), codes.Unimplemented,
				"unknown method AddCustomLockoutPolicys for service zitadel.management.v1.ManagementService")
		})
	}
}

// checkDetails compares grpc-status-details-bin, which is base64 without
// padding.
func checkDetails(t *testing.T, header string, code codes.Code, message string) {
	t.Helper()
	id := idOf(message)
	if id == "" {
		if header != "" {
			t.Errorf("details %q, want none", header)
		}
		return
	}
	raw, err := base64.RawStdEncoding.DecodeString(header)
	if err != nil {
		t.Fatal(err)
	}
	s := status.New(codes.OK, "").Proto()
	if err := proto.Unmarshal(raw, s); err != nil {
		t.Fatal(err)
	}
	var detail zitadelv1.ErrorDetail
	if s.GetCode() != int32(code) || s.GetMessage() != message || len(s.GetDetails()) != 1 ||
		s.GetDetails()[0].GetTypeUrl() != "type.googleapis.com/zitadel.v1.ErrorDetail" {
		t.Fatalf("details %v", s)
	}
	if err := s.GetDetails()[0].UnmarshalTo(&detail); err != nil || detail.GetId() != id {
		t.Errorf("detail %v, %v", &detail, err)
	}
}

// What cannot be a message changes nothing, whatever the protocol, and is not
// held in memory.
func TestRPCBodies(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	site, h1, h2 := s.listen(t)
	s.send(t, "POST", "/management/v1/policies/lockout", `{"maxPasswordAttempts":77}`).expect(t, 200, 0, "")
	before := s.sequence(t)

	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	if _, err := zip.Write(make([]byte, 10<<20)); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	update := managementv1.ManagementService_UpdateCustomLockoutPolicy_FullMethodName
	for _, tt := range []struct {
		name, contentType, body, encoding string
		want                              codes.Code
	}{
		{"no frame", "application/grpc", "x", "", codes.Internal},
		{"cut frame", "application/grpc", frame(0, make([]byte, 100))[:50], "", codes.Internal},
		{"no message", "application/grpc", frame(0, []byte("\xff\xff\xff")), "", codes.InvalidArgument},
		{"varint of 65 bits", "application/grpc", frame(0, []byte("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")), "", codes.InvalidArgument},
		{"length of 4 GB", "application/grpc", "\x00\xff\xff\xff\xff", "", codes.ResourceExhausted},
		{"10 MB", "application/grpc", frame(0, make([]byte, 10<<20)), "", codes.ResourceExhausted},
		{"10 MB after gunzip", "application/grpc", frame(1, bomb.Bytes()), "gzip", codes.ResourceExhausted},
		{"unknown compression", "application/grpc", frame(1, []byte("x")), "br", codes.Unimplemented},
		{"two messages", "application/grpc", frame(0, nil) + frame(0, nil), "", codes.Unimplemented},
		{"empty", "application/grpc", "", "", codes.Unimplemented},
		{"10 MB", "application/grpc-web", frame(0, make([]byte, 10<<20)), "", codes.ResourceExhausted},
		{"no base64", "application/grpc-web-text", "!!!!", "", codes.Internal},
		{"half of base64", "application/grpc-web-text", "AAA", "", codes.Internal},
		{"10 MB", "application/grpc-web-text", base64.StdEncoding.EncodeToString([]byte(frame(0, make([]byte, 10<<20)))), "", codes.ResourceExhausted},
		{"length of 64 KiB and less", "application/grpc-web-text", base64.StdEncoding.EncodeToString([]byte(frame(0, make([]byte, 1<<16))[:1000])), "", codes.Internal},
	} {
		client := h1
		if tt.contentType == "application/grpc" {
			client = h2
		}
		a := post(t, client, site+update, tt.contentType, tt.body, adminToken, "Grpc-Encoding", tt.encoding)
		if got := a.code(); got != fmt.Sprint(int(tt.want)) {
			t.Errorf("%s %s: grpc-status %q, want %d; %v %q", tt.contentType, tt.name, got, tt.want, a.Header, a.Body)
		}
	}
	for _, body := range []string{`{"ctx":{"orgId":"a","instance":true}}`, `{"ctx":5}`, `{`, `[]`, strings.Repeat(`{"ctx":`, 11000), `{"x":"` + strings.Repeat("a", 10<<20) + `"}`} {
		a := post(t, h1, site+"/zitadel.settings.v2.SettingsService/GetLockoutSettings", "application/json", body, adminToken)
		var problem struct{ Code string }
		if err := json.Unmarshal([]byte(a.Body), &problem); err != nil || problem.Code != "invalid_argument" && problem.Code != "resource_exhausted" {
			t.Errorf("%.40s: %d %q, %v", body, a.Status, problem.Code, err)
		}
	}
	if n := s.sequence(t); n != before {
		t.Errorf("sequence %d, want %d", n, before)
	}
}

// A path without its slash is another path. net/http refuses it already; this
// is for a server that does not.
func TestPathWithoutSlash(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	for _, token := range []string{"", adminToken} {
		r := &http.Request{
			Method: "POST", URL: &url.URL{Path: strings.TrimPrefix(addPath, "/")}, Proto: "HTTP/2.0", ProtoMajor: 2, RemoteAddr: "192.0.2.1:1",
			Header: http.Header{"Content-Type": {"application/grpc"}, "Authorization": {"Bearer " + token}}, Body: http.NoBody,
		}
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r.WithContext(t.Context()))
		if got := w.Result().Trailer.Get("Grpc-Status"); got != "12" {
			t.Errorf("grpc-status %q, want 12", got)
		}
	}
	if len(s.changes) > 0 {
		t.Errorf("changes: %v", s.changes)
	}
}

// FuzzWeb sends any body by gRPC-web: nothing panics, an answer has a status,
// and nobody without the token changes anything.
func FuzzWeb(f *testing.F) {
	add := framed(f, &managementv1.AddCustomLockoutPolicyRequest{MaxPasswordAttempts: 5})
	for _, body := range []string{
		"", add, base64.StdEncoding.EncodeToString([]byte(add)), base64.StdEncoding.EncodeToString([]byte(add[:4])) + base64.StdEncoding.EncodeToString([]byte(add[4:])),
		"AAAA", "AA==AA==", "A", "====", frame(0x80, []byte("grpc-status: 0\r\n")), "\x00\xff\xff\xff\xff", frame(1, []byte("x")),
	} {
		f.Add(body, true, adminToken)
		f.Add(body, false, "wrong")
	}
	s := embeddedServer(f)
	f.Fuzz(func(t *testing.T, body string, text bool, token string) {
		r := httptest.NewRequest("POST", addPath, strings.NewReader(body))
		r.Header = http.Header{"Content-Type": {"application/grpc-web"}, "Authorization": {"Bearer " + token}}
		if text {
			r.Header.Set("Content-Type", "application/grpc-web-text")
		}
		before := len(s.changes)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if token != adminToken && len(s.changes) != before {
			t.Fatal("a change without the token")
		}
		answer := w.Body.String()
		if text {
			decoded, err := base64.StdEncoding.DecodeString(answer)
			if err != nil {
				t.Fatal(err)
			}
			answer = string(decoded)
		}
		if w.Code != 200 || w.Header().Get("Grpc-Status") == "" &&
			!strings.Contains(unframed(t, answer, new(managementv1.AddCustomLockoutPolicyResponse)), "grpc-status: 0\r\n") {
			t.Fatalf("status %d, %v, %q", w.Code, w.Header(), answer)
		}
		if len(s.failed) > 0 {
			t.Fatalf("failed: %v", s.failed)
		}
	})
}

// TestCORS is chapter 5 of the contract, for origins that the configuration
// names.
func TestCORS(t *testing.T) {
	t.Parallel()
	const origin = "https://admin.example.com"
	named := newServer(t, embeddedEnv(t), serverOptions{handler: policyapi.HandlerOptions{Origins: []string{origin, "http://localhost:3000"}}})
	every := newServer(t, embeddedEnv(t), serverOptions{handler: policyapi.HandlerOptions{Origins: []string{"*"}}})
	const webHeaders = "authorization,content-type,x-grpc-web,x-user-agent,x-zitadel-orgid"
	for _, tt := range []struct {
		name                            string
		s                               *server
		path, origin, method, headers   string
		allowOrigin, allowHeaders, vary string
	}{
		{"gRPC-web", named, getPath, origin, "POST", webHeaders, origin, webHeaders, "Origin"},
		{"gRPC-web, every origin", every, getPath, "https://elsewhere.example", "POST", webHeaders, "https://elsewhere.example", webHeaders, "Origin"},
		{"REST", named, "/management/v1/policies/lockout", "http://localhost:3000", "DELETE", "Authorization, X-Requested-With", "http://localhost:3000", "Authorization, X-Requested-With", "Origin"},
		{"Connect", named, "/zitadel.settings.v2.SettingsService/GetLockoutSettings", origin, "POST", "connect-protocol-version,connect-timeout-ms", origin, "connect-protocol-version,connect-timeout-ms", "Origin"},
		{"unknown path", named, "/nothing", origin, "GET", "", origin, "", "Origin"},
		{"another header", named, getPath, origin, "POST", webHeaders + ",x-other", "", "", "Origin"},
		{"another method", named, getPath, origin, "BREW", "", "", "", "Origin"},
		{"another origin", named, getPath, "https://evil.example", "POST", webHeaders, "", "", "Origin"},
		{"another scheme", named, getPath, "http://admin.example.com", "POST", webHeaders, "", "", "Origin"},
		{"another port", named, getPath, origin + ":8443", "POST", webHeaders, "", "", "Origin"},
		{"a longer host", named, getPath, origin + ".evil.example", "POST", webHeaders, "", "", "Origin"},
		{"null", named, getPath, "null", "POST", webHeaders, "", "", "Origin"},
		{"no origin", named, getPath, "", "POST", webHeaders, "", "", "Origin"},
	} {
		a := tt.s.send(t, "OPTIONS", tt.path, "", "Authorization", "", "Origin", tt.origin, "Access-Control-Request-Method", tt.method, "Access-Control-Request-Headers", tt.headers)
		credentials, age := "", ""
		if tt.allowOrigin != "" {
			credentials, age = "true", "600"
		}
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin": tt.allowOrigin, "Access-Control-Allow-Headers": tt.allowHeaders, "Vary": tt.vary,
			"Access-Control-Allow-Credentials": credentials, "Access-Control-Max-Age": age,
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s %q, want %q", tt.name, name, got, want)
			}
		}
		if a.Status != 204 || a.Body != "" || (a.Header.Get("Access-Control-Allow-Methods") != "") != (tt.allowOrigin != "") {
			t.Errorf("%s: %d %q %v", tt.name, a.Status, a.Body, a.Header)
		}
	}

	// Answers can be read by pages of the origins, refusals too.
	for _, token := range []string{adminToken, "wrong"} {
		a := named.send(t, "GET", "/management/v1/policies/lockout", "", "Origin", origin, "Authorization", "Bearer "+token)
		if a.Header.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), "Grpc-Status-Details-Bin") {
			t.Errorf("%v", a.Header)
		}
	}
	site, h1, _ := named.listen(t)
	a := post(t, h1, site+getPath, "application/grpc-web", frame(0, nil), adminToken, "Origin", origin)
	for _, name := range []string{"Grpc-Status", "Grpc-Message", "Content-Type", "X-Request-Id"} {
		if !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), name) {
			t.Errorf("%s is not exposed: %v", name, a.Header)
		}
	}
	if a := named.send(t, "GET", "/healthz", "", "Origin", "https://evil.example"); a.Header.Get("Access-Control-Allow-Origin") != "" || a.Header.Get("Vary") != "Origin" {
		t.Errorf("%v", a.Header)
	}

	// Without origins a browser hears nothing, as from a server without CORS.
	silent := embeddedServer(t)
	a2 := silent.send(t, "OPTIONS", "/management/v1/policies/lockout", "", "Origin", origin, "Access-Control-Request-Method", "GET")
	a2.expect(t, 405, 12, "Method Not Allowed")
	for name := range a2.Header {
		if strings.HasPrefix(name, "Access-Control-") || name == "Vary" {
			t.Errorf("header %s", name)
		}
	}
}

func TestOriginsRefused(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{
		"", "admin.example.com", "https://", "https://admin.example.com/", "https://admin.example.com/path", "https://a@admin.example.com",
		"HTTPS://admin.example.com", "https://Admin.example.com", "https://admin.example.com:443", "http://localhost:80", "null", "https://*.example.com", "https://a.example\n",
	} {
		if err := policyapi.CheckOrigin(origin); err == nil {
			t.Errorf("%q is taken", origin)
		}
	}
	for _, origin := range []string{"*", "https://admin.example.com", "http://localhost:3000", "http://[::1]:8080", "chrome-extension://abcdef"} {
		if err := policyapi.CheckOrigin(origin); err != nil {
			t.Error(err)
		}
	}
}
