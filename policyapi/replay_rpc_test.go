// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/caddy-lockout/caddy-lockout/internal/gen/adminv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/managementv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/settingsv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/settingsv2beta"
)

// methodsOfRoutes are the methods of the routes in the recording. What has
// another route is about REST alone: a wrong verb or path.
var methodsOfRoutes = map[string]string{
	"GET /management/v1/policies/lockout":         getPath,
	"GET /management/v1/policies/default/lockout": managementv1.ManagementService_GetDefaultLockoutPolicy_FullMethodName,
	"POST /management/v1/policies/lockout":        addPath,
	"PUT /management/v1/policies/lockout":         managementv1.ManagementService_UpdateCustomLockoutPolicy_FullMethodName,
	"DELETE /management/v1/policies/lockout":      managementv1.ManagementService_ResetLockoutPolicyToDefault_FullMethodName,
	"GET /admin/v1/policies/lockout":              adminv1.AdminService_GetLockoutPolicy_FullMethodName,
	"PUT /admin/v1/policies/password/lockout":     adminv1.AdminService_UpdateLockoutPolicy_FullMethodName,
	"GET /v2/settings/lockout":                    settingsv2.SettingsService_GetLockoutSettings_FullMethodName,
	"GET /v2beta/settings/lockout":                settingsv2beta.SettingsService_GetLockoutSettings_FullMethodName,
}

// restOnly are the recorded calls that gRPC cannot make, and why.
var restOnly = map[string]string{
	"management.json: trailing slash":                                 "a path",
	"management.json: PATCH -> method not allowed":                    "a verb",
	"management.json: HEAD":                                           "a verb",
	"management.json: unknown path":                                   "a path",
	"management.json: form post":                                      "a body that is no message",
	"admin.json: update on the GET path -> 405?":                      "a verb",
	"admin.json: POST on default -> 405":                              "a verb",
	"admin.json: DELETE on default -> 405":                            "a verb",
	"admin.json: old GET path":                                        "a verb",
	"settings.json: v2 connect protocol JSON":                         "another protocol, and so are the next",
	"settings.json: v2 connect protocol JSON, invalid token":          "",
	"settings.json: v2 connect protocol JSON, no token":               "",
	"settings.json: v2 connect protocol JSON, ctx.instance=false":     "",
	"settings.json: v2beta connect protocol JSON":                     "",
	"settings.json: v2beta connect protocol JSON, invalid token":      "",
	"settings.json: v2beta connect protocol JSON, no token":           "",
	"settings.json: v2beta connect protocol JSON, ctx.instance=false": "",
}

// TestReplayOverRPC makes the recorded calls by gRPC and by gRPC-web: code, id,
// message and the JSON of the answer are those of REST.
func TestReplayOverRPC(t *testing.T) {
	t.Parallel()
	for name, invoke := range map[string]func(*testing.T, *server) invoker{
		"gRPC": overGRPC, "gRPC-web": overWeb("application/grpc-web+proto"), "gRPC-web-text": overWeb("application/grpc-web-text"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var skipped []string
			for _, file := range []string{"management.json", "admin.json", "settings.json"} {
				raw, err := os.ReadFile("testdata/golden/" + file)
				if err != nil {
					t.Fatal(err)
				}
				var calls []recorded
				if err := json.Unmarshal(raw, &calls); err != nil {
					t.Fatal(err)
				}
				s := goldenServer(t)
				call := invoke(t, s)
				for _, c := range calls {
					key := file + ": " + c.Case
					s.prepare(t, c)
					if _, ok := restOnly[key]; ok {
						skipped = append(skipped, key)
						continue
					}
					replayRPC(t, key, c, call)
				}
			}
			if len(skipped) != len(restOnly) {
				t.Errorf("left out %q, listed are %d", skipped, len(restOnly))
			}
		})
	}
}

// invoker makes a call and returns its answer as JSON.
type invoker func(path string, in *dynamicpb.Message, headers map[string]string) (any, error)

