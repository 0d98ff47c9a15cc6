// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/caddy-lockout/caddy-lockout/internal/gen/adminv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/managementv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/objectv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/settingsv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/settingsv2beta"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv2beta"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/zitadelv1"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// listen serves over a real connection, by HTTP/1.1 and by HTTP/2 without TLS,
// and returns the URL and a client of each.
func (s *server) listen(t testing.TB) (url string, h1, h2 *http.Client) {
	t.Helper()
	l := httptest.NewUnstartedServer(s.handler)
	l.Config.Protocols = new(http.Protocols)
	l.Config.Protocols.SetHTTP1(true)
	l.Config.Protocols.SetUnencryptedHTTP2(true)
	l.Start()
	t.Cleanup(l.Close)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return l.URL, l.Client(), &http.Client{Transport: transport}
}

// dial returns a connection of a gRPC client.
func (s *server) dial(t testing.TB) *grpc.ClientConn {
	t.Helper()
	url, _, _ := s.listen(t)
	conn, err := grpc.NewClient(strings.TrimPrefix(url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// as is the context of a call with a token; headers are pairs.
func as(t testing.TB, token string, headers ...string) context.Context {
	t.Helper()
	return metadata.AppendToOutgoingContext(t.Context(), append([]string{"authorization", "Bearer " + token}, headers...)...)
}

// refused compares an error with a code and the message of the contract.
func refused(t testing.TB, err error, code codes.Code, message string) {
	t.Helper()
	s := status.Convert(err)
	if s.Code() != code || s.Message() != message {
		t.Errorf("%s %q, want %s %q", s.Code(), s.Message(), code, message)
		return
	}
	id := idOf(message)
	if id == "" {
		if len(s.Details()) != 0 {
			t.Errorf("details %v, want none", s.Details())
		}
		return
	}
	want := &zitadelv1.ErrorDetail{Id: id, Message: strings.TrimSuffix(message, " ("+id+")")}
	if len(s.Details()) != 1 || !proto.Equal(s.Details()[0].(proto.Message), want) {
		t.Errorf("details %v, want %v", s.Details(), want)
	}
}

// The life of a policy over gRPC, with the errors of chapter 3 of the contract.
func TestPoliciesOverGRPC(t *testing.T) {
	overServers(t, func(t *testing.T, s *server) {
		conn := s.dial(t)
		m, a, v2 := managementv1.NewManagementServiceClient(conn), adminv1.NewAdminServiceClient(conn), settingsv2.NewSettingsServiceClient(conn)
		ctx := as(t, adminToken, "x-zitadel-orgid", "acme")

		_, err := m.UpdateCustomLockoutPolicy(ctx, &managementv1.UpdateCustomLockoutPolicyRequest{})
		refused(t, err, codes.NotFound, "Errors.Org.LockoutPolicy.NotFound (ORG-ADfs1)")
		_, err = m.ResetLockoutPolicyToDefault(ctx, &managementv1.ResetLockoutPolicyToDefaultRequest{})
		refused(t, err, codes.NotFound, "Errors.Org.LockoutPolicy.NotFound (ORG-D4zuz)")
		added, err := m.AddCustomLockoutPolicy(ctx, &managementv1.AddCustomLockoutPolicyRequest{MaxPasswordAttempts: 4294967295, MaxOtpAttempts: 3})
		if err != nil || added.GetDetails().GetResourceOwner() != "acme" || added.GetDetails().GetCreationDate() == nil || added.GetDetails().GetChangeDate() != nil {
			t.Fatalf("%v, %v", added, err)
		}
		_, err = m.AddCustomLockoutPolicy(ctx, &managementv1.AddCustomLockoutPolicyRequest{})
		refused(t, err, codes.AlreadyExists, "Errors.ORG.LockoutPolicy.AlreadyExists (ORG-0olDf)")
		_, err = m.UpdateCustomLockoutPolicy(ctx, &managementv1.UpdateCustomLockoutPolicyRequest{MaxPasswordAttempts: 4294967295, MaxOtpAttempts: 3})
		refused(t, err, codes.FailedPrecondition, "Errors.Org.LockoutPolicy.NotChanged (ORG-0JFSr)")
		got, err := m.GetLockoutPolicy(ctx, &managementv1.GetLockoutPolicyRequest{})
		if p := got.GetPolicy(); err != nil || p.GetMaxPasswordAttempts() != 4294967295 || p.GetMaxOtpAttempts() != 3 || p.GetIsDefault() || got.GetIsDefault() {
			t.Errorf("%v, %v", got, err)
		}
		settings, err := v2.GetLockoutSettings(as(t, adminToken), &settingsv2.GetLockoutSettingsRequest{
			Ctx: &objectv2.RequestContext{ResourceOwner: &objectv2.RequestContext_OrgId{OrgId: "acme"}},
		})
		if p := settings.GetSettings(); err != nil || p.GetMaxPasswordAttempts() != 4294967295 || p.GetResourceOwnerType() != settingsv2.ResourceOwnerType_RESOURCE_OWNER_TYPE_ORG {
			t.Errorf("%v, %v", settings, err)
		}
		if _, err = m.ResetLockoutPolicyToDefault(ctx, &managementv1.ResetLockoutPolicyToDefaultRequest{}); err != nil {
			t.Error(err)
		}

		if _, err = a.UpdateLockoutPolicy(ctx, &adminv1.UpdateLockoutPolicyRequest{MaxPasswordAttempts: 7}); err != nil {
			t.Error(err)
		}
		_, err = a.UpdateLockoutPolicy(ctx, &adminv1.UpdateLockoutPolicyRequest{MaxPasswordAttempts: 7})
		refused(t, err, codes.FailedPrecondition, "Errors.Instance.LockoutPolicy.NotChanged (INSTANCE-0psjF)")
		got, err = m.GetLockoutPolicy(ctx, &managementv1.GetLockoutPolicyRequest{})
		if p := got.GetPolicy(); err != nil || p.GetMaxPasswordAttempts() != 7 || !p.GetIsDefault() || !got.GetIsDefault() || p.GetDetails().GetResourceOwner() != s.keys.Instance() {
			t.Errorf("%v, %v", got, err)
		}
		if n := s.sequence(t); n != 3 {
			t.Errorf("sequence %d after three changes", n)
		}
	})
}

// Users over gRPC, in the versions that differ by the ids of their errors.
func TestUsersOverGRPC(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	conn := s.dial(t)
	v1, v2, beta := managementv1.NewManagementServiceClient(conn), userv2.NewUserServiceClient(conn), userv2beta.NewUserServiceClient(conn)
	ctx := as(t, adminToken)
	german := as(t, adminToken, "accept-language", "de")
	long := strings.Repeat("a", 201)

	_, err := v1.UnlockUser(german, &managementv1.UnlockUserRequest{Id: "eve"})
	refused(t, err, codes.FailedPrecondition, "Benutzer ist nicht gesperrt (COMMAND-4M0ds)")
	_, err = v2.UnlockUser(ctx, &userv2.UnlockUserRequest{UserId: "eve"})
	refused(t, err, codes.FailedPrecondition, "User is not locked (COMMAND-olb9vb0oca)")
	_, err = beta.GetUserByID(ctx, &userv2beta.GetUserByIDRequest{UserId: "eve"})
	refused(t, err, codes.NotFound, "User could not be found (QUERY-Dfbg2)")
	locked, err := beta.LockUser(ctx, &userv2beta.LockUserRequest{UserId: "eve"})
	if err != nil || locked.GetDetails().GetResourceOwner() != "home" || locked.GetDetails().GetChangeDate() == nil {
		t.Errorf("%v, %v", locked, err)
	}
	_, err = v1.LockUser(ctx, &managementv1.LockUserRequest{Id: "eve"})
	refused(t, err, codes.FailedPrecondition, "User is not active or initial (COMMAND-3NN8v)")
	_, err = v2.LockUser(ctx, &userv2.LockUserRequest{UserId: "eve"})
	refused(t, err, codes.FailedPrecondition, "User is not active or initial (COMMAND-lgws8wtsqf)")
	_, err = beta.LockUser(ctx, &userv2beta.LockUserRequest{UserId: "eve"})
	refused(t, err, codes.FailedPrecondition, "User is not active or initial (COMMAND-lgws8wtsqf)")
	if u, err := v2.GetUserByID(ctx, &userv2.GetUserByIDRequest{UserId: "eve"}); err != nil || u.GetUser().GetState() != userv2.UserState_USER_STATE_LOCKED ||
		u.GetUser().GetUsername() != "eve" || u.GetDetails().GetResourceOwner() != "home" {
		t.Errorf("%v, %v", u, err)
	}
	if list, err := v1.ListUsers(ctx, &managementv1.ListUsersRequest{Queries: []*userv1.SearchQuery{
		{Query: &userv1.SearchQuery_StateQuery{StateQuery: &userv1.StateQuery{State: userv1.UserState_USER_STATE_LOCKED}}},
	}}); err != nil || len(list.GetResult()) != 1 || list.GetResult()[0].GetId() != "eve" {
		t.Errorf("%v, %v", list, err)
	}
	_, err = v1.LockUser(ctx, &managementv1.LockUserRequest{})
	refused(t, err, codes.InvalidArgument, "invalid LockUserRequest.Id: value length must be between 1 and 200 runes, inclusive")
	_, err = beta.UnlockUser(ctx, &userv2beta.UnlockUserRequest{UserId: long})
	refused(t, err, codes.InvalidArgument, "invalid UnlockUserRequest.UserId: value length must be between 1 and 200 runes, inclusive")
	if _, err = v2.UnlockUser(ctx, &userv2.UnlockUserRequest{UserId: "eve"}); err != nil {
		t.Error(err)
	}
}

// services are those that need a token.
var services = []grpc.ServiceDesc{
	managementv1.ManagementService_ServiceDesc, adminv1.AdminService_ServiceDesc,
	settingsv2.SettingsService_ServiceDesc, settingsv2beta.SettingsService_ServiceDesc,
	userv2.UserService_ServiceDesc, userv2beta.UserService_ServiceDesc,
}

// Every method is closed to those without a token and to those without a role,
// whatever the protocol, before its body is looked at; every method exists.
func TestEveryMethodIsGuarded(t *testing.T) {
	t.Parallel()
	s := newServer(t, embeddedEnv(t), serverOptions{tokens: map[string]policyapi.Caller{
		"powerless": {Name: "powerless", Organization: "home", Roles: []string{"ORG_NOTHING"}},
	}})
	url, h1, h2 := s.listen(t)
	conn := s.dial(t)
	for _, service := range services {
		for _, method := range service.Methods {
			path := "/" + service.ServiceName + "/" + method.MethodName
			if method.MethodName == "Healthz" {
				if err := conn.Invoke(t.Context(), path, &emptypb.Empty{}, &emptypb.Empty{}); err != nil {
					t.Errorf("%s: %v", path, err)
				}
				continue
			}
			refused(t, conn.Invoke(t.Context(), path, &emptypb.Empty{}, &emptypb.Empty{}), codes.Unauthenticated, "auth header missing")
			refused(t, conn.Invoke(as(t, "wrong"), path, &emptypb.Empty{}, &emptypb.Empty{}), codes.Unauthenticated, "Errors.Token.Invalid (AUTH-7fs1e)")
			refused(t, conn.Invoke(as(t, adminToken, "x-zitadel-orgid", strings.Repeat("a", 201)), path, &emptypb.Empty{}, &emptypb.Empty{}),
				codes.PermissionDenied, "Organisation doesn't exist (AUTH-Bs7Ds)")
			if method.MethodName != "ListUsers" || !strings.Contains(path, ".v2") {
				want := "No matching permissions found (AUTH-5mWD2)"
				if strings.Contains(path, "user.v2") {
					want = "No matching permissions found (AUTH-AWfge)"
				}
				refused(t, conn.Invoke(as(t, "powerless"), path, &emptypb.Empty{}, &emptypb.Empty{}), codes.PermissionDenied, want)
			}

			for _, contentType := range []string{"application/grpc", "application/grpc-web+proto", "application/grpc-web-text", "application/json"} {
				client := h1
				if contentType == "application/grpc" {
					client = h2
				}
				got := post(t, client, url+path, contentType, "no message at all", "")
				code, want := got.code(), "16"
				if contentType == "application/json" {
					code, want = strconv.Itoa(got.Status), "401"
					if !strings.Contains(path, ".v2") {
						want = "404"
					}
				}
				if code != want {
					t.Errorf("%s %s: %s, want %s", contentType, path, code, want)
				}
			}
		}
	}
	if len(s.changes) > 0 {
		t.Errorf("changes: %v", s.changes)
	}
}

// rpcReply is the answer to a call by whatever protocol.
type rpcReply struct {
	Status          int
	Header, Trailer http.Header
	Body            string
}

// code is the status of gRPC, wherever it stands.
func (a rpcReply) code() string { return a.Header.Get("Grpc-Status") + a.Trailer.Get("Grpc-Status") }

// post makes a call and reads the answer to its end; headers are pairs.
func post(t testing.TB, client *http.Client, url, contentType, body, token string, headers ...string) rpcReply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return rpcReply{Status: resp.StatusCode, Header: resp.Header, Trailer: resp.Trailer, Body: string(raw)}
}

// What is no method, or no protocol of it, opens nothing.
func TestRPCRouting(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	conn := s.dial(t)
	for path, want := range map[string]string{
		"/zitadel.management.v1.ManagementService/DeleteOrg":        "unknown method DeleteOrg for service zitadel.management.v1.ManagementService",
		"/zitadel.management.v1.ManagementService/getLockoutPolicy": "unknown method getLockoutPolicy for service zitadel.management.v1.ManagementService",
		"/zitadel.management.v1.managementservice/GetLockoutPolicy": "unknown service zitadel.management.v1.managementservice",
		"/zitadel.auth.v1.AuthService/GetMyUser":                    "unknown service zitadel.auth.v1.AuthService",
		"/grpc.health.v1.Health/Watch":                              "unknown method Watch for service grpc.health.v1.Health",
		"/management/v1/policies/lockout":                           "unknown service management",
		"/x":                                                        `malformed method name: "/x"`,
	} {
		for _, ctx := range []context.Context{t.Context(), as(t, adminToken)} {
			refused(t, conn.Invoke(ctx, path, &emptypb.Empty{}, &emptypb.Empty{}), codes.Unimplemented, want)
		}
	}

	url, h1, h2 := s.listen(t)
	const v1, v2 = "/zitadel.management.v1.ManagementService/GetLockoutPolicy", "/zitadel.settings.v2.SettingsService/GetLockoutSettings"
	for _, tt := range []struct {
		name              string
		client            *http.Client
		path, contentType string
	}{
		{"gRPC over HTTP/1.1", h1, v1, "application/grpc"},
		{"gRPC of v2 over HTTP/1.1", h1, v2, "application/grpc+proto"},
		{"no content type", h2, v1, ""},
		{"no content type, v2", h2, v2, ""},
		{"another content type", h2, v1, "application/grpcx"},
		{"Connect on v1", h1, v1, "application/json"},
		{"Connect on v1 in binary", h2, v1, "application/proto"},
		{"Connect on an unknown method", h1, v2 + "s", "application/json"},
		{"Connect streaming", h2, v2, "application/connect+json"},
	} {
		a := post(t, tt.client, url+tt.path, tt.contentType, "{}", adminToken)
		if body := strings.ReplaceAll(a.Body, " ", ""); a.Status != 404 || body != `{"code":5,"message":"NotFound"}` {
			t.Errorf("%s: %d %s", tt.name, a.Status, body)
		}
	}
	a := post(t, h2, url+v2, "application/json; charset=utf-8", `{"ctx":{"instance":true},"unknown":1}`, adminToken)
	if a.Status != 200 || !strings.Contains(a.Body, "RESOURCE_OWNER_TYPE_INSTANCE") {
		t.Errorf("Connect on v2: %d %s", a.Status, a.Body)
	}
}

// Everybody may ask what is served and whether it is.
func TestReflectionAndHealth(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	conn := s.dial(t)
	want := []string{
		"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
		"zitadel.admin.v1.AdminService", "zitadel.management.v1.ManagementService",
		"zitadel.settings.v2.SettingsService", "zitadel.settings.v2beta.SettingsService",
		"zitadel.user.v2.UserService", "zitadel.user.v2beta.UserService",
	}

	stream, err := grpc_reflection_v1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	if err := stream.Send(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	list, err := stream.Recv()
	for _, service := range list.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	if slices.Sort(names); err != nil || !slices.Equal(names, want) {
		t.Errorf("services %q, %v", names, err)
	}
	old, err := grpc_reflection_v1alpha.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	//nolint:staticcheck // it is deprecated, and what old clients speak
	ask := &grpc_reflection_v1alpha.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1alpha.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "zitadel.policy.v1.LockoutPolicy"}}
	if err := old.Send(ask); err != nil {
		t.Fatal(err)
	}
	files, err := old.Recv()
	if err != nil {
		t.Fatal(err)
	}
	messages := map[string]bool{}
	//nolint:staticcheck // see above
	for _, raw := range files.GetFileDescriptorResponse().GetFileDescriptorProto() {
		var file descriptorpb.FileDescriptorProto
		if err := proto.Unmarshal(raw, &file); err != nil {
			t.Fatal(err)
		}
		for _, message := range file.GetMessageType() {
			messages[file.GetPackage()+"."+message.GetName()] = true
		}
	}
	if !messages["zitadel.policy.v1.LockoutPolicy"] {
		t.Errorf("messages %q", slices.Collect(maps.Keys(messages)))
	}

	health := grpc_health_v1.NewHealthClient(conn)
	for _, name := range append(want, "") {
		if a, err := health.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: name}); err != nil || a.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", name, a, err)
		}
	}
	_, err = health.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "nothing"})
	refused(t, err, codes.NotFound, "unknown service")
}
