// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// grpcurl lists, describes and calls, without TLS and with it.
func TestGRPCurl(t *testing.T) {
	grpcurl, err := build(filepath.Join(binaries, "grpcurl"), "..", "-modfile=tools/grpcurl/go.mod", "github.com/fullstorydev/grpcurl/cmd/grpcurl")
	if err != nil {
		t.Fatal(err)
	}
	plain, encrypted := startAPI(t)
	for _, tt := range []struct{ name, port, flag string }{{"h2c", plain, "-plaintext"}, {"TLS", encrypted, "-insecure"}} {
		t.Run(tt.name, func(t *testing.T) {
			call := func(args ...string) string {
				out, _ := exec.CommandContext(t.Context(), grpcurl, append([]string{tt.flag, "-max-time", "60"}, args...)...).CombinedOutput()
				return string(out)
			}
			expect := func(got string, wants ...string) {
				t.Helper()
				for _, want := range wants {
					if !strings.Contains(got, want) {
						t.Errorf("no %q in:\n%s", want, got)
					}
				}
			}
			address, token := "127.0.0.1:"+tt.port, "authorization: Bearer "+apiToken
			const service = "zitadel.management.v1.ManagementService"
			// Caddy may still be making its certificate.
			for deadline := time.Now().Add(buildPatience); strings.Contains(call(address, "list"), "Failed to dial") && time.Now().Before(deadline); {
				time.Sleep(50 * time.Millisecond)
			}

			expect(call(address, "list"), service, "zitadel.admin.v1.AdminService", "zitadel.settings.v2beta.SettingsService", "zitadel.user.v2.UserService", "grpc.health.v1.Health")
			expect(call(address, "describe", service), "rpc AddCustomLockoutPolicy ( .zitadel.management.v1.AddCustomLockoutPolicyRequest )")
			expect(call(address, "describe", "zitadel.settings.v2.LockoutSettings"), "uint64 max_password_attempts = 1;", "resource_owner_type = 2;")
			expect(call(address, "grpc.health.v1.Health/Check"), `"status": "SERVING"`)
			expect(call(address, service+"/GetLockoutPolicy"), "Code: Unauthenticated", "auth header missing")

			acme := []string{"-H", token, "-H", "x-zitadel-orgid: " + tt.name, "-d", `{"max_password_attempts":5}`, address}
			expect(call(append(acme, service+"/AddCustomLockoutPolicy")...), `"creationDate"`, `"resourceOwner": "`+tt.name+`"`)
			expect(call(append(acme, service+"/AddCustomLockoutPolicy")...), "Code: AlreadyExists", `"id": "ORG-0olDf"`)
			expect(call("-H", token, "-d", `{"ctx":{"org_id":"`+tt.name+`"}}`, address, "zitadel.settings.v2.SettingsService/GetLockoutSettings"),
				`"maxPasswordAttempts": "5"`, `"resourceOwnerType": "RESOURCE_OWNER_TYPE_ORG"`)
			expect(call("-H", token, "-d", `{"user_id":"eve"}`, address, "zitadel.user.v2.UserService/UnlockUser"), "Code: FailedPrecondition", "COMMAND-olb9vb0oca")
		})
	}
}

// The official Go SDK makes every call, in a process of its own: see its
// go.mod.
func TestGoSDK(t *testing.T) {
	program, err := build(filepath.Join(binaries, "sdk-go"), "sdk-go", ".")
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := startAPI(t)
	cmd := exec.CommandContext(t.Context(), program, plain)
	cmd.Env = append(os.Environ(), "LOCKOUT_TOKEN="+apiToken)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "checks passed") {
		t.Fatalf("the SDK: %v\n%s", err, out)
	}
	t.Logf("the SDK: %s", out)
}
