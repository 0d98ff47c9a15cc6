// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Argument is what an operator may set.
type Argument struct {
	Name string
	// Default holds the values that are in force when the operator sets none.
	// The only one may be the empty string.
	Default []string
	// Meaning is a sentence.
	Meaning string

	prefix  bool // more of a path stands behind it
	segment bool // it is one segment of a path
}

var duration = regexp.MustCompile(`^(?:[0-9]+(?:ms|s|m|h|d))+$`)

// parseArgument reads a name, a default and a sentence.
func parseArgument(line string) (*Argument, error) {
	name, rest, _ := strings.Cut(line, " ")
	if !argumentName.MatchString(name) {
		return nil, fmt.Errorf("argument %q: want small letters, digits and underscores between them", name)
	}
	a := &Argument{Name: name}
	rest = strings.TrimSpace(rest)
	if quoted, isQuoted := strings.CutPrefix(rest, `"`); isQuoted {
		value, meaning, closed := strings.Cut(quoted, `"`)
		if !closed {
			return nil, fmt.Errorf("argument %s: the quotes around its default are not closed", name)
		}
		a.Default, a.Meaning = strings.Fields(value), strings.TrimSpace(meaning)
		if len(a.Default) == 0 || a.kind() == "text" {
			a.Default = []string{value}
		}
	} else {
		value, meaning, _ := strings.Cut(rest, " ")
		a.Default, a.Meaning = []string{value}, strings.TrimSpace(meaning)
	}
	if a.Meaning == "" || !strings.HasSuffix(a.Meaning, ".") {
		return nil, fmt.Errorf("argument %s: want a default and a sentence that says what it means", name)
	}
	return a, nil
}

// kind is the last part of the name.
func (a *Argument) kind() string {
	return a.Name[strings.LastIndexByte(a.Name, '_')+1:]
}

// Check tests a value.
func (a *Argument) Check(value string) error {
	if value == "" {
		if a.prefix || len(a.Default) == 1 && a.Default[0] == "" {
			return nil
		}
		return errors.New("it is empty")
	}
	if err := checkCharacters(value, a.kind() == "text"); err != nil {
		return err
	}
	if a.segment && strings.ContainsAny(value, "/?#*%") {
		return fmt.Errorf("%q: want one segment of a path, without /, ?, #, * and %%", value)
	}
	switch a.kind() {
	case "path":
		return a.checkPath(value)
	case "cookie", "field", "header":
		if strings.ContainsAny(value, `/,;=()*`) {
			return fmt.Errorf("%q: want the name of a %s", value, a.kind())
		}
	case "lifespan":
		if !duration.MatchString(value) {
			return fmt.Errorf("%q: want a duration such as 90s, 30m or 24h", value)
		}
	case "url":
		if !strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "http://") && !strings.HasPrefix(value, "https://") {
			return fmt.Errorf("%q: want a URL that begins with http://, https:// or /", value)
		}
	}
	return nil
}

// checkCharacters refuses what would mean something to the Caddyfile, to Caddy's
// placeholders or to the presets themselves.
func checkCharacters(value string, isText bool) error {
	if !utf8.ValidString(value) || len(value) > 1000 {
		return errors.New("want at most 1000 bytes of UTF-8")
	}
	for _, r := range value {
		switch {
		case r == '{' || r == '}':
			return fmt.Errorf("%q: placeholders and braces are not allowed", value)
		case r == '`' || unicode.IsControl(r):
			return fmt.Errorf("%q: backticks and control characters are not allowed", value)
		case isText:
		case unicode.IsSpace(r):
			return fmt.Errorf("%q: blanks are not allowed", value)
		case strings.ContainsRune("\"\\<>", r):
			return fmt.Errorf("%q: %q is not allowed", value, r)
		}
	}
	return nil
}

func (a *Argument) checkPath(value string) error {
	switch {
	case !strings.HasPrefix(value, "/"):
		return fmt.Errorf("%q: want a path that begins with /", value)
	case strings.ContainsAny(value, "?#*%") || strings.Contains(value, "//"):
		return fmt.Errorf("%q: want a plain path, without //, ?, #, * and %%", value)
	case a.prefix && strings.HasSuffix(value, "/"):
		return fmt.Errorf("%q: more follows behind it, so it ends without /", value)
	}
	return nil
}
