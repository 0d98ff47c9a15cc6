// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/caddy-lockout/caddy-lockout/internal/gen/adminv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/managementv1"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/settingsv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/settingsv2beta"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv2"
	"github.com/caddy-lockout/caddy-lockout/internal/gen/userv2beta"
)

// maxBody is the largest body that is read. The largest useful one is a search
// with a few names.
const maxBody = 64 << 10

// REST serves a Service as JSON over HTTP, in this process: nothing listens and
// nothing is dialed. It answers every request, those for unknown paths with
// 404.
type REST struct {
	service *Service
	access  *Access
	mux     *runtime.ServeMux
}

// NewREST returns the REST API of a service for those to whom access is given.
func NewREST(service *Service, access *Access) (*REST, error) {
	h := &REST{service: service, access: access}
	h.mux = runtime.NewServeMux(
		// JSON is spoken whatever the request claims to hold or to accept.
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: true}}),
		runtime.WithMiddlewares(h.guard),
		runtime.WithRoutingErrorHandler(routingError),
		// A form must not turn into a GET, nor a header into another method.
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
		// A user name may hold a slash; guard reads it out of the raw path.
		runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptSlash),
	)
	ctx := context.Background() // registering only; nothing is dialed
	if err := managementv1.RegisterManagementServiceHandlerServer(ctx, h.mux, management{service: service}); err != nil {
		return nil, fmt.Errorf("registering the management service: %w", err)
	}
	if err := adminv1.RegisterAdminServiceHandlerServer(ctx, h.mux, admin{service: service}); err != nil {
		return nil, fmt.Errorf("registering the admin service: %w", err)
	}
	s, u := settings{service: service}, usersV2{service: service}
	if err := settingsv2.RegisterSettingsServiceHandlerServer(ctx, h.mux, s); err != nil {
		return nil, fmt.Errorf("registering the settings service: %w", err)
	}
	if err := settingsv2beta.RegisterSettingsServiceHandlerServer(ctx, h.mux, settingsBeta{now: s}); err != nil {
		return nil, fmt.Errorf("registering the settings service of v2beta: %w", err)
	}
	if err := userv2.RegisterUserServiceHandlerServer(ctx, h.mux, u); err != nil {
		return nil, fmt.Errorf("registering the user service: %w", err)
	}
	if err := userv2beta.RegisterUserServiceHandlerServer(ctx, h.mux, usersBeta{now: u}); err != nil {
		return nil, fmt.Errorf("registering the user service of v2beta: %w", err)
	}
	for path, open := range openPaths {
		if err := h.mux.HandlePath(http.MethodGet, path, open); err != nil {
			return nil, fmt.Errorf("registering %s: %w", path, err)
		}
	}
	return h, nil
}

// routingError answers what no route takes. Alone of all errors, a wrong method
// has another status than its code stands for.
func routingError(ctx context.Context, mux *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, r *http.Request, httpStatus int) {
	if httpStatus == http.StatusMethodNotAllowed {
		runtime.HTTPError(ctx, mux, m, w, r, &runtime.HTTPStatusError{
			HTTPStatus: httpStatus,
			Err:        status.Error(codes.Unimplemented, http.StatusText(httpStatus)),
		})
		return
	}
	runtime.DefaultRoutingErrorHandler(ctx, mux, m, w, r, httpStatus)
}

const healthPath = "/healthz"

// openPaths are answered to everybody, without a call behind them.
var openPaths = map[string]runtime.HandlerFunc{healthPath: health, openAPIPath: describe}

