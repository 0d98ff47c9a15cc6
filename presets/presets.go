// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Package presets holds descriptions of known login services. Each is a file
// <name>.Caddyfile: a header of comments, and behind it one directive lockout in
// the ordinary grammar, in which <argument> stands for the value of an argument.
//
//	# Service, as its makers write it
//	#
//	# names     name further-name...
//	# tested    version that the evidence is about
//	# evidence  run|recorded|source|documentation
//	# limits    One sentence a line: what is not covered. Or: none known
//	# argument  name default What it means, in a sentence.
//	lockout {
//		...
//	}
//
// The default of an argument is a word, or words in quotes. What values it takes
// follows from the last part of its name: _path, _cookie, _field, _header, _url,
// _lifespan and _text have a form of their own, anything else is a word.
package presets

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

//go:embed *.Caddyfile
var files embed.FS

const extension = ".Caddyfile"

// The kinds of evidence, from the strongest to the weakest.
const (
	Run           = "run"           // tests run the service behind the preset
	Recorded      = "recorded"      // tests play answers that the service has given
	Source        = "source"        // read in the source of the service
	Documentation = "documentation" // read in its documentation
)

// Preset describes a login service.
type Preset struct {
	// Service is the name of the service as its makers write it.
	Service string
	// Names are what the preset is called; the first is its main name.
	Names []string
	// Tested is the version of the service that the evidence is about.
	Tested string
	// Evidence is Run, Recorded, Source or Documentation.
	Evidence string
	// Limits says what the preset does not cover, a sentence each.
	Limits []string
	// Arguments are what an operator may set, in the order of the file.
	Arguments []*Argument

	text  string // the file
	words []word // of text, comments left out
}

// Name returns the main name.
func (p *Preset) Name() string { return p.Names[0] }

// Experimental tells whether nothing that the service answered was ever seen.
func (p *Preset) Experimental() bool {
	return p.Evidence == Source || p.Evidence == Documentation
}

// Argument returns the argument of this name, or nil.
func (p *Preset) Argument(name string) *Argument {
	i := slices.IndexFunc(p.Arguments, func(a *Argument) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return p.Arguments[i]
}

var loaded = sync.OnceValues(func() ([]*Preset, error) { return load(files) })

// All returns the presets in the order of their main names. It panics when a
// file is not well-formed, which the tests of this package rule out.
func All() []*Preset {
	all, err := loaded()
	if err != nil {
		panic(err)
	}
	return slices.Clone(all)
}

// load reads the files and makes sure that no name is taken twice.
func load(from fs.FS) ([]*Preset, error) {
	entries, err := fs.Glob(from, "*"+extension)
	if err != nil {
		return nil, fmt.Errorf("listing presets: %w", err)
	}
	taken := make(map[string]string)
	var all []*Preset
	for _, file := range entries {
		text, err := fs.ReadFile(from, file)
		if err != nil {
			return nil, fmt.Errorf("reading preset: %w", err)
		}
		p, err := parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("reading preset %s: %w", file, err)
		}
		if p.Name()+extension != file {
			return nil, fmt.Errorf("reading preset %s: its first name is %s", file, p.Name())
		}
		for _, name := range p.Names {
			if other, again := taken[name]; again {
				return nil, fmt.Errorf("reading preset %s: %s has the name %q as well", file, other, name)
			}
			taken[name] = file
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *Preset) int { return strings.Compare(a.Name(), b.Name()) })
	return all, nil
}
