// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Outcome gives answers of the login service a meaning.
type Outcome struct {
	// `success`, `pending` (the secret was right, a second factor is due),
	// `failure`, or `neutral` (no verdict about the secret).
	Verdict string `json:"verdict,omitempty"`

	// In a step with `same_request`, which secret a `failure` is about: `password`
	// or the factor of the code. Default: both may have been wrong.
	Factor string `json:"factor,omitempty"`

	// Alternatives; one of them must match. Each is a list of conditions that
	// must all match. In the Caddyfile `|` separates alternatives and `&`
	// conditions.
	When [][]*Condition `json:"when,omitempty"`
}

// verdict is what the outcomes of a step say about an answer.
type verdict uint8

const (
	verdictUnclassified verdict = iota // no outcome matches
	verdictSuccess
	verdictPending
	verdictFailure
	verdictNeutral
	verdictUnknown     // there is no whole answer; no outcome can say so
	verdictFirstWrong  // failure of the password, in a step with two secrets
	verdictSecondWrong // failure of the code
)

var verdictNames = [...]string{"unclassified", "success", "pending", "failure", "neutral", "failure", "failure", "failure"}

// String returns the label of the verdict in metrics.
func (v verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("verdict(%d)", uint8(v))
}

// wrong reports whether a rule says that a secret was wrong.
func (v verdict) wrong() bool { return wrongVerdicts&(1<<v) != 0 }

// answer is what the login service answered. body and complete are looked at
// only by rules that need bodies; complete says that body is all of it.
type answer struct {
	request  *http.Request // as it came
	status   int
	header   http.Header
	body     []byte
	complete bool
}

// outcomeRules are the compiled outcomes of one step. They are safe for
// concurrent use.
type outcomeRules struct {
	rules []outcomeRule
	body  bool
	now   func() time.Time
}

// outcomeRule is one outcome: alternatives of conditions.
type outcomeRule struct {
	verdict verdict
	when    [][]condition
}

// truth is three-valued, so that `and` is the least and `or` the greatest of
// its operands (Kleene).
type truth uint8

const (
	truthNo truth = iota
	truthUnknown
	truthYes
)

// truthOf turns a decided condition into a truth.
func truthOf(b bool) truth {
	if b {
		return truthYes
	}
	return truthNo
}

// compileOutcomes checks outcomes and prepares them for evaluation. Its errors
// name the outcome and the condition by their numbers, counted from 1.
func compileOutcomes(outcomes []*Outcome, s *step) (*outcomeRules, error) {
	o := &outcomeRules{now: time.Now}
	forgives := false
	for i, out := range outcomes {
		r, err := compileOutcome(out, s)
		if err != nil {
			return nil, fmt.Errorf("reading outcome %d: %w", i+1, err)
		}
		// With neutral alone nothing is forgiven, but not every right secret counts.
		forgives = forgives || r.verdict == verdictSuccess || r.verdict == verdictPending || r.verdict == verdictNeutral
		o.rules = append(o.rules, r)
		o.body = o.body || r.needsBody()
	}
	if !forgives {
		return nil, errors.New("no outcome says success or pending, so every right secret would count as a failure: add one")
	}
	return o, nil
}

// anyAnswer are the rules of a step that waits for the whole answer and asks
// nothing of it.
func anyAnswer() *outcomeRules {
	return &outcomeRules{now: time.Now, rules: []outcomeRule{{verdict: verdictSuccess, when: [][]condition{{}}}}}
}

func compileOutcome(out *Outcome, s *step) (outcomeRule, error) {
	if out == nil {
		return outcomeRule{}, errors.New("it is null: remove it")
	}
	r := outcomeRule{verdict: parseVerdict(out.Verdict)}
	if r.verdict == verdictUnclassified {
		return r, fmt.Errorf("unknown verdict %q: write success, pending, failure or neutral", out.Verdict)
	}
	if out.Factor != "" && r.verdict != verdictFailure {
		return r, fmt.Errorf("%s names the factor %q: only failure is about one of two secrets, remove it", r.verdict, out.Factor)
	}
	if r.verdict == verdictFailure {
		var err error
		if r.verdict, err = s.wrongSecret(out.Factor); err != nil {
			return r, err
		}
	}
	if len(out.When) == 0 {
		return r, fmt.Errorf("%s has no condition: add one", r.verdict)
	}
	for i, all := range out.When {
		if len(all) == 0 {
			return r, fmt.Errorf("alternative %d of %s has no condition: add one or remove the alternative", i+1, r.verdict)
		}
		var cs []condition
		for j, c := range all {
			compiled, err := compileCondition(c)
			if err != nil {
				return r, fmt.Errorf("condition %d in alternative %d of %s: %w", j+1, i+1, r.verdict, err)
			}
			cs = append(cs, compiled)
		}
		r.when = append(r.when, cs)
	}
	return r, nil
}

// parseVerdict returns verdictUnclassified for a name that no outcome may have.
func parseVerdict(name string) verdict {
	for v := verdictSuccess; v <= verdictNeutral; v++ {
		if verdictNames[v] == name {
			return v
		}
	}
	return verdictUnclassified
}

// readsAnswer tells whether the step looks into the body of answers.
func (s *step) readsAnswer() bool {
	return s.rules.needsBody() || s.identity != nil && s.identity.inBody() ||
		slices.ContainsFunc(s.answerKeys, func(k answerKey) bool { return !k.inHeader() })
}

// needsBody tells whether a condition looks into the body of the answer.
func (o *outcomeRules) needsBody() bool { return o.body }

// byHeader evaluates with status and header alone. ok is false when the body
// can change the verdict.
func (o *outcomeRules) byHeader(a *answer) (v verdict, ok bool) {
	in := view{request: a.request, status: a.status, header: a.header, now: o.now}
	guess, open := verdictUnclassified, false
	for i := range o.rules {
		r := &o.rules[i]
		t := r.test(&in)
		if t == truthNo {
			continue
		}
		if open && r.verdict != guess {
			return verdictUnclassified, false
		}
		if t == truthYes {
			return r.verdict, true
		}
		guess, open = r.verdict, true
	}
	return verdictUnclassified, !open
}

// evaluate returns the verdict of the first outcome that matches.
func (o *outcomeRules) evaluate(a *answer) verdict {
	body := a.readable()
	in := view{request: a.request, status: a.status, header: a.header, body: &body, now: o.now}
	var open verdicts
	for i := range o.rules {
		r := &o.rules[i]
		switch r.test(&in) {
		case truthYes:
			return r.verdict.unless(open)
		case truthUnknown:
			open |= 1 << r.verdict
		}
	}
	return verdictUnclassified
}

func (r *outcomeRule) needsBody() bool {
	for _, all := range r.when {
		for i := range all {
			if all[i].readsBody() {
				return true
			}
		}
	}
	return false
}

// test combines the conditions: one alternative must hold with all of its
// conditions.
func (r *outcomeRule) test(in *view) truth {
	anyOf := truthNo
	for _, all := range r.when {
		allOf := truthYes
		for i := range all {
			if allOf = min(allOf, all[i].test(in)); allOf == truthNo {
				break
			}
		}
		if anyOf = max(anyOf, allOf); anyOf == truthYes {
			break
		}
	}
	return anyOf
}
