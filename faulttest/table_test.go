// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package faulttest

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// row is what a test tells of one fault on one store.
type row struct {
	fault, store string
	sent         int // attempts
	reached      int // of them, checks that the login service made
	counted      int // failures, at the end or when they locked
	locks        int
	invariant    string // that held, or what else was measured
}

var table struct {
	sync.Mutex
	rows []row
}

// report adds a row, unless the test has failed: then the invariant did not
// hold.
func report(t testing.TB, r row) {
	t.Helper()
	if t.Failed() {
		r.invariant = "BROKEN: " + r.invariant
	}
	t.Logf("%+v", r)
	table.Lock()
	defer table.Unlock()
	table.rows = append(table.rows, r)
}

// printTable prints the rows. ./xcaddy.sh test lets lines that begin with a bar
// through.
func printTable(w io.Writer) {
	table.Lock()
	defer table.Unlock()
	if len(table.rows) == 0 {
		return
	}
	slices.SortStableFunc(table.rows, func(a, b row) int {
		return strings.Compare(a.fault+"\x00"+a.store, b.fault+"\x00"+b.store)
	})
	cells := [][]string{{"fault", "store", "sent", "reached", "counted", "locks", "invariant"}}
	for _, r := range table.rows {
		cells = append(cells, []string{
			r.fault, r.store, fmt.Sprint(r.sent), fmt.Sprint(r.reached), fmt.Sprint(r.counted), fmt.Sprint(r.locks), r.invariant,
		})
	}
	widths := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, c := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	rule := make([]string, len(widths))
	for i, n := range widths {
		rule[i] = strings.Repeat("-", n)
	}
	for _, line := range slices.Insert(cells, 1, rule) {
		for i, c := range line {
			fmt.Fprintf(w, "| %-*s ", widths[i], c)
		}
		fmt.Fprintln(w, "|")
	}
}
