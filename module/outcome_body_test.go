// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"net/http"
	"strings"
	"testing"
)

func bodyHas(text string) *Condition { return &Condition{Body: text} }
func bodyLike(re string) *Condition  { return &Condition{BodyRegexp: re} }

func TestConditionOverBody(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxHeld)
	for _, tt := range []struct {
		name string
		c    *Condition
		body string
		want bool
	}{
		{"text", bodyHas(`id="login_error"`), `<div id="login_error">`, true},
		{"text, other case", bodyHas(`id="login_error"`), `<div ID="login_error">`, false},
		{"text, not there", bodyHas("wrong"), "welcome", false},
		{"text, empty body", bodyHas("wrong"), "", false},
		{"text, not UTF-8", bodyHas("\xff"), "a\xffb", true},
		{"text at the end", bodyHas("xy"), long[2:] + "xy", true},
		{"regexp", bodyLike(`(?i)wrong\s+code`), "<p>Wrong\n code", true},
		{"regexp, not there", bodyLike("^wrong$"), "wrong!", false},
		{"regexp, whole", bodyLike("^wrong$"), "wrong", true},
		{"regexp over lines", bodyLike("(?m)^wrong$"), "a\nwrong\nb", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := mustCompile(t, outcomeOf("success", allOf(tt.c)))
			if got := o.evaluate(&answer{status: 200, body: []byte(tt.body), complete: true}) == verdictSuccess; got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if !o.needsBody() {
				t.Error("needs no body")
			}
			if _, ok := o.byHeader(&answer{status: 200, header: http.Header{}}); ok {
				t.Error("is decided without the body")
			}
		})
	}
}

