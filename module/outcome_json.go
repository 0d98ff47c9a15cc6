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

// matches compares the value at path with want, or looks for any value that
// says yes when want is empty.
func (j *jsonAnswer) matches(path []string, want string) bool {
	if !j.isSound() {
		return false
	}
	value, ok := lookupJSON(j.text, path)
	if !ok {
		return false
	}
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

// lookupJSON follows path through valid JSON; a step is the exact name of an
// object's member or the index of an array's element. A name that occurs twice
// in an object is not found: readers disagree about which one counts.
func lookupJSON(text []byte, path []string) (json.RawMessage, bool) {
	value := json.RawMessage(text)
	for _, step := range path {
		d := json.NewDecoder(bytes.NewReader(value))
		open, err := d.Token()
		if err != nil {
			return nil, false
		}
		switch open {
		case json.Delim('{'):
			value = jsonMember(d, step)
		case json.Delim('['):
			value = jsonElement(d, step)
		default:
			return nil, false
		}
		if value == nil {
			return nil, false
		}
	}
	return value, true
}

// jsonMember reads an object whose brace has been read.
func jsonMember(d *json.Decoder, name string) (found json.RawMessage) {
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil
		}
		if key != name {
			continue
		}
		if found != nil {
			return nil
		}
		found = value
	}
	return found
}

// jsonElement reads an array whose bracket has been read.
func jsonElement(d *json.Decoder, step string) json.RawMessage {
	index, err := strconv.ParseUint(step, 10, 31)
	if err != nil || strconv.FormatUint(index, 10) != step {
		return nil
	}
	for ; d.More(); index-- {
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil
		}
		if index == 0 {
			return value
		}
	}
	return nil
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
