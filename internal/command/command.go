// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package command adds `caddy lockout` to Caddy's command line:
//
//	caddy lockout preset list [--json]
//	caddy lockout preset show <name> [--argument <name>=<value>...]
//	caddy lockout probe <url> --user <name>
package command

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "lockout",
		Usage: "<command>",
		Short: "Shows presets for known login services, and finds rules for others",
		Long: `
The directive lockout limits wrong passwords and codes in front of a login
service. A preset describes such a service: lockout wordpress in a Caddyfile
is all that WordPress needs. For a service without a preset, probe logs in and
writes the rule.
`,
		CobraFunc: func(cmd *cobra.Command) { group(cmd, presetCommand(), probeCommand()) },
	})
}

// group makes a command that only has others below it: alone it prints its help,
// and another word is a mistake.
func group(cmd *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(commands...)
	return cmd
}
