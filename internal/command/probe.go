// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddy-lockout/caddy-lockout/internal/probe"
	"github.com/caddy-lockout/caddy-lockout/presets"
)

// passwordVariable is where the password may stand in the environment.
const passwordVariable = "LOCKOUT_PROBE_PASSWORD"

// probeFlags are the flags as they were written.
type probeFlags struct {
	probe.Options
	fields, headers []string
}

func probeCommand() *cobra.Command {
	var flags probeFlags
	cmd := &cobra.Command{
		Use:   "probe <url> --user <name>",
		Short: "Finds out how a login service takes passwords, and prints the rule",
		Long: `Logs in to a service, once with a wrong and once with the right password, and
prints a lockout block that tells the two apart. The URL is that of the page
with the login form, or where a script or a client sends the login. The block
goes to standard output and can be put into a Caddyfile as it is; what was done
and what the block leaves open goes to standard error, and into its comments.

The service sees one wrong password of the user, then the right one. To find
the names of fields it may see logins of a user who does not exist, too. A
second factor, a CAPTCHA and a login of several steps are named and not
followed.

Without --password the password is that of the variable ` + passwordVariable + `
in the environment; with --password - it is the first line of standard input.`,
		Example: `  caddy lockout probe https://app.example.com/login --user alice --password - <password.txt
  caddy lockout probe http://127.0.0.1:1880/auth/token --user alice --field client_id=node-red-admin --field 'scope=*'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.URL = args[0]
			return flags.run(cmd)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&flags.User, "user", "u", "", "`name` of a user who can log in, best one made for this")
	f.StringVarP(&flags.Password, "password", "p", "", "the `password`, which lists of processes show; - reads standard input")
	f.StringVar(&flags.Body, "body", "", "type of the body, `form|json`, instead of finding out")
	f.StringVar(&flags.UserField, "user-field", "", "`name` of the field of the user, instead of finding out; in JSON a dot steps into an object")
	f.StringVar(&flags.PasswordField, "password-field", "", "`name` of the field of the password")
	f.StringArrayVarP(&flags.fields, "field", "f", nil, "`name=value` of another field to send; may be repeated")
	f.StringArrayVarP(&flags.headers, "header", "H", nil, "`'name: value'` of a header field to send; may be repeated")
	f.BoolVarP(&flags.Insecure, "insecure", "k", false, "take any certificate")
	f.DurationVar(&flags.Timeout, "timeout", 15*time.Second, "how long a request may take, as a `duration`")
	return cmd
}

// run probes, and prints the report even if there is no block.
func (f *probeFlags) run(cmd *cobra.Command) error {
	if err := f.read(cmd); err != nil {
		return err
	}
	f.HasPreset = func(name string) bool {
		_, err := presets.Find(name)
		return err == nil
	}
	report, err := probe.Run(cmd.Context(), f.Options)
	told := cmd.ErrOrStderr()
	for _, did := range report.Did {
		fmt.Fprintln(told, did)
	}
	for _, open := range report.Open {
		fmt.Fprintln(told, "note: "+open)
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(cmd.OutOrStdout(), report.Block)
	return err
}

// read turns what was written into options.
func (f *probeFlags) read(cmd *cobra.Command) error {
	for _, field := range f.fields {
		name, value, found := strings.Cut(field, "=")
		if !found || name == "" {
			return fmt.Errorf("reading --field %q: want <name>=<value>", name)
		}
		f.Fields = append(f.Fields, probe.Field{Name: name, Value: value})
	}
	f.Header = http.Header{}
	for _, header := range f.headers {
		name, value, found := strings.Cut(header, ":")
		if name = textproto.TrimString(name); !found || name == "" {
			return fmt.Errorf("reading --header %q: want '<name>: <value>'", name)
		}
		f.Header.Add(name, textproto.TrimString(value))
	}
	switch f.Password {
	case "-":
		line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("reading the password from standard input: %w", err)
		}
		f.Password = strings.TrimRight(line, "\r\n")
	case "":
		f.Password = os.Getenv(passwordVariable)
	}
	switch {
	case f.User == "":
		return errors.New("reading the account: name a user who can log in with --user")
	case f.Password == "":
		return fmt.Errorf("reading the account: give the password in the variable %s, or with --password - on standard input", passwordVariable)
	}
	return nil
}
