// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mutant is a configuration that lacks one rule of the preset.
type mutant struct {
	what   string
	config []byte

	about
}

// about is which exchanges a rule may be about.
type about struct {
	verdict, factor string
	match           any // of the step or rule
}

// stories are in the order of how likely they notice that the rule is gone.
func (m mutant) stories(all []story) []story {
	likely := func(s story) int {
		for _, e := range s.exchanges {
			w := e.want
			if m.verdict == w.verdict && (m.factor == "" || slices.Contains(w.factors, m.factor)) && takesPath(m.match, e.request.start) {
				return 0
			}
		}
		return 1
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b story) int { return likely(a) - likely(b) })
	return all
}

// mutantsOf takes one rule of the preset away at a time: outcomes and their
// alternatives, steps, rules and paths.
func mutantsOf(t *testing.T, config []byte) (mutants []mutant) {
	t.Helper()
	var whole any
	if err := json.Unmarshal(config, &whole); err != nil {
		t.Fatal(err)
	}
	handler := findHandler(whole)
	var now about
	without := func(what string, change func() (undo func())) {
		undo := change()
		defer undo()
		raw, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		mutants = append(mutants, mutant{what, raw, now})
	}
	for i, s := range listOf(handler, "steps") {
		step := s.(map[string]any)
		now = about{"failure", fmt.Sprint(step["kind"]), step["match"]}
		kind := fmt.Sprintf("step %d (%s)", i+1, step["kind"])
		without(kind, func() func() { return replace(step, "match", map[string]any{"path": []any{nowhere}}) })
		withoutPaths(kind, step["match"], without)
		if step["kind"] == kindReset {
			continue // only its success changes anything
		}
		for j, o := range listOf(step, "outcomes") {
			outcome := o.(map[string]any)
			now.verdict = fmt.Sprint(outcome["verdict"])
			what := fmt.Sprintf("outcome %d of %s: %s %s", j+1, kind, outcome["verdict"], asJSON(outcome["when"]))
			withoutAlternatives(what, outcome, without)
		}
	}
	for _, rules := range []string{"pass", "deny"} {
		for i, r := range listOf(handler, rules) {
			now = about{map[string]string{"pass": "pass", "deny": "refused"}[rules], "", r}
			what := fmt.Sprintf("%s %d: %s", rules, i+1, asJSON(r))
			without(what, func() func() { return replace(handler, rules, cutOut(listOf(handler, rules), i)) })
			withoutPaths(what, r, without)
		}
	}
	now = about{verdict: "refused"}
	withoutElements("guard", handler, "guard", without)
	withoutElements("guard path_regexp", handler, "guard_regexp", without)
	return mutants
}

// nowhere is a path that nobody asks for.
const nowhere = "/the-exchanges-never-ask-for-this"

// never is a condition that no answer meets.
func never() []any { return []any{map[string]any{"status": []any{"599"}}} }

// withoutAlternatives takes an outcome away, and each of its alternatives.
func withoutAlternatives(what string, outcome map[string]any, without func(string, func() func())) {
	alternatives := listOf(outcome, "when")
	for i, a := range alternatives {
		without(what+", alternative "+asJSON(a), func() func() {
			less := slices.Clone(alternatives)
			less[i] = never()
			return replace(outcome, "when", less)
		})
	}
}

// withoutPaths takes each of several paths away.
func withoutPaths(what string, match any, without func(string, func() func())) {
	m, ok := match.(map[string]any)
	if !ok {
		return
	}
	for _, list := range []string{"path", "path_regexp"} {
		if len(listOf(m, "path"))+len(listOf(m, "path_regexp")) > 1 {
			withoutElements(what+" "+list, m, list, without)
		}
	}
}

func withoutElements(what string, in map[string]any, name string, without func(string, func() func())) {
	all := listOf(in, name)
	for i, e := range all {
		without(what+" "+asJSON(e), func() func() { return replace(in, name, cutOut(all, i)) })
	}
}

// takesPath tells roughly whether a rule is about the path of a request.
func takesPath(match any, start string) bool {
	m, _ := match.(map[string]any)
	_, target, _ := strings.Cut(start, " ")
	target, _, _ = strings.Cut(target, "?")
	for _, p := range listOf(m, "path") {
		if prefix, open := strings.CutSuffix(p.(string), "*"); target == p || open && strings.HasPrefix(target, prefix) {
			return true
		}
	}
	for _, e := range listOf(m, "path_regexp") {
		if re, err := regexp.Compile(e.(string)); err == nil && re.MatchString(target) {
			return true
		}
	}
	return len(listOf(m, "path"))+len(listOf(m, "path_regexp")) == 0
}

func listOf(in map[string]any, name string) []any {
	list, _ := in[name].([]any)
	return list
}

func cutOut(list []any, i int) []any { return slices.Concat(list[:i:i], list[i+1:]) }

// replace sets a member and returns what sets it back.
func replace(in map[string]any, name string, value any) (undo func()) {
	old := in[name]
	in[name] = value
	return func() { in[name] = old }
}

func asJSON(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}

// findHandler returns the only handler of ours.
func findHandler(v any) map[string]any {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if h := findHandler(e); h != nil {
				return h
			}
		}
	case map[string]any:
		if v["handler"] == name {
			return v
		}
		for _, e := range v {
			if h := findHandler(e); h != nil {
				return h
			}
		}
	}
	return nil
}
