// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

// Names say which user names are one to the login service, and so share a
// counter, beyond what is always one: letter case, width, blanks around, and
// characters that are not shown. Turn on what the service does, and nothing
// else: every option merges what are distinct people elsewhere. All nodes that
// share a store need the same names. A change of them leaves counters and locks
// under the old names behind.
type Names struct {
	// Whether names that differ in letter case are distinct. Default: false.
	KeepCase bool `json:"keep_case,omitempty"`

	// Whether letters with and without accents are one. Default: false.
	IgnoreAccents bool `json:"ignore_accents,omitempty"`

	// Domains that are dropped from `DOMAIN\user` and `user@domain`. `*` is
	// every domain. Default: none.
	StripDomain []string `json:"strip_domain,omitempty"`

	// Whether `+tag` is dropped from `user+tag` and `user+tag@domain`. Default:
	// false.
	StripPlusTags bool `json:"strip_plus_tags,omitempty"`

	// Whether an underscore is a blank. Default: false.
	UnderscoreIsBlank bool `json:"underscore_is_blank,omitempty"`

	// Whether dots at the end are dropped. Default: false.
	StripTrailingDots bool `json:"strip_trailing_dots,omitempty"`

	// Whether names are distinct that only look the same, or are one by the
	// compatibility forms of Unicode (`ﬁ` and `fi`, `Ａ` and `A`), and names with
	// characters that are not shown. Default: false.
	KeepForms bool `json:"keep_forms,omitempty"`

	// Whether the first letter counts as a capital, for services with keep_case
	// that begin every name with one. Default: false.
	UpperFirst bool `json:"upper_first,omitempty"`

	// Other names of users, each with the name that is counted. Default: none.
	Aliases map[string]string `json:"aliases,omitempty"`

	// A file with more aliases, read when the configuration is loaded: in each
	// line an alias and the name that is counted, with a tab between them, or
	// blanks if neither holds one. Lines that begin with `#` are comments.
	AliasFile string `json:"alias_file,omitempty"`
}

// Organization holds what is special to an organization.
type Organization struct {
	// The names of its users, instead of those of the app.
	Names *Names `json:"names,omitempty"`
}

// maxAliasFile bounds what a slip such as /dev/zero costs.
const maxAliasFile = 64 << 20

// nameRules are the compiled names of an app.
type nameRules struct {
	common        *credentials.Names
	organizations map[string]*credentials.Names
	// sites are what sites say of the names of their organization.
	sites *siteNames
}

func (a *App) compileNames() (rules nameRules, err error) {
	if rules.common, err = a.Names.compile(); err != nil {
		return rules, fmt.Errorf("checking names: %w", err)
	}
	rules.sites = new(siteNames)
	rules.organizations = make(map[string]*credentials.Names, len(a.Organizations))
	for name, o := range a.Organizations {
		if err := policyapi.CheckOrganization(name); err != nil {
			return rules, fmt.Errorf("checking organizations: %w", err)
		}
		if o == nil || o.Names == nil {
			continue
		}
		if rules.organizations[name], err = o.Names.compile(); err != nil {
			return rules, fmt.Errorf("checking names of organization %q: %w", name, err)
		}
	}
	return rules, nil
}

// namesOf returns the names of an organization's users. Attempts, the policy
// API and administrators all go through it, so they mean the same user.
func (a *App) namesOf(organization string) *credentials.Names {
	if n, ok := a.nameRules.organizations[organization]; ok {
		return n
	}
	if n := a.nameRules.sites.of(organization); n != nil {
		return n
	}
	return a.nameRules.common
}

func (n *Names) compile() (*credentials.Names, error) {
	if n == nil {
		return credentials.NewNames(), nil
	}
	if n.UpperFirst && !n.KeepCase {
		return nil, errors.New("upper_first: without keep_case all letters are one, remove it or add keep_case")
	}
	aliases := make(map[string]string, len(n.Aliases))
	for from, to := range n.Aliases {
		aliases[from] = to
	}
	if n.AliasFile != "" {
		if err := readAliases(caddy.NewReplacer().ReplaceAll(n.AliasFile, ""), aliases); err != nil {
			return nil, fmt.Errorf("reading alias_file: %w", err)
		}
	}
	return credentials.CompileNames(credentials.NameOptions{
		KeepCase: n.KeepCase, IgnoreAccents: n.IgnoreAccents, StripDomains: n.StripDomain, StripPlusTags: n.StripPlusTags,
		UnderscoreIsBlank: n.UnderscoreIsBlank, StripTrailingDots: n.StripTrailingDots,
		KeepForms: n.KeepForms, UpperFirst: n.UpperFirst, Aliases: aliases,
	})
}

// readAliases adds the lines of a file.
func readAliases(path string, into map[string]string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > maxAliasFile {
		return errors.New("it is no ordinary file of up to 64 MiB")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	number := 0
	for line := range strings.Lines(string(raw)) {
		number++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		alias, name, tabbed := strings.Cut(line, "\t")
		if words := strings.Fields(line); !tabbed && len(words) == 2 {
			alias, name = words[0], words[1]
		}
		if name == "" || strings.Contains(name, "\t") {
			return fmt.Errorf("line %d is not an alias and a name, with a tab between them", number)
		}
		if other, again := into[alias]; again && other != name {
			return fmt.Errorf("line %d: its alias is there with another name already", number)
		}
		into[alias] = name
	}
	return nil
}
