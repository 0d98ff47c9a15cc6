// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/caddy-lockout/caddy-lockout/presets"
)

func presetCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "preset <command>",
		Short: "Lists and shows presets",
	}, presetList(), presetShow())
}

func presetList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Lists the presets",
		Long: "Lists the presets: what each was tried against, and how. With the evidence `run` and\n" +
			"`recorded` the answers of the service were seen; `source` and `documentation` mean that\n" +
			"they were only read about, and that the preset is experimental.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return listJSON(cmd.OutOrStdout())
			}
			return list(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, with arguments and limits")
	return cmd
}

func list(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tEVIDENCE\tTESTED\tFURTHER NAMES\tSERVICE")
	for _, p := range presets.All() {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", p.Name(), p.Evidence, p.Tested, strings.Join(p.Names[1:], " "), p.Service)
	}
	return table.Flush()
}

// listed is a preset in JSON.
type listed struct {
	Name         string     `json:"name"`
	FurtherNames []string   `json:"further_names"`
	Service      string     `json:"service"`
	Evidence     string     `json:"evidence"`
	Experimental bool       `json:"experimental"`
	Tested       string     `json:"tested"`
	Limits       []string   `json:"limits"`
	Arguments    []argument `json:"arguments"`
}

type argument struct {
	Name    string   `json:"name"`
	Default []string `json:"default"`
	Meaning string   `json:"meaning"`
}

func listJSON(out io.Writer) error {
	all := []listed{}
	for _, p := range presets.All() {
		l := listed{
			Name: p.Name(), FurtherNames: append([]string{}, p.Names[1:]...), Service: p.Service,
			Evidence: p.Evidence, Experimental: p.Experimental(), Tested: p.Tested,
			Limits: p.Limits, Arguments: []argument{},
		}
		for _, a := range p.Arguments {
			l.Arguments = append(l.Arguments, argument{Name: a.Name, Default: a.Default, Meaning: a.Meaning})
		}
		all = append(all, l)
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(all)
}

func presetShow() *cobra.Command {
	var arguments []string
	cmd := &cobra.Command{
		Use:   "show <name> [--argument <name>=<value>...]",
		Short: "Prints a preset",
		Long: "Prints a preset with its limits and arguments. What is printed stands for\n" +
			"`lockout <name>` in a Caddyfile: paste it there to change more than arguments can.\n" +
			"Its answer to locked users is commented out, as it is in force only on demand.",
		Example: "  caddy lockout preset show spring-security --argument base_path=/shop",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(cmd.OutOrStdout(), args[0], arguments)
		},
	}
	cmd.Flags().StringArrayVarP(&arguments, "argument", "a", nil, "`name=value` of an argument; again for several values")
	return cmd
}

func show(out io.Writer, name string, arguments []string) error {
	p, err := presets.Find(name)
	if err != nil {
		return err
	}
	values := make(map[string][]string)
	for _, argument := range arguments {
		name, value, found := strings.Cut(argument, "=")
		if !found {
			return fmt.Errorf("argument %q: want <name>=<value>", argument)
		}
		values[name] = append(values[name], value)
	}
	text, err := p.Show(values)
	if err != nil {
		return fmt.Errorf("filling in preset %s: %w", p.Name(), err)
	}
	_, err = io.WriteString(out, text)
	return err
}
