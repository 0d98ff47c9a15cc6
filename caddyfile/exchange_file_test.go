// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"encoding/base64"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// exchangeFile is a file of exchanges with a service, whose format is in
// presets/testdata/README.md.
type exchangeFile struct {
	options []string // lines of the directive's block
	stories []story
}

// story is a list of exchanges that begins with an empty store.
type story struct {
	name      string
	exchanges []exchange
}

// exchange is a request, the answer of the service, and what is wanted.
type exchange struct {
	name     string
	request  message
	answer   message
	answered bool
	want     want
}

// message is a request or an answer.
type message struct {
	start  string // method and target, or the status
	header [][2]string
	body   string
}

// want is what an exchange must lead to.
type want struct {
	verdict  string   // pass, reset, refused, or a verdict of an outcome
	reason   string   // of a refusal
	factors  []string // that the verdict is about
	with     []string // that hold a slot beside them
	users    []string
	forgives []string // nil: all users
	unheld   bool
	likeName string
	like     *message // the answer to a locked user
	times    int
}

func readExchanges(path string) (*exchangeFile, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, known := new(exchangeFile), map[string]exchange{}
	for _, b := range splitExchanges(string(raw)) {
		if err := f.add(b, known); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, b.line, err)
		}
	}
	return f, nil
}

// block is a part of the file that begins with a heading.
type block struct {
	line  int
	lines []string
}

// splitExchanges cuts the file before each heading.
func splitExchanges(text string) []block {
	blocks := []block{{}} // what stands before the first heading
	message := false
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") || !message && strings.HasPrefix(line, "again ") {
			blocks = append(blocks, block{line: i + 1})
			message = strings.HasPrefix(line, "--- ")
		}
		if strings.HasPrefix(line, ">>> ") {
			message = false
		} else if !message && strings.HasPrefix(line, "#") {
			continue
		}
		b := &blocks[len(blocks)-1]
		b.lines = append(b.lines, line)
	}
	return blocks
}

func (f *exchangeFile) add(b block, known map[string]exchange) (err error) {
	heading, rest := "", b.lines
	if len(rest) > 0 {
		heading, rest = rest[0], rest[1:]
	}
	title := heading[min(len(heading), 4):]
	var e exchange
	switch {
	case b.line == 0:
		f.options = slices.DeleteFunc(b.lines, func(line string) bool { return strings.TrimSpace(line) == "" })
		return nil
	case strings.HasPrefix(heading, "=== "):
		f.stories = append(f.stories, story{name: title})
		return nil
	case strings.HasPrefix(heading, "--- "):
		if _, twice := known[title]; twice {
			return fmt.Errorf("exchange %q is there twice", title)
		}
		e, err = parseExchange(title, rest)
		known[title] = e
	default:
		e, err = repeated(strings.TrimPrefix(heading, "again "), rest, known)
	}
	if err != nil {
		return err
	}
	if like, ok := known[e.want.likeName]; ok {
		e.want.like = &like.answer
	} else if e.want.likeName != "" {
		return fmt.Errorf("no exchange %q above", e.want.likeName)
	}
	if len(f.stories) == 0 {
		return fmt.Errorf("exchange %q belongs to no story: begin one with ===", e.name)
	}
	s := &f.stories[len(f.stories)-1]
	s.exchanges = append(s.exchanges, e)
	return nil
}

func parseExchange(name string, lines []string) (e exchange, err error) {
	e.name = name
	for len(lines) > 0 && strings.HasPrefix(lines[0], "#") {
		lines = lines[1:]
	}
	wanted := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, ">>> ") })
	if wanted < 0 {
		return e, fmt.Errorf("exchange %q: no line with >>>", name)
	}
	answer := slices.Index(lines[:wanted], "<<<")
	e.request = parseMessage(lines[:wanted])
	if e.answered = answer >= 0; e.answered {
		e.request, e.answer = parseMessage(lines[:answer]), parseMessage(lines[answer+1:wanted])
	}
	e.want, err = parseWant(lines[wanted])
	return e, err
}

