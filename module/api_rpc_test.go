// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// withH2C lets the servers of a Caddyfile speak HTTP/2 without TLS.
func withH2C(caddyfile string) string {
	return strings.Replace(caddyfile, "{\n", "{\n\tservers {\n\t\tprotocols h1 h2 h2c\n\t}\n", 1)
}

// One port serves REST, gRPC and gRPC-web, without TLS and with it, and all of
// them the same policies. Streams need a writer that Caddy flushes.
func TestAPITransports(t *testing.T) {
	t.Parallel()
	plain, encrypted := freeAddress(t), freeAddress(t)
	site := strings.Replace(apiSite(t, encrypted, ""), "http://"+encrypted+" {", "https://"+encrypted+" {\n\ttls internal\n", 1)
	n := &apiNode{
		node:   startNode(t, withH2C("{\n\tskip_install_trust\n\tauto_https disable_redirects\n}\n"+apiSite(t, plain, "\t\tcors https://admin.example.com\n")+site)),
		api:    "http://" + plain,
		client: client(t),
	}
	for i, tt := range []struct {
		name, address string
		credentials   credentials.TransportCredentials
	}{
		{"without TLS", plain, insecure.NewCredentials()},
		{"over TLS", encrypted, credentials.NewTLS(&tls.Config{InsecureSkipVerify: true, ServerName: "127.0.0.1"})}, // the CA is Caddy's own, made a moment ago
	} {
		t.Run(tt.name, func(t *testing.T) {
			// Caddy makes the certificate while it serves already.
			conn, err := grpc.NewClient(tt.address, grpc.WithTransportCredentials(tt.credentials), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			const service = "/zitadel.management.v1.ManagementService/"
			organization := fmt.Sprint("organization-", i)
			ctx, cancel := context.WithTimeout(t.Context(), nodeDeadline)
			defer cancel()
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+apiToken, "x-zitadel-orgid", organization)

			// UInt32Value has its number where the request has the password's.
			if err := conn.Invoke(ctx, service+"AddCustomLockoutPolicy", wrapperspb.UInt32(7), &emptypb.Empty{}); err != nil {
				t.Fatal(err)
			}
			err = conn.Invoke(ctx, service+"AddCustomLockoutPolicy", wrapperspb.UInt32(7), &emptypb.Empty{})
			if s := grpcstatus.Convert(err); s.Code() != codes.AlreadyExists || len(s.Proto().GetDetails()) != 1 ||
				s.Proto().GetDetails()[0].GetTypeUrl() != "type.googleapis.com/zitadel.v1.ErrorDetail" {
				t.Errorf("adding again: %v", err)
			}
			if err := conn.Invoke(t.Context(), service+"ResetLockoutPolicyToDefault", &emptypb.Empty{}, &emptypb.Empty{}); grpcstatus.Code(err) != codes.Unauthenticated {
				t.Errorf("without a token: %v", err)
			}
			if p := n.call(t, 200, "GET", "/v2/settings/lockout?ctx.orgId="+organization, "")["settings"].(map[string]any); p["maxPasswordAttempts"] != "7" {
				t.Errorf("REST answers %v", p)
			}
			checkReflection(t, conn)
		})
	}

	// gRPC-web over HTTP/1.1, from a page of another origin.
	r, err := http.NewRequestWithContext(t.Context(), "POST", n.api+"/zitadel.management.v1.ManagementService/GetDefaultLockoutPolicy", strings.NewReader("\x00\x00\x00\x00\x00"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{
		"Content-Type": {"application/grpc-web+proto"}, "X-Grpc-Web": {"1"}, "Authorization": {"Bearer " + apiToken}, "Origin": {"https://admin.example.com"},
	}
	resp, err := n.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || len(body) < 5 || !strings.HasSuffix(string(body), "grpc-status: 0\r\n") || int(binary.BigEndian.Uint32(body[1:])) >= len(body) {
		t.Errorf("gRPC-web answers %q, %v", body, err)
	}
	if resp.Header.Get("Access-Control-Allow-Origin") != "https://admin.example.com" {
		t.Errorf("header %v", resp.Header)
	}
}

func checkReflection(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), nodeDeadline)
	defer cancel()
	stream, err := grpc_reflection_v1.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the stream stays open between question and answer
		if err := stream.Send(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}}); err != nil {
			t.Fatal(err)
		}
		a, err := stream.Recv()
		if err != nil || len(a.GetListServicesResponse().GetService()) != 9 {
			t.Fatalf("services %v, %v", a, err)
		}
	}
}

// A change is in force on the node that made it when it is answered, and on
// the others soon after. The log says after how long.
func TestEveryNodeEnforcesAChange(t *testing.T) {
	t.Parallel()
	s := startLoginService(t, nil)
	redis := redistest.Start(t).Addr
	var nodes []*apiNode
	for range 3 {
		nodes = append(nodes, startAPINode(t, s.URL, redis, 10))
	}
	c := client(t)
	probes := 0
	// limit is 1 or 2, as a new user finds it on a node.
	limit := func(n *apiNode) int {
		probes++
		user := fmt.Sprint("user-", probes)
		mustLogin(t, c, n.URL, user, "wrong", 401)
		switch second, err := login(c, n.URL, user, "wrong"); {
		case err != nil:
			t.Fatal(err)
		case second == http.StatusForbidden:
			return 1
		}
		return 2
	}
	var slowest time.Duration
	for round := range 9 {
		want := 1 + round%2
		writer := nodes[round%3]
		writer.call(t, 200, "PUT", "/admin/v1/policies/password/lockout", fmt.Sprintf(`{"maxPasswordAttempts":%d}`, want))
		made := time.Now()
		if got := limit(writer); got != want {
			t.Fatalf("round %d: the node that made the change allows %d, want %d", round, got, want)
		}
		for i, n := range nodes {
			eventually(t, fmt.Sprintf("round %d: limit %d on node %d", round, want, i), func() bool { return limit(n) == want })
			slowest = max(slowest, time.Since(made))
		}
	}
	t.Logf("every node enforced each of 9 changes within %s", slowest)
}
