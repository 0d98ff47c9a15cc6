// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// maxJSONAnswer is the length up to which a JSON answer is looked into.
const maxJSONAnswer = 64 << 10

// jsonAnswer is the body of an answer. It is checked once, and only when a
// condition asks.
type jsonAnswer struct {
	text           []byte
	cut            bool // text is not all of the answer
	checked, sound bool
}

// isSound tells whether the body is one whole JSON document.
func (j *jsonAnswer) isSound() bool {
	if !j.checked {
		j.checked = true
		j.sound = !j.cut && len(j.text) <= maxJSONAnswer && utf8.Valid(j.text) && json.Valid(j.text)
	}
	return j.sound
}

// matches compares the values at path with want, or looks for any that says yes
// when want is empty.
func (j *jsonAnswer) matches(path []string, want string) bool {
	return j.isSound() && eachJSON(j.text, path, func(value json.RawMessage) bool { return saysJSON(value, want) })
}

func saysJSON(value json.RawMessage, want string) bool {
	text, scalar := jsonText(value)
	if want != "" {
		return scalar && text == want
	}
	switch value[0] {
	case 'n', 'f': // null, false
		return false
	default:
		return !scalar || text != ""
	}
}

// lookupJSON returns the one value that path leads to.
func lookupJSON(text []byte, path []string) (found json.RawMessage, ok bool) {
	ok = eachJSON(text, path, func(value json.RawMessage) bool {
		found = value
		return true
	})
	return found, ok
}

// anyElement is the step of a path that stands for every element of an array.
const anyElement = "#"

// eachJSON follows path through valid JSON and calls yield with what it leads to,
// until yield returns true. A step is the exact name of an object's member, or the
// index of an array's element, or anyElement. A name that occurs twice in an
// object is not found: readers disagree about which one counts. No part of the
// text is read more often than there are steps.
func eachJSON(text []byte, path []string, yield func(json.RawMessage) bool) bool {
	value := bytes.Trim(text, jsonBlanks)
	if len(value) == 0 {
		return false
	}
	if len(path) == 0 {
		return yield(value)
	}
	switch value[0] {
	case '{':
		member := jsonMember(value, path[0])
		return member != nil && eachJSON(member, path[1:], yield)
	case '[':
		return eachElement(value, path[0], func(element []byte) bool { return eachJSON(element, path[1:], yield) })
	}
	return false
}

func jsonMember(object []byte, name string) (found []byte) {
	twice := false
	eachItem(object, func(key, value []byte) bool {
		if isJSONKey(key, name) {
			twice = found != nil
			found = value
		}
		return twice
	})
	if twice {
		return nil
	}
	return found
}

// isJSONKey compares a key as it is written, quotes and escapes and all.
func isJSONKey(key []byte, name string) bool {
	if bytes.IndexByte(key, '\\') < 0 {
		return string(key[1:len(key)-1]) == name
	}
	var text string
	return json.Unmarshal(key, &text) == nil && text == name
}

func eachElement(array []byte, step string, yield func([]byte) bool) bool {
	index, err := strconv.ParseUint(step, 10, 31)
	if step != anyElement && (err != nil || strconv.FormatUint(index, 10) != step) {
		return false
	}
	found, at := false, uint64(0)
	eachItem(array, func(_, value []byte) bool {
		here := step == anyElement || at == index
		found = here && yield(value)
		at++
		return found || here && step != anyElement
	})
	return found
}

const jsonBlanks = " \t\r\n"

// eachItem calls yield with the members of an object or the elements of an array,
// which are valid JSON, until yield returns true.
func eachItem(value []byte, yield func(key, item []byte) bool) {
	isObject := value[0] == '{'
	for rest := value[1:]; ; {
		rest = bytes.TrimLeft(rest, jsonBlanks+",")
		if rest[0] == '}' || rest[0] == ']' {
			return
		}
		var key []byte
		if isObject {
			n := jsonLength(rest)
			key, rest = rest[:n], bytes.TrimLeft(rest[n:], jsonBlanks+":")
		}
		n := jsonLength(rest)
		if yield(key, rest[:n]) {
			return
		}
		rest = rest[n:]
	}
}

// jsonLength returns the length of the value at the beginning of valid JSON.
func jsonLength(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // of what is around
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// jsonText is the string form of a value: a string without its quotes, a
// number as written, true, false, null. Objects and arrays have none.
func jsonText(value json.RawMessage) (text string, scalar bool) {
	switch value[0] {
	case '{', '[':
		return "", false
	case '"':
		err := json.Unmarshal(value, &text)
		return text, err == nil
	default:
		return string(value), true
	}
}