func replayRPC(t *testing.T, key string, c recorded, call invoker) {
	t.Helper()
	route, query, _ := strings.Cut(c.Path, "?")
	path, ok := methodsOfRoutes[c.Method+" "+route]
	if !ok {
		t.Errorf("%s: no method, and not listed", key)
		return
	}
	in, _ := messagesOf(t, path)
	body := requestJSON(t, c, query)
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal([]byte(body), in); err != nil {
		t.Errorf("%s: %v", key, err)
		return
	}
	answer, err := call(path, in, c.Headers)
	if err != nil {
		answer = statusJSON(t, err)
	}
	want := shape(c.Answer)
	if d, ok := different[key]; ok {
		want = d.answer
	}
	if got := shape(answer); got != want {
		t.Errorf("%s:\n%s\nwant\n%s", key, got, want)
	}
}

// requestJSON is the message of a recorded call: its body, or its query.
func requestJSON(t *testing.T, c recorded, query string) string {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	for name := range values {
		switch name {
		case "ctx.orgId", "ctx.org_id":
			return `{"ctx":{"orgId":` + strconv.Quote(values.Get(name)) + `}}`
		case "ctx.instance":
			return `{"ctx":{"instance":` + values.Get(name) + `}}`
		}
	}
	if c.Body == nil {
		return "{}"
	}
	return *c.Body
}

func messagesOf(t *testing.T, path string) (in, out *dynamicpb.Message) {
	t.Helper()
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", ".")))
	if err != nil {
		t.Fatal(err)
	}
	m := d.(protoreflect.MethodDescriptor)
	return dynamicpb.NewMessage(m.Input()), dynamicpb.NewMessage(m.Output())
}

// statusJSON is an error as REST shows it.
func statusJSON(t *testing.T, err error) any {
	t.Helper()
	return jsonOf(t, status.Convert(err).Proto())
}

func jsonOf(t *testing.T, m proto.Message) (v any) {
	t.Helper()
	raw, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func overGRPC(t *testing.T, s *server) invoker {
	conn := s.dial(t)
	return func(path string, in *dynamicpb.Message, headers map[string]string) (any, error) {
		_, out := messagesOf(t, path)
		pairs := map[string]string{}
		for name, value := range headers {
			// A gRPC client says itself what it sends.
			if !slices.Contains([]string{"content-type", "x-http-method-override"}, strings.ToLower(name)) {
				pairs[strings.ToLower(name)] = value
			}
		}
		if err := conn.Invoke(metadata.NewOutgoingContext(t.Context(), metadata.New(pairs)), path, in, out, grpc.WaitForReady(true)); err != nil {
			return nil, err
		}
		return jsonOf(t, out), nil
	}
}

func overWeb(contentType string) func(*testing.T, *server) invoker {
	return func(t *testing.T, s *server) invoker {
		site, h1, _ := s.listen(t)
		return func(path string, in *dynamicpb.Message, headers map[string]string) (any, error) {
			_, out := messagesOf(t, path)
			text := strings.Contains(contentType, "text")
			message := framed(t, in)
			if text {
				message = base64.StdEncoding.EncodeToString([]byte(message))
			}
			pairs := []string{"X-Grpc-Web", "1"}
			for name, value := range headers {
				if name != "Content-Type" {
					pairs = append(pairs, name, value)
				}
			}
			a := post(t, h1, site+path, contentType, message, "", pairs...)
			if code := a.Header.Get("Grpc-Status"); code != "" {
				return nil, webError(t, a.Header)
			}
			body := a.Body
			if text {
				raw, err := base64.StdEncoding.DecodeString(body)
				if err != nil {
					t.Fatal(err)
				}
				body = string(raw)
			}
			if trailers := unframed(t, body, out); trailers != "grpc-status: 0\r\n" {
				t.Errorf("%s: trailers %q", path, trailers)
			}
			return jsonOf(t, out), nil
		}
	}
}

// webError reads the error that the headers of an answer hold.
func webError(t *testing.T, h http.Header) error {
	t.Helper()
	if details := h.Get("Grpc-Status-Details-Bin"); details != "" {
		raw, err := base64.RawStdEncoding.DecodeString(details)
		if err != nil {
			t.Fatal(err)
		}
		s := status.New(codes.OK, "").Proto()
		if err := proto.Unmarshal(raw, s); err != nil {
			t.Fatal(err)
		}
		return status.ErrorProto(s)
	}
	code, err := strconv.Atoi(h.Get("Grpc-Status"))
	if err != nil {
		t.Fatal(err)
	}
	message, err := url.PathUnescape(h.Get("Grpc-Message"))
	if err != nil {
		t.Fatal(err)
	}
	return status.Error(codes.Code(code), message)
}
