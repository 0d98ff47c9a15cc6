// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// option is a subdirective of a block.
type option struct {
	name string
	// read takes the arguments of the option, whose name is the current token,
	// and its block if it has one.
	read reader
	// many allows the option more than once.
	many bool
}

type reader func(*caddyfile.Dispenser) error

// readBlock reads the block that opens behind the current token.
func readBlock(d *caddyfile.Dispenser, what string, options []option) error {
	if d.NextArg() {
		return d.Errf("%s: unexpected %q before the block", what, d.Val())
	}
	opener := place(d)
	previous, lines := "", make(map[string]int)
	nesting := d.Nesting()
	for d.NextBlock(nesting) {
		if isBrace(d, "{") {
			return d.Errf("%s: %q takes no block", what, previous)
		}
		previous = d.Val()
		i := slices.IndexFunc(options, func(o option) bool { return o.name == previous })
		if i < 0 {
			return d.Errf("%s: unknown subdirective %q; allowed: %s", what, previous, names(options))
		}
		if line, again := lines[previous]; again && !options[i].many {
			return d.Errf("%s: %q is already specified at line %d", what, previous, line)
		}
		lines[previous] = d.Line()
		if err := options[i].read(d); err != nil {
			return err
		}
	}
	switch {
	case d.Nesting() != nesting:
		return opener.Errf("%s: the block is not closed", what)
	case !isBrace(d, "}"):
		return opener.Errf("%s: a block must open at the end of this line; allowed in it: %s", what, names(options))
	}
	return nil
}

// finish makes sure that the block just read was all of the directive.
func finish(d *caddyfile.Dispenser, what string) error {
	if d.Next() {
		return d.Errf("%s: unexpected %q behind the block", what, d.Val())
	}
	return nil
}

// isBrace tells whether the current token is this curly brace, not quoted.
func isBrace(d *caddyfile.Dispenser, brace string) bool {
	return d.Val() == brace && !d.Token().Quoted()
}

// place remembers the current token for errors that are found later.
func place(d *caddyfile.Dispenser) *caddyfile.Dispenser {
	p := caddyfile.NewDispenser([]caddyfile.Token{d.Token()})
	p.Next()
	return p
}

func names(options []option) string {
	var list []string
	for _, o := range options {
		list = append(list, o.name)
	}
	return strings.Join(list, ", ")
}
