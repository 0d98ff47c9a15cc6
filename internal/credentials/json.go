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

// position tells how many steps of each field's path lead to a value, or off
// when it is on no such way.
type position [maxPlaces]int8

const off = -1

var offPath = func() (p position) {
	for i := range p {
		p[i] = off
	}
	return p
}()

// jsonReader is a strict scanner for one document (RFC 8259, D7). The standard
// library's decoder takes doubled members, members in another case and broken
// UTF-8, and so can not tell whether there is only one reading.
type jsonReader struct {
	data   string
	at     int
	depth  int
	values int
	paths  []fieldPaths
	others keySet // credentials that stand elsewhere, which no member may imitate
	read   *reading
}

// readJSON reads the fields of a JSON body.
func (l *LoginRule) readJSON(body string, v *reading) *Refusal {
	if err := checkText(body); err != nil {
		return err
	}
	j := jsonReader{data: body, paths: l.paths, read: v}
	if l.query {
		j.others = l.keys
	}
	j.skipBlanks()
	if !j.next('{') {
		return Refuse(ReasonMalformedBody, "the body is not a JSON object")
	}
	if err := j.object(position{}); err != nil {
		return err
	}
	if j.skipBlanks(); j.at != len(j.data) {
		return Refuse(ReasonMalformedBody, "something follows the JSON object")
	}
	if l.keys.inPairs(body, true) {
		return Refuse(ReasonAmbiguous, "the JSON body is a form with credentials, too")
	}
	return nil
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
		start := j.at
		member, err := j.text()
		if err != nil {
			return err
		}
		end := j.at
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
		if inner != offPath && end-start != len(member)+len(`""`) {
			j.read.edits = append(j.read.edits, edit{start: start, end: end, place: noPlace, text: member})
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
	taken := false
	for c := range j.paths {
		if i := p[c]; i != off && member == j.paths[c].steps[i] {
			inner[c], taken = i+1, true
		}
	}
	if taken {
		// In "user" and "user_token.code" one step is no imitation of the other.
		return inner, nil
	}
	for c := range j.paths {
		if i := p[c]; i != off && j.paths[c].mimics(int(i), member) {
			return inner, Refuse(ReasonAmbiguous, "the JSON body has a member that may be read as a credential")
		}
	}
	if j.depth == 1 && j.others.has(member) {
		return inner, Refuse(ReasonAmbiguous, "the JSON body has a member that may be read as a credential")
	}
	if j.depth > 1 && p == offPath && j.belongsOnTop(member) {
		return inner, Refuse(ReasonAmbiguous, "the JSON body has a credential within another member, too")
	}
	return inner, nil
}

// belongsOnTop reports whether a member within another has the name of a
// credential that stands on top. Rails wraps what it finds on top in a member of
// its own, unless the client has sent that member (ActionController's
// ParamsWrapper).
func (j *jsonReader) belongsOnTop(member string) bool {
	for c := range j.paths {
		if path := &j.paths[c]; len(path.steps) == 1 && path.mimics(0, member) {
			return true
		}
	}
	return false
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
	for c := range j.paths {
		i, end := int(p[c]), len(j.paths[c].steps)
		wantString = wantString || i == end
		wantObject = wantObject || i > 0 && i < end
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
		start := j.at
		text, err := j.text()
		if err == nil && wantString {
			j.credential(p, start, text)
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

// credential notes the value of the field whose path ends here. Two paths that
// end at one value were refused when the rule was compiled.
func (j *jsonReader) credential(p position, start int, text string) {
	for c := range j.paths {
		if place := j.paths[c].place; int(p[c]) == len(j.paths[c].steps) {
			j.read.set(place, text)
			j.read.edits = append(j.read.edits, edit{start: start, end: j.at, place: place})
		}
	}
}
