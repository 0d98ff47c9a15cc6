// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// long asks for the variants that take minutes: a million users, more rounds,
// and schedules from new seeds.
var long = flag.Bool("faulttest.long", false, "run the long variants: 1M users, more rounds, new seeds")

// Every Caddy of these tests is a process of its own: this test binary again,
// with its race detector. So a node can be killed.
const nodeVariable = "LOCKOUT_FAULTTEST_NODE"

func TestMain(m *testing.M) {
	if os.Getenv(nodeVariable) != "" {
		if err := serveNode(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "node:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	setUnlessSet("rapid.nofailfile", "true")
	if *long {
		setUnlessSet("rapid.checks", "5000")
	} else {
		setUnlessSet("rapid.checks", "150")
		setUnlessSet("rapid.seed", "4")
	}
	code := m.Run()
	printTable(os.Stdout)
	os.Exit(code)
}

// setUnlessSet gives a flag of a library another default.
func setUnlessSet(name, value string) {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return
	}
	if err := flag.Set(name, value); err != nil {
		panic(err)
	}
}

// rounds is how often a test repeats what it shows.
func rounds(usual, whenLong int) int {
	if *long {
		return whenLong
	}
	return usual
}
