// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// trial is what the logins were answered.
type trial struct {
	*prober
	login        *login
	wrong, right *answer
	// within is the answer to a wrong login in the session of the right one. Many
	// services send who is logged in already on without looking at the password,
	// and with an account of his own anybody could forgive what he guessed at
	// another. Nil: there is no session.
	within *answer
	// formless is what comes in that session instead of the form. Its token went
	// with the session before, so a login without the form may have been refused
	// for that alone. Nil: there is a form.
	formless *answer
}

// provesNothing reports a mark that a wrong login gets as well, in a session.
func (t *trial) provesNothing(m *mark) bool {
	if t.within == nil {
		return false
	}
	return m.matches(t.within) || t.formless != nil && t.within.status != t.wrong.status && m.matches(t.formless)
}

// verdict reports answers that do not tell a right login from a wrong one.
func (t *trial) verdict() error {
	if err := troubled(t.wrong, t.right); err != nil {
		return err
	}
	if due, ok := t.secondFactor(); ok {
		return fmt.Errorf("comparing the answers: it looks like a second factor is due, because the right password was answered with %s. "+
			"Probe with an account that has none, and add a line `pending` with this mark to the rule; see Second factors in the README", due)
	}
	if len(t.marks()) == 0 || t.right.status >= 400 {
		return t.alike()
	}
	return nil
}

// derive turns the answers into a rule.
func (t *trial) derive() (*rule, error) {
	var chosen *mark
	for _, m := range t.marks() {
		if !t.provesNothing(m) {
			chosen = m
			break
		}
	}
	if chosen == nil {
		return nil, fmt.Errorf("comparing the answers: in the session of somebody who is logged in, the service answers as it does to a right password, with %s. "+
			"A rule by that would let everybody who has an account forgive what he guessed at another", t.right.says())
	}
	if chosen.weak != "" {
		t.open(chosen.weak)
	}
	t.noteCookies()
	return &rule{
		login: t.login, known: t.known(),
		success: append([]string{fmt.Sprint("status ", t.right.status)}, chosen.conditions...),
		failure: t.failure(),
	}, nil
}

// troubled reports answers that are no verdict.
func troubled(answers ...*answer) error {
	for _, a := range answers {
		switch a.status {
		case http.StatusTooManyRequests:
			return a.limited()
		case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return fmt.Errorf("comparing the answers: the service answered %d; probe again when it is well", a.status)
		}
	}
	return nil
}

func (a *answer) limited() error {
	return fmt.Errorf("comparing the answers: the service answered %d, too many logins; wait until its own limiter lets logins pass again", a.status)
}

// alike explains two answers that give no rule.
func (t *trial) alike() error {
	where := fmt.Sprintf("comparing the answers: the right password was answered with %d, and so was a wrong one", t.right.status)
	if t.right.status != t.wrong.status {
		where = fmt.Sprintf("comparing the answers: the right password was answered with %s, a wrong one with %s", t.right.says(), t.wrong.says())
	}
	code, _ := t.right.find([]string{"error"})
	switch s := t.right.status; {
	case strings.Contains(strings.ToLower(t.right.gist()), "too many"):
		return t.right.limited()
	case t.right.movedTo() != "" && t.right.movedTo() == t.wrong.movedTo():
		return fmt.Errorf("%s: the service redirects to %s; probe that address", where, t.right.movedTo())
	case code.text() == "invalid_client", code.text() == "unauthorized_client":
		return errors.New(where + "; the service asks for a client: add --field client_id=NAME, and client_secret and scope if it has them")
	case code.text() == "invalid_scope":
		return errors.New(where + "; add --field scope=NAME")
	case s != t.wrong.status:
		return errors.New(where + "; it looks right, and is refused all the same: may the user log in?")
	case s == http.StatusUnsupportedMediaType:
		return errors.New(where + "; try the other --body")
	case s == http.StatusNotFound, s == http.StatusMethodNotAllowed:
		return errors.New(where + "; check the URL")
	case s == http.StatusForbidden && t.login.body != BodyJSON, s == 419:
		return errors.New(where + "; the service may refuse requests without a token against forgery: probe the page that holds the form")
	case s == http.StatusForbidden:
		return errors.New(where + "; the service may ask for another Origin: add --header 'Origin: URL'")
	case s == http.StatusBadRequest, s == http.StatusUnprocessableEntity:
		return errors.New(where + "; is the password right? If the service wants more fields, add --field NAME=VALUE; if they have other names, --user-field and --password-field")
	case t.right.gist() != t.wrong.gist() && s < 400:
		return errors.New(where + ", and only their text differs; no cookie, field or address tells them apart")
	}
	return errors.New(where + "; is the password right, and may the user log in? If it is, the fields may have other names: --user-field, --password-field, --body")
}

// noteCookies names cookies that are no mark.
func (t *trial) noteCookies() {
	for _, name := range t.right.live {
		if slices.Contains(t.wrong.live, name) {
			t.open(fmt.Sprintf("a wrong login gets the cookie %s as well, so it is no mark of a success", printable(name)))
		} else if slices.Contains(t.seen, name) {
			t.open(fmt.Sprintf("the page of the form sets the cookie %s before any login, so it is no mark of a success", printable(name)))
		}
	}
}

// failure is how a wrong password is answered. It comes behind the success, so
// a status by itself does where both have the same.
func (t *trial) failure() []string {
	conditions := []string{fmt.Sprint("status ", t.wrong.status)}
	if t.wrong.status != t.right.status {
		return conditions
	}
	for _, name := range codeNames {
		for _, l := range t.wrong.leaves {
			other, _ := t.right.find(l.path)
			if fold(l.name()) != name || !isCode(l.text()) || other.text() == l.text() {
				continue
			}
			if c, err := l.equals(); err == nil {
				return append(conditions, c)
			}
		}
	}
	if l := t.wrong.leads(t.User); l != nil && !l.matches(t.right) {
		return append(conditions, l.condition())
	}
	return conditions
}

// codeNames are folded names of fields that say why a login failed.
var codeNames = []string{"error", "code", "errorcode", "errcode", "messagecode", "reason", "status", "result", "type", "success", "ok"}

// isCode reports a word that is the same each time.
func isCode(s string) bool {
	plain := strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == ""
	return plain && s != "" && len(s) <= 64 && !looksRandom(s)
}
