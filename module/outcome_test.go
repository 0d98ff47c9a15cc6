// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"net/http"
	"strings"
	"testing"
)

// Shorthands for the conditions of the tables below.
func statusIs(codes ...string) *Condition { return &Condition{Status: codes} }
func headerIs(name, value string) *Condition {
	return &Condition{Header: &NamedPattern{Name: name, Value: value}}
}
func headerLike(name, re string) *Condition {
	return &Condition{HeaderRegexp: &NamedPattern{Name: name, Value: re}}
}
func cookieSet(name string) *Condition { return &Condition{SetCookie: name} }
func jsonHas(path, value string) *Condition {
	return &Condition{JSON: &NamedPattern{Name: path, Value: value}}
}
func allOf(cs ...*Condition) []*Condition { return cs }
func outcomeOf(verdict string, when ...[]*Condition) *Outcome {
	return &Outcome{Verdict: verdict, When: when}
}

func mustCompile(t testing.TB, outcomes ...*Outcome) *outcomeRules {
	t.Helper()
	o, err := compileOutcomes(outcomes, new(step))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestVerdictString(t *testing.T) {
	t.Parallel()
	want := map[verdict]string{
		verdictUnclassified: "unclassified", verdictSuccess: "success", verdictPending: "pending",
		verdictFailure: "failure", verdictNeutral: "neutral", 9: "verdict(9)",
	}
	for v, s := range want {
		if v.String() != s {
			t.Errorf("verdict %d is %q, want %q", uint8(v), v, s)
		}
	}
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	login := []*Outcome{
		outcomeOf("success", allOf(statusIs("200"), cookieSet("sid")), allOf(jsonHas("token", ""))),
		outcomeOf("pending", allOf(statusIs("401"), jsonHas("mfaId", ""))),
		outcomeOf("neutral", allOf(statusIs("403")), allOf(statusIs("5xx"))),
		outcomeOf("failure", allOf(statusIs("4xx"))),
	}
	for _, tt := range []struct {
		name   string
		status int
		cookie string
		body   string
		cut    bool
		want   verdict
	}{
		{name: "first alternative", status: 200, cookie: "sid=1", want: verdictSuccess},
		{name: "second alternative", status: 418, body: `{"token":"x"}`, want: verdictSuccess},
		{name: "half an alternative", status: 200, want: verdictUnclassified},
		{name: "later outcome", status: 401, body: `{"mfaId":"m"}`, want: verdictPending},
		{name: "order: neutral before failure", status: 403, want: verdictNeutral},
		{name: "class", status: 502, want: verdictNeutral},
		{name: "last outcome", status: 401, body: `{}`, want: verdictFailure},
		{name: "no outcome", status: 302, want: verdictUnclassified},
		{name: "cut body", status: 401, body: `{"token":"x"}`, cut: true, want: verdictFailure},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := &answer{status: tt.status, header: http.Header{}, body: []byte(tt.body), complete: !tt.cut}
			if tt.cookie != "" {
				a.header.Set("Set-Cookie", tt.cookie)
			}
			if got := mustCompile(t, login...).evaluate(a); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestByHeader(t *testing.T) {
	t.Parallel()
	token := jsonHas("token", "")
	for _, tt := range []struct {
		name     string
		outcomes []*Outcome
		status   int
		want     verdict
		undecided,
		needsBody bool
	}{
		{
			name:     "status only",
			outcomes: []*Outcome{outcomeOf("success", allOf(statusIs("200"))), outcomeOf("failure", allOf(statusIs("401")))},
			status:   401, want: verdictFailure,
		},
		{
			name:     "status only, none matches",
			outcomes: []*Outcome{outcomeOf("success", allOf(statusIs("200")))},
			status:   500, want: verdictUnclassified,
		},
		{
			name:     "the other alternative decides",
			outcomes: []*Outcome{outcomeOf("success", allOf(token), allOf(statusIs("200"))), outcomeOf("failure", allOf(statusIs("401")))},
			status:   200, want: verdictSuccess, needsBody: true,
		},
		{
			name:     "an earlier outcome may match",
			outcomes: []*Outcome{outcomeOf("success", allOf(token), allOf(statusIs("200"))), outcomeOf("failure", allOf(statusIs("401")))},
			status:   401, undecided: true, needsBody: true,
		},
		{
			name:     "status rules the body out",
			outcomes: []*Outcome{outcomeOf("success", allOf(statusIs("200"), token)), outcomeOf("failure", allOf(statusIs("401")))},
			status:   401, want: verdictFailure, needsBody: true,
		},
		{
			name:     "the order of conditions does not matter",
			outcomes: []*Outcome{outcomeOf("success", allOf(token, statusIs("200"))), outcomeOf("failure", allOf(statusIs("401")))},
			status:   401, want: verdictFailure, needsBody: true,
		},
		{
			name:     "both conditions needed",
			outcomes: []*Outcome{outcomeOf("success", allOf(statusIs("200"), token))},
			status:   200, undecided: true, needsBody: true,
		},
		{
			name:     "the same verdict either way",
			outcomes: []*Outcome{outcomeOf("success", allOf(token)), outcomeOf("success", allOf(statusIs("200")))},
			status:   200, want: verdictSuccess, needsBody: true,
		},
		{
			name:     "two open outcomes of one verdict, a third decides otherwise",
			outcomes: []*Outcome{outcomeOf("success", allOf(token)), outcomeOf("success", allOf(jsonHas("id", ""))), outcomeOf("failure", allOf(statusIs("200")))},
			status:   200, undecided: true, needsBody: true,
		},
		{
			name:     "an outcome behind the deciding one needs a body",
			outcomes: []*Outcome{outcomeOf("failure", allOf(statusIs("401"))), outcomeOf("success", allOf(token))},
			status:   401, want: verdictFailure, needsBody: true,
		},
		{
			name:     "open at the end: unclassified is possible",
			outcomes: []*Outcome{outcomeOf("failure", allOf(statusIs("401"))), outcomeOf("success", allOf(token))},
			status:   200, undecided: true, needsBody: true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := mustCompile(t, tt.outcomes...)
			got, ok := o.byHeader(&answer{status: tt.status, header: http.Header{}})
			if got != tt.want || ok == tt.undecided {
				t.Errorf("got %s, %v, want %s, %v", got, ok, tt.want, !tt.undecided)
			}
			if o.needsBody() != tt.needsBody {
				t.Errorf("needsBody is %v", o.needsBody())
			}
		})
	}
}

// TestByHeaderAgreesWithEvaluate tries every pair of three-condition outcomes:
// a verdict without the body must be the verdict with each possible body, and
// an undecided one must really depend on it, unless conditions hang together,
// which three values cannot tell.
func TestByHeaderAgreesWithEvaluate(t *testing.T) {
	t.Parallel()
	conditions := []*Condition{statusIs("200"), statusIs("401"), jsonHas("a", ""), jsonHas("b", "")}
	bodies := []string{`{}`, `{"a":1}`, `{"b":1}`, `{"a":1,"b":1}`}
	forEachOutcome(conditions, func(first [][]*Condition) {
		for _, second := range []*Outcome{
			outcomeOf("failure", allOf(statusIs("200"))),
			outcomeOf("success", allOf(jsonHas("a", ""))),
			outcomeOf("neutral", allOf(statusIs("401"), jsonHas("b", ""))),
		} {
			o := mustCompile(t, outcomeOf("pending", first...), second)
			got, ok := o.byHeader(&answer{status: 200, header: http.Header{}})
			seen := map[verdict]bool{}
			for _, body := range bodies {
				seen[o.evaluate(&answer{status: 200, body: []byte(body), complete: true})] = true
			}
			if ok && (len(seen) != 1 || !seen[got]) {
				t.Errorf("byHeader says %s, bodies give %v", got, seen)
			}
			if !ok && len(seen) == 1 && !repeatsJSON(append(first, second.When...)) {
				t.Errorf("byHeader does not decide, all bodies give %v", seen)
			}
		}
	})
}

// repeatsJSON tells whether a field of the body is asked for twice.
func repeatsJSON(when [][]*Condition) bool {
	seen := map[string]bool{}
	for _, all := range when {
		for _, c := range all {
			if c.JSON == nil {
				continue
			}
			if seen[c.JSON.Name] {
				return true
			}
			seen[c.JSON.Name] = true
		}
	}
	return false
}

// forEachOutcome calls f with `x & y | z` for all conditions x, y, z.
func forEachOutcome(cs []*Condition, f func([][]*Condition)) {
	for _, x := range cs {
		for _, y := range cs {
			for _, z := range cs {
				f([][]*Condition{{x, y}, {z}})
			}
		}
	}
}

func TestCompileOutcomesErrors(t *testing.T) {
	t.Parallel()
	ok := outcomeOf("success", allOf(statusIs("200")))
	with := func(c *Condition) []*Outcome { return []*Outcome{ok, outcomeOf("failure", allOf(ok.When[0][0], c))} }
	for _, tt := range []struct {
		name     string
		outcomes []*Outcome
		want     string
	}{
		{"none", nil, "no outcome says success or pending"},
		{"only failures", []*Outcome{outcomeOf("failure", allOf(statusIs("401")))}, "no outcome says success or pending"},
		{"null outcome", []*Outcome{ok, nil}, "reading outcome 2: it is null"},
		{"unknown verdict", []*Outcome{outcomeOf("ok", allOf(statusIs("200")))}, `reading outcome 1: unknown verdict "ok": write success, pending, failure or neutral`},
		{"unclassified", []*Outcome{outcomeOf("unclassified", allOf(statusIs("200")))}, `unknown verdict "unclassified"`},
		{"no verdict", []*Outcome{outcomeOf("", allOf(statusIs("200")))}, `unknown verdict ""`},
		{"no alternative", []*Outcome{ok, outcomeOf("failure")}, "reading outcome 2: failure has no condition"},
		{"empty alternative", []*Outcome{outcomeOf("success", allOf(statusIs("200")), nil)}, "alternative 2 of success has no condition"},
		{"null condition", with(nil), "reading outcome 2: condition 2 in alternative 1 of failure: it is null"},
		{"empty condition", with(&Condition{}), "it is empty: set one of status, header,"},
		{"empty status list", with(&Condition{Status: []string{}}), "it is empty"},
		{"two kinds", with(&Condition{Status: []string{"200"}, SetCookie: "sid"}), "status and set_cookie are set together"},
		{"three kinds", with(&Condition{Header: &NamedPattern{}, HeaderRegexp: &NamedPattern{}, JSON: &NamedPattern{}}), "header and header_regexp and json are set together"},
		{"status 99", with(statusIs("99")), `status "99": write a code`},
		{"status 100", with(statusIs("100")), `status "100"`},
		{"status 1xx", with(statusIs("1xx")), `status "1xx"`},
		{"status 600", with(statusIs("600")), `status "600"`},
		{"status 6xx", with(statusIs("200", "6xx")), `status "6xx"`},
		{"status 2x", with(statusIs("2x")), `status "2x"`},
		{"status 2XX", with(statusIs("2XX")), `status "2XX"`},
		{"status empty", with(statusIs("")), `status ""`},
		{"status signed", with(statusIs("+20")), `status "+20"`},
		{"header without name", with(headerIs("", "x")), `header "": write the name`},
		{"header name with blank", with(headerIs("a b", "x")), `header "a b": write the name`},
		{"header name not ASCII", with(headerIs("naïve", "x")), `write the name`},
		{"header without value", with(headerIs("Location", "")), "header Location: write the wanted value, or * for any"},
		{"header star inside", with(headerIs("Location", "/a*b")), "write * only at the ends"},
		{"header two stars", with(headerIs("Location", "**")), "write * only at the ends"},
		{"header_regexp without name", with(headerLike("", "x")), "write the name"},
		{"header_regexp empty", with(headerLike("Location", "")), "header_regexp Location: write a regular expression"},
		{"header_regexp bad", with(headerLike("Location", "(")), "header_regexp Location: correct the regular expression: error parsing regexp"},
		{"header_regexp not RE2", with(headerLike("Location", "(?=x)")), "correct the regular expression"},
		{"set_cookie bad", with(cookieSet("a=b")), `set_cookie "a=b": write the name of a cookie`},
		{"set_cookie_regexp bad", with(&Condition{SetCookieRegexp: "["}), "set_cookie_regexp: correct the regular expression"},
		{"json without path", with(jsonHas("", "x")), `json "": write a path`},
		{"json two dots", with(jsonHas("a..b", "")), `json "a..b": write a path`},
		{"json dot at the end", with(jsonHas("a.", "")), `json "a.": write a path`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := compileOutcomes(tt.outcomes, new(step))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestConditionValidate(t *testing.T) {
	t.Parallel()
	if err := statusIs("200").Validate(); err != nil {
		t.Error(err)
	}
	if err := statusIs("20").Validate(); err == nil {
		t.Error("status 20 is accepted")
	}
}

func TestOutcomesByStatusDoNotAllocate(t *testing.T) {
	o := mustCompile(t,
		outcomeOf("success", allOf(statusIs("2xx", "302"))),
		outcomeOf("neutral", allOf(headerIs("Location", "/login*"))),
		outcomeOf("failure", allOf(statusIs("401"))),
	)
	a := &answer{status: 401, header: http.Header{"Location": {"/elsewhere"}}}
	if n := testing.AllocsPerRun(100, func() {
		if v, ok := o.byHeader(a); v != verdictFailure || !ok {
			t.Errorf("got %s, %v", v, ok)
		}
		if v := o.evaluate(a); v != verdictFailure {
			t.Errorf("got %s", v)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