// What a condition finds in the first 64 KiB of an answer holds, whatever comes
// behind; what it does not find may come behind.
func TestUnreadableAnswers(t *testing.T) {
	t.Parallel()
	pad := strings.Repeat("x", maxHeld)
	success, failed := outcomeOf("success", allOf(statusIs("200"))), outcomeOf("failure", allOf(bodyHas("wrong")))
	gzip := http.Header{"Content-Encoding": {"br"}}
	for _, tt := range []struct {
		name     string
		outcomes []*Outcome
		answer   answer
		want     verdict
	}{
		{"mark of a failure", []*Outcome{failed, success}, answer{body: []byte("wrong")}, verdictFailure},
		{"mark in front of the cut", []*Outcome{failed, success}, answer{body: []byte("wrong" + pad)}, verdictFailure},
		{"mark behind the cut", []*Outcome{failed, success}, answer{body: []byte(pad + "wrong"), complete: true}, verdictUnclassified},
		{"mark on the cut", []*Outcome{failed, success}, answer{body: []byte(pad[2:] + "wrong"), complete: true}, verdictUnclassified},
		{"no mark, whole", []*Outcome{failed, success}, answer{body: []byte("welcome"), complete: true}, verdictSuccess},
		{"no mark, cut", []*Outcome{failed, success}, answer{body: []byte("welcome")}, verdictUnclassified},
		{"encoded", []*Outcome{failed, success}, answer{body: []byte("welcome"), complete: true, header: gzip}, verdictUnclassified},
		{"encoded, with the mark", []*Outcome{failed, success}, answer{body: []byte("wrong"), complete: true, header: gzip}, verdictUnclassified},
		{"encoded as itself", []*Outcome{failed, success}, answer{body: []byte("welcome"), complete: true, header: http.Header{"Content-Encoding": {"identity"}}}, verdictSuccess},
		{"success by the head goes before", []*Outcome{outcomeOf("success", allOf(cookieSet("sid"))), failed}, answer{body: []byte(pad), header: http.Header{"Set-Cookie": {"sid=1"}}}, verdictSuccess},
		{"JSON cut, then a status", []*Outcome{outcomeOf("failure", allOf(jsonHas("error", ""))), success}, answer{body: []byte(`{"error":"x"`)}, verdictUnclassified},
		{"JSON of a success, cut", []*Outcome{outcomeOf("success", allOf(jsonHas("token", ""))), outcomeOf("failure", allOf(statusIs("200")))}, answer{body: []byte(`{"token":"x"`)}, verdictFailure},
		{"part of a page", []*Outcome{failed, outcomeOf("success", allOf(statusIs("2xx")))}, answer{status: 206, body: []byte("w"), complete: true}, verdictUnclassified},
		{"page not sent again", []*Outcome{failed, outcomeOf("success", allOf(statusIs("304")))}, answer{status: 304, complete: true}, verdictUnclassified},

		{"success in sight", []*Outcome{outcomeOf("success", allOf(bodyHas("welcome"))), failed}, answer{body: []byte("welcome" + pad)}, verdictSuccess},
		{"success out of sight", []*Outcome{outcomeOf("success", allOf(bodyHas("welcome"))), outcomeOf("failure", allOf(statusIs("200")))}, answer{body: []byte(pad)}, verdictFailure},
		{"success out of sight, no rule", []*Outcome{outcomeOf("success", allOf(bodyHas("welcome")))}, answer{body: []byte(pad)}, verdictUnclassified},
		{"end of the text in a cut one", []*Outcome{outcomeOf("success", allOf(bodyLike("^x+$")))}, answer{body: []byte(pad)}, verdictUnclassified},
		{"end of a word in a cut one", []*Outcome{outcomeOf("success", allOf(bodyLike(`x\b`)))}, answer{body: []byte(pad)}, verdictUnclassified},
		{"beginning of a cut one", []*Outcome{outcomeOf("success", allOf(bodyLike("^x")))}, answer{body: []byte(pad)}, verdictSuccess},

		{"pending behind a failure in doubt", []*Outcome{failed, outcomeOf("pending", allOf(statusIs("200"))), success}, answer{body: []byte(pad)}, verdictUnclassified},
		{"neutral behind a failure in doubt", []*Outcome{failed, outcomeOf("neutral", allOf(statusIs("200"))), success}, answer{body: []byte(pad)}, verdictUnclassified},
		{"success behind a neutral in doubt", []*Outcome{outcomeOf("neutral", allOf(bodyHas("csrf"))), success}, answer{body: []byte(pad)}, verdictUnclassified},
		{"neutral behind a neutral in doubt", []*Outcome{outcomeOf("neutral", allOf(bodyHas("csrf"))), outcomeOf("neutral", allOf(statusIs("200"))), success}, answer{body: []byte(pad)}, verdictNeutral},
		{"success behind a pending in doubt", []*Outcome{outcomeOf("pending", allOf(bodyHas("code"))), success}, answer{body: []byte(pad)}, verdictPending},
		{"failure behind a pending in doubt", []*Outcome{outcomeOf("pending", allOf(bodyHas("code"))), outcomeOf("failure", allOf(statusIs("200"))), success}, answer{body: []byte(pad)}, verdictFailure},
		{"failure behind a neutral in doubt", []*Outcome{outcomeOf("neutral", allOf(bodyHas("csrf"))), outcomeOf("failure", allOf(statusIs("200"))), success}, answer{body: []byte(pad)}, verdictFailure},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.answer.status == 0 {
				tt.answer.status = 200
			}
			if got := mustCompile(t, tt.outcomes...).evaluate(&tt.answer); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// Of two secrets both count when nobody knows which one was wrong.
func TestUnreadableAnswersAboutTwoSecrets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		first, second string
		want          verdict
	}{
		{"password", "totp", verdictFailure},
		{"totp", "password", verdictFailure},
		{"password", "password", verdictFirstWrong},
		{"totp", "totp", verdictSecondWrong},
	} {
		t.Run(tt.first+" or "+tt.second, func(t *testing.T) {
			t.Parallel()
			rules := []*Outcome{outcomeOf("failure", allOf(bodyHas("code"))), outcomeOf("failure", allOf(statusIs("401"))), outcomeOf("success", allOf(statusIs("200")))}
			rules[0].Factor, rules[1].Factor = tt.first, tt.second
			password, _ := factorNamed("password")
			totp, _ := factorNamed("totp")
			o, err := compileOutcomes(rules, &step{factor: password, second: totp})
			if err != nil {
				t.Fatal(err)
			}
			if got := o.evaluate(&answer{status: 401}); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}
