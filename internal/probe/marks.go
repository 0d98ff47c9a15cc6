// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// mark is what a right login has and a wrong one lacks, beside the status.
type mark struct {
	status     int
	conditions []string
	has        func(*answer) bool
	weak       string // why a person should look at it
}

// matches reports whether an answer would pass for a success.
func (m *mark) matches(a *answer) bool { return a.status == m.status && m.has(a) }

// marks lists the marks of the right login, the best first.
func (t *trial) marks() []*mark {
	list := slices.Concat(t.cookieMarks(), t.tokenMarks(), t.wordMarks(), t.locationMarks(), t.textMarks(), t.statusMarks())
	for _, m := range list {
		m.status = t.right.status
	}
	return slices.DeleteFunc(list, func(m *mark) bool { return m.matches(t.wrong) })
}

// Cookies that say nothing about who is logged in, and those that do.
var (
	otherCookies   = regexp.MustCompile(`(?i)csrf|xsrf|lang|locale|theme|flash|message|^_ga|^awsalb|^__cf|route|consent|timezone|redirect|return|device`)
	sessionCookies = regexp.MustCompile(`(?i)sess|sid|auth|token|jwt|logged|login|ticket`)
	optionCookies  = regexp.MustCompile(`(?i)remember|persist|keep`)
	hashedCookie   = regexp.MustCompile(`^(.*[_-])[0-9a-f]{16,}$`)
)

// cookieMarks are cookies that only the right login gets, and not the page of
// the form: a wrong login of a browser that has not been there would get that.
func (t *trial) cookieMarks() (list []*mark) {
	classes := [3][]*mark{}
	for _, name := range t.right.live {
		if slices.Contains(t.wrong.live, name) || slices.Contains(t.seen, name) || otherCookies.MatchString(name) {
			continue
		}
		condition, err := cookieCondition(name)
		if err != nil {
			continue
		}
		class := 1
		switch {
		case optionCookies.MatchString(name):
			class = 2
		case sessionCookies.MatchString(name):
			class = 0
		}
		classes[class] = append(classes[class], &mark{
			conditions: []string{condition},
			has:        func(a *answer) bool { return slices.Contains(a.live, name) },
		})
	}
	return slices.Concat(classes[0], classes[1], classes[2])
}

// cookieCondition leaves out a hash at the end of a name: of the site, or of
// its version.
func cookieCondition(name string) (string, error) {
	if m := hashedCookie.FindStringSubmatch(name); m != nil {
		w, err := word("^" + regexp.QuoteMeta(m[1]) + "[0-9a-f]+$")
		return "set_cookie_regexp " + w, err
	}
	w, err := word(name)
	return "set_cookie " + w, err
}

// tokenNames are folded names of fields that hold what a login is for.
var tokenNames = []string{
	"accesstoken", "token", "sessiontoken", "clienttoken", "authtoken", "jwt", "idtoken", "bearertoken", "apitoken", "sessionid", "session", "sid", "ticket", "refreshtoken",
	"apikey", "key",
}

// tokenMarks are tokens in a JSON answer.
func (t *trial) tokenMarks() (list []*mark) {
	for _, name := range tokenNames {
		for _, l := range t.right.leaves {
			if _, isText := l.value.(string); !isText || fold(l.name()) != name || !l.isSet() {
				continue
			}
			if m := l.isThere(); m != nil {
				list = append(list, m)
			}
		}
	}
	return list
}

// Folded names of fields that say yes or no, and of those that name the user.
var (
	verdictNames = []string{"success", "ok", "authenticated", "loggedin", "valid", "status", "result", "state"}
	personNames  = []string{"id", "uid", "userid", "username", "user", "login", "email", "account", "role"}
)

// wordMarks are fields with another word than in the wrong answer, and fields
// that name the user.
func (t *trial) wordMarks() (list []*mark) {
	for _, name := range verdictNames {
		for _, l := range t.right.leaves {
			if _, there := t.wrong.find(l.path); !there || fold(l.name()) != name || !isCode(l.text()) || !l.isSet() {
				continue
			}
			if c, err := l.equals(); err == nil {
				list = append(list, &mark{conditions: []string{c}, has: func(a *answer) bool {
					other, _ := a.find(l.path)
					return other.text() == l.text()
				}})
			}
		}
	}
	for _, name := range personNames {
		for _, l := range t.right.leaves {
			if fold(l.name()) != name || !l.isSet() {
				continue
			}
			if m := l.isThere(); m != nil {
				m.weak = "success is told by a field that names the user; see that no other answer at this path has it"
				list = append(list, m)
			}
		}
	}
	return list
}

// isThere is the mark that something is in a field. Nil: no rule can name it.
func (l leaf) isThere() *mark {
	w, err := l.pathWord("")
	if err != nil {
		return nil
	}
	return &mark{conditions: []string{"json " + w}, has: func(a *answer) bool {
		other, _ := a.find(l.path)
		return other.isSet()
	}}
}

// equals is the condition that the field holds this value.
func (l leaf) equals() (string, error) {
	w, err := l.pathWord("=" + l.text())
	return "json " + w, err
}

func (l leaf) pathWord(value string) (string, error) {
	for _, step := range l.path {
		if step == "" || strings.ContainsAny(step, ".=#") || looksRandom(step) {
			return "", fmt.Errorf("writing the rule: a field is named %q", printable(step))
		}
	}
	return word(strings.Join(l.path, ".") + value)
}

// statusMarks is the status by itself.
func (t *trial) statusMarks() []*mark {
	if t.right.status >= 400 {
		return nil
	}
	return []*mark{{
		has: func(*answer) bool { return true },
		weak: fmt.Sprintf("success is told by the status %d alone, because nothing else was found; see that no other answer at this path has it, such as a page that says what is wrong",
			t.right.status),
	}}
}