// parseMessage reads the lines of a request or an answer.
func parseMessage(lines []string) (m message) {
	if len(lines) == 0 {
		return m
	}
	m.start = lines[0]
	i := 1
	for ; i < len(lines) && lines[i] != ""; i++ {
		name, value, _ := strings.Cut(lines[i], ":")
		m.header = append(m.header, [2]string{name, strings.TrimSpace(value)})
	}
	if i < len(lines) {
		m.body = strings.TrimRight(strings.Join(lines[i+1:], "\n"), "\n")
	}
	return m
}

// repeated is an exchange from above with other texts.
func repeated(heading string, rest []string, known map[string]exchange) (e exchange, err error) {
	name, changes, changed := strings.Cut(heading, " with ")
	e, ok := known[name]
	if !ok {
		return e, fmt.Errorf("no exchange %q above", name)
	}
	e.name = "again " + heading
	if changed {
		var pairs []string
		for change := range strings.SplitSeq(changes, ", ") {
			from, to, ok := strings.Cut(change, " as ")
			if !ok {
				return e, fmt.Errorf("%q: want OLD as NEW", change)
			}
			pairs = append(pairs, from, to)
		}
		r := strings.NewReplacer(pairs...)
		e.request, e.answer = e.request.replace(r), e.answer.replace(r)
	}
	wanted := slices.IndexFunc(rest, func(line string) bool { return strings.HasPrefix(line, ">>> ") })
	if wanted < 0 {
		return e, fmt.Errorf("%q: no line with >>>", e.name)
	}
	e.want, err = parseWant(rest[wanted])
	return e, err
}

func (m message) replace(r *strings.Replacer) message {
	out := message{start: r.Replace(m.start), body: r.Replace(m.body)}
	for _, h := range m.header {
		out.header = append(out.header, [2]string{h[0], r.Replace(h[1])})
	}
	return out
}

var timesPattern = regexp.MustCompile(`^x[1-9][0-9]*$`)

func parseWant(line string) (w want, err error) {
	words := strings.Fields(strings.TrimPrefix(line, ">>> "))
	w.times = 1
	if last := words[len(words)-1]; timesPattern.MatchString(last) {
		w.times, _ = strconv.Atoi(last[1:])
		words = words[:len(words)-1]
	}
	w.verdict = words[0]
	mistake := fmt.Errorf("%q is not what README.md says", line)
	switch {
	case w.verdict == "pass" && len(words) == 1:
		return w, nil
	case w.verdict == "denied" && len(words) == 1:
		w.verdict, w.reason = "refused", "denied"
		return w, nil
	case w.verdict == "refused" && len(words) == 2:
		w.reason = words[1]
		return w, nil
	case w.verdict == "refused" && len(words) > 3 && words[1] == "locked" && words[2] == "like":
		w.reason, w.likeName = words[1], strings.Join(words[3:], " ")
		return w, nil
	case w.verdict == "reset" && len(words) == 2:
		w.users = strings.Split(words[1], ",")
		return w, nil
	case !slices.Contains([]string{"success", "pending", "failure", "neutral"}, w.verdict) || len(words) < 3:
		return w, mistake
	}
	w.factors, w.users = strings.Split(words[1], "+"), strings.Split(words[2], ",")
	for rest := words[3:]; len(rest) > 0; {
		switch {
		case rest[0] == "unheld":
			w.unheld, rest = true, rest[1:]
		case rest[0] == "with" && len(rest) > 1:
			w.with, rest = strings.Split(rest[1], "+"), rest[2:]
		case rest[0] == "forgives" && len(rest) > 1:
			w.forgives, rest = strings.Split(rest[1], ","), rest[2:]
		default:
			return w, mistake
		}
	}
	return w, nil
}

var encodedPattern = regexp.MustCompile(`\{(jwt|base64|base64url) ((?:[^{}]|\{[^{}]*\})*)\}`)

// encoded puts tokens and Base64 in place of what stands for them.
func encoded(text string) string {
	return encodedPattern.ReplaceAllStringFunc(text, func(found string) string {
		parts := encodedPattern.FindStringSubmatch(found)
		url := base64.RawURLEncoding.EncodeToString
		switch parts[1] {
		case "jwt":
			return url([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + url([]byte(parts[2])) + "." + url([]byte("signature"))
		case "base64":
			return base64.StdEncoding.EncodeToString([]byte(parts[2]))
		default:
			return url([]byte(parts[2]))
		}
	})
}
