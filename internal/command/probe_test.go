// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// checked is a service with HTTP Basic that also wants a header.
func checked(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	switch {
	case r.Header.Get("X-Tenant") != "acme":
		w.WriteHeader(400)
	case user != "alice" || password != "wonderland":
		w.Header().Set("WWW-Authenticate", "Basic")
		w.WriteHeader(401)
	}
}

func TestProbe(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(checked))
	defer service.Close()
	for _, tt := range []struct{ name, line, stdin, variable, told, err string }{
		{name: "password as a flag", line: "--user alice --password wonderland", told: "GET /: 401, asks for HTTP Basic\n"},
		{name: "password on standard input", line: "-u alice -p -", stdin: "wonderland\r\nmore", told: "note: passwords that"},
		{name: "password on standard input without a line", line: "-u alice -p -", stdin: "wonderland", told: "logins as the user: 2"},
		{name: "password in the environment", line: "-u alice", variable: "wonderland", told: "logins as the user: 2"},
		{name: "flag before environment", line: "-u alice -p wrong", variable: "wonderland", told: "logins as the user: 2", err: "is it right?"},
		{name: "no password", line: "-u alice", err: "LOCKOUT_PROBE_PASSWORD"},
		{name: "empty standard input", line: "-u alice -p -", variable: "wonderland", err: "LOCKOUT_PROBE_PASSWORD"},
		{name: "no user", line: "-p wonderland", err: "--user"},
		{name: "field", line: "-u alice -p wonderland --field secret", err: `--field "secret": want`},
		{name: "header", line: "-u alice -p wonderland --header secret", err: `--header "secret": want`},
		{name: "body", line: "-u alice -p wonderland --body xml", err: "form or json"},
		{name: "too much", line: "-u alice -p wonderland more", err: "accepts 1 arg"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(passwordVariable, tt.variable)
			cmd := &cobra.Command{Use: "lockout", SilenceUsage: true, SilenceErrors: true}
			caddycmd.Commands()["lockout"].CobraFunc(cmd)
			var out, told bytes.Buffer
			cmd.SetOut(&out)
			cmd.SetErr(&told)
			cmd.SetIn(strings.NewReader(tt.stdin))
			cmd.SetArgs(append([]string{"probe", service.URL, "-H", "x-tenant: acme"}, strings.Fields(tt.line)...))
			err := cmd.Execute()
			if got := errorText(err); tt.err == "" != (got == "") || !strings.Contains(got, tt.err) {
				t.Errorf("got the error %q, want %q", got, tt.err)
			}
			if !strings.Contains(told.String(), tt.told) || strings.Contains(out.String()+told.String(), "wonderland") {
				t.Errorf("standard error: %s", told.String())
			}
			if block := strings.HasSuffix(out.String(), "\n}\n"); block != (tt.err == "") {
				t.Errorf("standard output: %s", out.String())
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
