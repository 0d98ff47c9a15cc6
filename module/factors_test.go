// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"net/http"
	"testing"
)

// otpTypes are the factors of codes, with what the service calls them.
var otpTypes = map[string]string{"totp": "totp", "otp_sms": "sms", "otp_email": "email", "recovery_code": "backup"}

const (
	pendingStep = `
		step password {
			match path /login
			accept form
			user field username
			secret field password
			pending status 200 & json mfa.id
			failure status 401
		}`

	factorField = `
			factor field type {
				totp totp
				sms otp_sms
				email otp_email
				backup recovery_code
			}`

	codeOutcomes = `
			secret field code
			success status 200 & set_cookie sid
			failure status 401`
)

// factorSteps has a step for each factor, and one whose factor a field names.
func factorSteps() string {
	steps := pendingStep + "\n\t\tstep otp {\n\t\t\tmatch path /otp\n\t\t\tuser field username" + factorField + codeOutcomes + "\n\t\t}"
	for factor, kind := range otpTypes {
		steps += fmt.Sprintf("\n\t\tstep %s {\n\t\t\tmatch path /otp/%s\n\t\t\tuser field username%s\n\t\t}", factor, kind, codeOutcomes)
	}
	return steps
}

func TestFactorsAreCountedApart(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, factorSteps())
	for factor, kind := range otpTypes {
		for name, path := range map[string]string{"step": "/otp/" + kind, "field": "/otp"} {
			t.Run(factor+"_by_"+name, func(t *testing.T) {
				t.Parallel()
				user := "username=" + kind + name
				code := func(want int, code string) {
					t.Helper()
					fields := []string{user, "code=" + code}
					if name == "field" {
						fields = append(fields, "type="+kind)
					}
					a.expect(t, want, path, "", fields...)
				}
				for range otpLimit - 1 {
					code(http.StatusUnauthorized, "wrong")
				}
				// A right password forgives wrong passwords alone.
				a.expect(t, http.StatusUnauthorized, "/login", "", user, "password=wrong")
				a.expect(t, http.StatusOK, "/login", "", user, "password=right")
				a.expectUser(t, kind+name, otpLimit-1, false)
				// A right code forgives wrong codes of its type alone.
				a.expect(t, http.StatusUnauthorized, "/login", "", user, "password=wrong")
				code(http.StatusOK, "right")
				a.expectUser(t, kind+name, 1, false)

				for range otpLimit {
					code(http.StatusUnauthorized, "wrong")
				}
				code(http.StatusForbidden, "wrong")
				code(http.StatusForbidden, "right")
				// The lock is on the user.
				a.expect(t, http.StatusForbidden, "/login", "", user, "password=right")
				for _, other := range otpTypes {
					a.expect(t, http.StatusForbidden, "/otp/"+other, "", user, "code=right")
				}
				if got := a.service.wrong(kind+name, kind); got != 2*otpLimit-1 {
					t.Errorf("%d wrong codes were checked, want %d", got, 2*otpLimit-1)
				}
				a.order(t, order{Do: "unlock", User: kind + name})
				code(http.StatusOK, "right")
			})
		}
	}
}

func TestPasswordLockClosesSecondFactors(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, factorSteps())
	for range loginLimit {
		a.expect(t, http.StatusUnauthorized, "/login", "", "username=alice", "password=wrong")
	}
	for _, kind := range otpTypes {
		a.expect(t, http.StatusForbidden, "/otp/"+kind, "", "username=alice", "code=right")
	}
	if got := a.service.accepted("alice"); got != 0 {
		t.Errorf("%d codes reached the service", got)
	}
}

func TestFactorFieldIsReadOneWay(t *testing.T) {
	t.Parallel()
	a := startOTPArena(t, factorSteps())
	for name, fields := range map[string][]string{
		"missing":     {},
		"empty":       {"type="},
		"unmapped":    {"type=push"},
		"other case":  {"type=TOTP"},
		"with blanks": {"type= totp"},
		"repeated":    {"type=totp", "type=sms"},
		"twice same":  {"type=totp", "type=totp"},
		"imitated":    {"type=totp", "Type=sms"},
		"array":       {"type=totp", "type[]=sms"},
		"password":    {"type=password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a.expect(t, http.StatusBadRequest, "/otp", "", append([]string{"username=victim", "code=right"}, fields...)...)
		})
	}
	t.Cleanup(func() {
		if got := a.service.accepted("victim"); got != 0 {
			t.Errorf("%d codes reached the service", got)
		}
	})
}
