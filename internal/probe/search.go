// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// search looks for the names in one type of body.
type search struct {
	*prober
	login *login
	asked map[[2]string]string // answers, by the names that were sent
}

func (s *search) run(ctx context.Context) (found bool, err error) {
	s.asked = map[[2]string]string{}
	nothing, err := s.ask(ctx, "", "")
	if err != nil || nothing == "" {
		return false, err
	}
	users, secrets := []string{s.UserField}, []string{s.PasswordField}
	if s.UserField == "" {
		users = mentioned(userNames, nothing)
	}
	if s.PasswordField == "" {
		secrets = mentioned(secretNames, nothing)
	}
	for len(secrets) > 0 && s.left > reserved {
		user, verdict, err := s.try(ctx, users, secrets[0], nothing)
		switch {
		case err != nil:
			return false, err
		case verdict == bothRead:
			s.login.user, s.login.secret = user, secrets[0]
			s.did(fmt.Sprintf("POST %s as %s: the service reads the fields %s and %s", s.login.where(), s.login.body, user, secrets[0]))
			s.unsettled(users, nothing)
			return true, nil
		case verdict == userRead: // and says, perhaps, what it misses
			said := s.asked[[2]string{user, secrets[0]}]
			users, secrets = []string{user}, mentioned(secrets[1:], said)
		case secrets[0] == "password" && s.asked[[2]string{"", "password"}] == nothing:
			return false, nil // every other name would be unknown as well
		default:
			secrets = secrets[1:]
		}
	}
	return false, nil
}

// runInPath looks for the name of the password's field alone.
func (s *search) runInPath(ctx context.Context) (found bool, err error) {
	s.asked = map[[2]string]string{}
	nothing, err := s.ask(ctx, "", "")
	if err != nil || nothing == "" {
		return false, err
	}
	secrets := []string{s.PasswordField}
	if s.PasswordField == "" {
		secrets = mentioned(secretNames, nothing)
	}
	for _, secret := range secrets {
		said, err := s.ask(ctx, "", secret)
		if err != nil {
			return false, err
		}
		if said != nothing {
			s.login.secret = secret
			s.did(fmt.Sprintf("POST %s as %s: the service reads the user in the path, and the field %s", s.login.where(), s.login.body, secret))
			return true, nil
		}
	}
	return false, nil
}

// What an answer to two fields says of them.
const (
	nothingRead = iota
	userRead
	bothRead
)

// try looks for the name of the user's field beside a field that may be that of
// the password.
func (s *search) try(ctx context.Context, users []string, secret, nothing string) (user string, verdict int, err error) {
	alone, err := s.ask(ctx, "", secret)
	if err != nil {
		return "", nothingRead, err
	}
	for _, user := range users {
		if s.left <= reserved {
			break
		}
		both, err := s.ask(ctx, user, secret)
		if err != nil {
			return "", nothingRead, err
		}
		if both == alone || both == nothing {
			continue
		}
		nameless, err := s.ask(ctx, user, "")
		if err != nil {
			return "", nothingRead, err
		}
		if both == nameless {
			return user, userRead, nil
		}
		return user, bothRead, nil
	}
	return "", nothingRead, nil
}

// unsettled names fields that may stand for the user, too.
func (s *search) unsettled(users []string, nothing string) {
	others := slices.DeleteFunc(slices.Clone(users), func(n string) bool { return n == s.login.user || !mentions(nothing, n) })
	if len(others) > 0 {
		s.open(fmt.Sprintf("the service names %s too where a field is missing; a login that names its user there is refused. "+
			"If it means the same account, write `user field %s | field %s`", strings.Join(others, ", "), s.login.user, others[0]))
	}
}

// ask logs in as the user who does not exist and reduces the answer to what
// does not change from time to time. It is empty if the service does not take
// the type of the body.
func (s *search) ask(ctx context.Context, user, secret string) (string, error) {
	if said, ok := s.asked[[2]string{user, secret}]; ok {
		return said, nil
	}
	l := *s.login
	l.user, l.secret = user, secret
	r, err := l.request(ctx, s.invented, s.wrong)
	if err != nil {
		return "", err
	}
	if secret != "" && (user != "" || l.segment > 0) {
		s.strange++
	}
	a, err := s.newVisit().send(r)
	if err != nil {
		return "", err
	}
	if err := a.refuses(s.login.where(), user == "" && secret == ""); err != nil {
		if l.segment > 0 {
			err = fmt.Errorf("%w. A segment of the path was taken for the user; if it is none, name --user-field and --password-field", err)
		}
		return "", err
	}
	if a.status == http.StatusUnsupportedMediaType {
		return "", nil
	}
	said := s.gist(a)
	s.asked[[2]string{user, secret}] = said
	return said, nil
}

// refuses reports an answer that has nothing to do with names. One to a request
// without any tells whether there is something at the address at all; later a
// 404 may mean the user.
func (a *answer) refuses(where string, first bool) error {
	switch {
	case a.status == http.StatusTooManyRequests:
		return errors.New("logging in: the service answers 429, too many requests; wait until its own limiter lets logins pass again")
	case first && (a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed):
		return fmt.Errorf("logging in: the service answers %d to POST %s; check the URL", a.status, where)
	case first && a.movedTo() != "":
		return fmt.Errorf("logging in: the service redirects POST %s to %s; probe that address", where, a.movedTo())
	}
	return nil
}