func health(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"status":"SERVING"}`)
}

type originalKey struct{}

// ServeHTTP answers a request.
func (h *REST) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	escaped := r.URL.EscapedPath()
	if clean := cleanPath(escaped); clean != escaped {
		target := url.URL{Path: clean, RawQuery: r.URL.RawQuery}
		if unescaped, err := url.PathUnescape(clean); err == nil {
			target.Path, target.RawPath = unescaped, clean
		}
		w.Header().Set("Location", target.String())
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	// The gateway takes more from headers than it should: timeouts, metadata,
	// trailers, content types that it logs. It gets none.
	inner := r.Clone(context.WithValue(r.Context(), originalKey{}, r))
	inner.Header = http.Header{}
	inner.URL.RawPath = escaped
	inner.Body = http.NoBody
	h.mux.ServeHTTP(w, inner)
}

// cleanPath is the path without empty and dotted parts, as gorilla/mux cleans
// it. What is escaped is text and stays.
func cleanPath(escaped string) string {
	if !strings.HasPrefix(escaped, "/") {
		return escaped // an authority or "*", which no route has
	}
	clean := path.Clean(escaped)
	if strings.HasSuffix(escaped, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

// guard stands between the routes and the methods: it lets a call through,
// then reads its body.
func (h *REST) guard(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, params map[string]string) {
		pattern, _ := runtime.HTTPPattern(r.Context())
		route := r.Method + " " + pattern.String()
		if openPaths[pattern.String()] != nil {
			next(w, r, params)
			return
		}
		original := r.Context().Value(originalKey{}).(*http.Request)
		ctx, err := h.access.authorize(r.Context(), routes[route], original)
		if g, ok := ctx.Value(grantKey{}).(*grant); ok {
			w.Header().Set(requestIDHeader, g.id)
		}
		if err == nil && (r.Method == http.MethodPost || r.Method == http.MethodPut) {
			r.Body, err = readBody(original)
		}
		if err != nil {
			_, marshaler := runtime.MarshalerForRequest(h.mux, r)
			runtime.HTTPError(ctx, h.mux, marshaler, w, r, h.service.fail(ctx, err))
			return
		}
		for name := range params {
			// The routes know an escaped slash as such. The gateway leaves it
			// escaped, so that a%2Fb and a%252Fb would be one name.
			at := slices.Index(strings.Split(pattern.String(), "/"), "{"+name+"=*}")
			params[name], _ = url.PathUnescape(strings.Split(r.URL.RawPath, "/")[at])
		}
		next(w, r.WithContext(ctx), params)
	}
}

// readBody reads the whole body, so that none is parsed that is too large.
func readBody(r *http.Request) (io.ReadCloser, error) {
	tooLarge := argumentError(fmt.Sprintf("request body is larger than %d bytes", maxBody))
	if r.ContentLength > maxBody {
		return nil, tooLarge
	}
	if r.Body == nil {
		return http.NoBody, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, argumentError("request body could not be read")
	}
	if len(body) > maxBody {
		return nil, tooLarge
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}

// routes are the calls behind the routes of proto/gateway.yaml, which the
// gateway tells its methods only after it has parsed the body.
var routes = map[string]string{
	"GET /management/v1/healthz":                  managementv1.ManagementService_Healthz_FullMethodName,
	"GET /management/v1/policies/lockout":         managementv1.ManagementService_GetLockoutPolicy_FullMethodName,
	"GET /management/v1/policies/default/lockout": managementv1.ManagementService_GetDefaultLockoutPolicy_FullMethodName,
	"POST /management/v1/policies/lockout":        managementv1.ManagementService_AddCustomLockoutPolicy_FullMethodName,
	"PUT /management/v1/policies/lockout":         managementv1.ManagementService_UpdateCustomLockoutPolicy_FullMethodName,
	"DELETE /management/v1/policies/lockout":      managementv1.ManagementService_ResetLockoutPolicyToDefault_FullMethodName,
	"GET /management/v1/users/{id=*}":             managementv1.ManagementService_GetUserByID_FullMethodName,
	"POST /management/v1/users/_search":           managementv1.ManagementService_ListUsers_FullMethodName,
	"POST /management/v1/users/{id=*}/_lock":      managementv1.ManagementService_LockUser_FullMethodName,
	"POST /management/v1/users/{id=*}/_unlock":    managementv1.ManagementService_UnlockUser_FullMethodName,
	"GET /admin/v1/healthz":                       adminv1.AdminService_Healthz_FullMethodName,
	"GET /admin/v1/policies/lockout":              adminv1.AdminService_GetLockoutPolicy_FullMethodName,
	"PUT /admin/v1/policies/password/lockout":     adminv1.AdminService_UpdateLockoutPolicy_FullMethodName,
	"GET /v2/settings/lockout":                    settingsv2.SettingsService_GetLockoutSettings_FullMethodName,
	"GET /v2/users/{user_id=*}":                   userv2.UserService_GetUserByID_FullMethodName,
	"POST /v2/users":                              userv2.UserService_ListUsers_FullMethodName,
	"POST /v2/users/{user_id=*}/lock":             userv2.UserService_LockUser_FullMethodName,
	"POST /v2/users/{user_id=*}/unlock":           userv2.UserService_UnlockUser_FullMethodName,
	"GET /v2beta/settings/lockout":                settingsv2beta.SettingsService_GetLockoutSettings_FullMethodName,
	"GET /v2beta/users/{user_id=*}":               userv2beta.UserService_GetUserByID_FullMethodName,
	"POST /v2beta/users":                          userv2beta.UserService_ListUsers_FullMethodName,
	"POST /v2beta/users/{user_id=*}/lock":         userv2beta.UserService_LockUser_FullMethodName,
	"POST /v2beta/users/{user_id=*}/unlock":       userv2beta.UserService_UnlockUser_FullMethodName,
}

// Unavailable answers a request as REST does while the store is away.
func Unavailable(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, `{"code":14,"message":"the store does not answer"}`)
}
