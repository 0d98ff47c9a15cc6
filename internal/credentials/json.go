// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import "strings"

const (
	maxJSONDepth  = 32
	maxJSONValues = 1000
)

// jsonPath leads to a credential: one member name for each object on the way.
type jsonPath struct {
	steps []string
	// folded[i] and rest[i] are step i, and all steps from i on, as other
	// readers may spell them.
	folded []string
	rest   []fieldPath
}

func newJSONPath(field string) jsonPath {
	p := jsonPath{steps: strings.Split(field, ".")}
	for i, step := range p.steps {
		p.folded = append(p.folded, newFieldPath(step).joined)
		p.rest = append(p.rest, newFieldPath(strings.Join(p.steps[i:], ".")))
	}
	return p
}

// collides reports whether one path leads to, or through, the other's end.
func (p jsonPath) collides(q jsonPath) bool {
	for i := range min(len(p.steps), len(q.steps)) {
		if p.folded[i] != q.folded[i] {
			return false
		}
	}
	return true
}

// mimics reports whether some reader may take a member for step i.
func (p jsonPath) mimics(i int, member string) bool {
	f := newFieldPath(member)
	return f.joined == p.folded[i] || f.joined == p.rest[i].joined || f.parts[0] == p.folded[i]
}

// position tells how many steps of the user's and the secret's path lead to a
// value, or off when it is on neither way.
type position [2]int

const off = -1

var offPath = position{off, off}

// jsonReader is a strict scanner for one document (RFC 8259, D7). The standard
// library's decoder takes doubled members, members in another case and broken
// UTF-8, and so can not tell whether there is only one reading.
type jsonReader struct {
	data   string
	at     int
	depth  int
	values int
	paths  [2]*jsonPath
	found  [2]string
}

// readJSON reads user and secret from a JSON body. A credential that is
// missing is returned empty.
func (b *BodyRule) readJSON(body string) (user, secret string, err *Refusal) {
	if err := checkText(body); err != nil {
		return "", "", err
	}
	j := jsonReader{data: body, paths: [2]*jsonPath{&b.user, &b.secret}}
	j.skipBlanks()
	if !j.next('{') {
		return "", "", Refuse(ReasonMalformedBody, "the body is not a JSON object")
	}
	if err := j.object(position{}); err != nil {
		return "", "", err
	}
	if j.skipBlanks(); j.at != len(j.data) {
		return "", "", Refuse(ReasonMalformedBody, "something follows the JSON object")
	}
	if b.keys.inPairs(body, true) {
		return "", "", Refuse(ReasonAmbiguous, "the JSON body is a form with credentials, too")
	}
	return j.found[0], j.found[1], nil
}

// object reads the members of an object whose brace was read.
func (j *jsonReader) object(p position) *Refusal {
	if err := j.enter(); err != nil {
		return err
	}
	var members memberSet
	for first := true; ; first = false {
		j.skipBlanks()
		if first && j.next('}') {
			break
		}
		member, err := j.text()
		if err != nil {
			return err
		}
		if strings.ContainsFunc(member, isControl) {
			return Refuse(ReasonMalformedBody, "the JSON body has a malformed member name")
		}
		if pollutes(member) {
			return Refuse(ReasonAmbiguous, "the JSON body has a member that reaches for a prototype")
		}
		if !members.add(foldKey(member)) {
			return Refuse(ReasonAmbiguous, "the JSON body has a member twice")
		}
		inner, err := j.follow(p, member)
		if err != nil {
			return err
		}
		if j.skipBlanks(); !j.next(':') {
			return errJSON()
		}
		if err := j.value(inner); err != nil {
			return err
		}
		j.skipBlanks()
		if j.next('}') {
			break
		}
		if !j.next(',') {
			return errJSON()
		}
	}
	j.depth--
	return nil
}

// follow returns the position of a member's value.
func (j *jsonReader) follow(p position, member string) (position, *Refusal) {
	inner := offPath
	for c, path := range j.paths {
		switch i := p[c]; {
		case i == off:
		case member == path.steps[i]:
			inner[c] = i + 1
		case path.mimics(i, member) && member != j.sibling(p, c):
			return inner, Refuse(ReasonAmbiguous, "the JSON body has a member that may be read as a credential")
		}
	}
	return inner, nil
}

// sibling returns the step that the other credential's path takes here: in
// "user" and "user_token.code" it is no imitation of the first.
func (j *jsonReader) sibling(p position, c int) string {
	if i := p[1-c]; i != off {
		return j.paths[1-c].steps[i]
	}
	return ""
}

func (j *jsonReader) array() *Refusal {
	if err := j.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		j.skipBlanks()
		if first && j.next(']') {
			break
		}
		if err := j.value(offPath); err != nil {
			return err
		}
		j.skipBlanks()
		if j.next(']') {
			break
		}
		if !j.next(',') {
			return errJSON()
		}
	}
	j.depth--
	return nil
}

// value reads one value. On the way to a credential only objects are taken, at
// its end only a string.
func (j *jsonReader) value(p position) *Refusal {
	if j.values++; j.values > maxJSONValues {
		return Refuse(ReasonMalformedBody, "the JSON body has too many values")
	}
	j.skipBlanks()
	if j.at == len(j.data) {
		return errJSON()
	}
	wantString, wantObject := false, false
	for c, i := range p {
		wantString = wantString || i == len(j.paths[c].steps)
		wantObject = wantObject || i > 0 && i < len(j.paths[c].steps)
	}
	first := j.data[j.at]
	if wantString && first != '"' || wantObject && first != '{' {
		return Refuse(ReasonWrongType, "a credential in the JSON body is not a string")
	}
	switch first {
	case '{':
		j.at++
		return j.object(p)
	case '[':
		j.at++
		return j.array()
	case '"':
		text, err := j.text()
		for c, i := range p {
			if i == len(j.paths[c].steps) {
				j.found[c] = text
			}
		}
		return err
	case 't':
		return j.literal("true")
	case 'f':
		return j.literal("false")
	case 'n':
		return j.literal("null")
	}
	return j.number()
}

// memberSet holds the folded member names of one object. Objects are small, so
// it compares one by one before it builds a map.
type memberSet struct {
	few  []string
	many map[string]struct{}
}

// add reports whether the name is new.
func (s *memberSet) add(name string) bool {
	if s.many != nil {
		_, known := s.many[name]
		s.many[name] = struct{}{}
		return !known
	}
	for _, known := range s.few {
		if known == name {
			return false
		}
	}
	if s.few = append(s.few, name); len(s.few) > 16 {
		s.many = make(map[string]struct{}, 2*len(s.few))
		for _, known := range s.few {
			s.many[known] = struct{}{}
		}
	}
	return true
}
