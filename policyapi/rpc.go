// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpcreflect"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/caddy-lockout/caddy-lockout/internal/gen/adminv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/managementv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/settingsv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/settingsv2beta"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv2beta"
)

// rpc serves a Service as gRPC, gRPC-web and by the Connect protocol. It lets a
// call through before its body is read.
type rpc struct {
	service *Service
	access  *Access
	// calls are the handlers by path. Those in open need no access.
	calls, open map[string]http.Handler
	services    []string
	errors      *connect.ErrorWriter
}

// openTime bounds the sending of a request that everybody may make, above all
// a stream of the reflection service.
const openTime = 30 * time.Second

func newRPC(service *Service, access *Access) *rpc {
	h := &rpc{service: service, access: access, calls: map[string]http.Handler{}, open: map[string]http.Handler{}, errors: connect.NewErrorWriter()}
	m := management{service: service}
	handle(h.calls, managementv1.ManagementService_Healthz_FullMethodName, m.Healthz)
	handle(h.calls, managementv1.ManagementService_GetLockoutPolicy_FullMethodName, m.GetLockoutPolicy)
	handle(h.calls, managementv1.ManagementService_GetDefaultLockoutPolicy_FullMethodName, m.GetDefaultLockoutPolicy)
	handle(h.calls, managementv1.ManagementService_AddCustomLockoutPolicy_FullMethodName, m.AddCustomLockoutPolicy)
	handle(h.calls, managementv1.ManagementService_UpdateCustomLockoutPolicy_FullMethodName, m.UpdateCustomLockoutPolicy)
	handle(h.calls, managementv1.ManagementService_ResetLockoutPolicyToDefault_FullMethodName, m.ResetLockoutPolicyToDefault)
	handle(h.calls, managementv1.ManagementService_GetUserByID_FullMethodName, m.GetUserByID)
	handle(h.calls, managementv1.ManagementService_ListUsers_FullMethodName, m.ListUsers)
	handle(h.calls, managementv1.ManagementService_LockUser_FullMethodName, m.LockUser)
	handle(h.calls, managementv1.ManagementService_UnlockUser_FullMethodName, m.UnlockUser)
	a := admin{service: service}
	handle(h.calls, adminv1.AdminService_Healthz_FullMethodName, a.Healthz)
	handle(h.calls, adminv1.AdminService_GetLockoutPolicy_FullMethodName, a.GetLockoutPolicy)
	handle(h.calls, adminv1.AdminService_UpdateLockoutPolicy_FullMethodName, a.UpdateLockoutPolicy)
	s, u := settings{service: service}, usersV2{service: service}
	handle(h.calls, settingsv2.SettingsService_GetLockoutSettings_FullMethodName, s.GetLockoutSettings)
	handle(h.calls, userv2.UserService_GetUserByID_FullMethodName, u.GetUserByID)
	handle(h.calls, userv2.UserService_ListUsers_FullMethodName, u.ListUsers)
	handle(h.calls, userv2.UserService_LockUser_FullMethodName, u.LockUser)
	handle(h.calls, userv2.UserService_UnlockUser_FullMethodName, u.UnlockUser)
	sb, ub := settingsBeta{now: s}, usersBeta{now: u}
	handle(h.calls, settingsv2beta.SettingsService_GetLockoutSettings_FullMethodName, sb.GetLockoutSettings)
	handle(h.calls, userv2beta.UserService_GetUserByID_FullMethodName, ub.GetUserByID)
	handle(h.calls, userv2beta.UserService_ListUsers_FullMethodName, ub.ListUsers)
	handle(h.calls, userv2beta.UserService_LockUser_FullMethodName, ub.LockUser)
	handle(h.calls, userv2beta.UserService_UnlockUser_FullMethodName, ub.UnlockUser)

	handle(h.open, grpc_health_v1.Health_Check_FullMethodName, h.check)
	h.services = append(servicesOf(h.calls), "grpc.health.v1.Health", grpcreflect.ReflectV1ServiceName, grpcreflect.ReflectV1AlphaServiceName)
	reflector := grpcreflect.NewStaticReflector(h.services...)
	for _, reflection := range []func(*grpcreflect.Reflector, ...connect.HandlerOption) (string, http.Handler){
		grpcreflect.NewHandlerV1, grpcreflect.NewHandlerV1Alpha,
	} {
		path, handler := reflection(reflector, connect.WithReadMaxBytes(maxBody))
		h.open[path+"ServerReflectionInfo"] = handler
	}
	return h
}

// handle serves a method under the path of its call.
func handle[Request, Answer any](calls map[string]http.Handler, path string, method func(context.Context, *Request) (*Answer, error)) {
	calls[path] = connect.NewUnaryHandlerSimple(path, func(ctx context.Context, r *Request) (*Answer, error) {
		answer, err := method(ctx, r)
		if err != nil {
			return nil, connectError(err)
		}
		return answer, nil
	}, connect.WithReadMaxBytes(maxBody))
}

// servicesOf are the services of calls, each once.
func servicesOf(calls map[string]http.Handler) (names []string) {
	for path := range calls {
		names = append(names, serviceOf(path))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func serviceOf(path string) string {
	service, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return service
}

// check is the health check. The store may be away: the API is there and says
// so to each call.
func (h *rpc) check(_ context.Context, r *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	if name := r.GetService(); name != "" && !slices.Contains(h.services, name) {
		return nil, status.Error(codes.NotFound, "unknown service")
	}
	return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, nil
}

// serve answers a request of a protocol.
func (h *rpc) serve(w http.ResponseWriter, r *http.Request, p protocol) {
	w = flusher{w}
	if p == protocolWeb || p == protocolWebText {
		var end func()
		w, r, end = newWeb(w, r, p == protocolWebText)
		defer end()
	}
	path := r.URL.Path
	if call := h.open[path]; call != nil {
		serveOpen(call, w, r)
		return
	}
	call := h.calls[path]
	if call == nil {
		h.refuse(w, r, h.unknown(path))
		return
	}
	ctx, err := h.access.authorize(r.Context(), path, r)
	if g, ok := ctx.Value(grantKey{}).(*grant); ok {
		w.Header().Set(requestIDHeader, g.id)
	}
	if err != nil {
		h.refuse(w, r, h.service.fail(ctx, err))
		return
	}
	r = r.WithContext(ctx)
	if rpcs[path] == nothing {
		serveOpen(call, w, r)
		return
	}
	call.ServeHTTP(w, r)
}

// serveOpen serves a request that everybody may make, but does not wait for
// ever until it is sent.
func serveOpen(call http.Handler, w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(openTime))
	call.ServeHTTP(w, r)
}

// refuse answers without reading the body.
func (h *rpc) refuse(w http.ResponseWriter, r *http.Request, err error) {
	_ = h.errors.Write(w, r, connectError(err)) // the client is gone
}

// unknown is what gRPC servers say to a path that no method has.
func (h *rpc) unknown(path string) error {
	service, method, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch {
	case !ok:
		return status.Errorf(codes.Unimplemented, "malformed method name: %q", path)
	case slices.Contains(h.services, service):
		return status.Errorf(codes.Unimplemented, "unknown method %s for service %s", method, service)
	}
	return status.Errorf(codes.Unimplemented, "unknown service %s", service)
}
