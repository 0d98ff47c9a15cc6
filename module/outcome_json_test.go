// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestJSONCondition(t *testing.T) {
	t.Parallel()
	long := `{"token":"x","pad":"` + strings.Repeat("a", maxJSONAnswer) + `"}`
	full := long[:len(`{"token":"x","pad":"`)+maxJSONAnswer-len(`{"token":"x","pad":""}`)] + `"}`
	for _, tt := range []struct {
		name, body, path, value string
		want                    bool
	}{
		{"there", `{"token":"x"}`, "token", "", true},
		{"not there", `{"error":"x"}`, "token", "", false},
		{"another case", `{"Token":"x"}`, "token", "", false},
		{"null", `{"token":null}`, "token", "", false},
		{"false", `{"token":false}`, "token", "", false},
		{"empty string", `{"token":""}`, "token", "", false},
		{"true", `{"token":true}`, "token", "", true},
		{"zero", `{"token":0}`, "token", "", true},
		{"empty object", `{"token":{}}`, "token", "", true},
		{"empty array", `{"token":[]}`, "token", "", true},
		{"equal", `{"status":"OK"}`, "status", "OK", true},
		{"not equal", `{"status":"KO"}`, "status", "OK", false},
		{"equal, escaped", `{"status":"\u004fK"}`, "status", "OK", true},
		{"name escaped", `{"st\u0061tus":"OK"}`, "status", "OK", true},
		{"value with blanks", `{"message":"Failed to authenticate."}`, "message", "Failed to authenticate.", true},
		{"number", `{"id":4000006}`, "id", "4000006", true},
		{"number, other spelling", `{"id":4000006.0}`, "id", "4000006", false},
		{"number as string", `{"id":"7"}`, "id", "7", true},
		{"true as text", `{"ok":true}`, "ok", "true", true},
		{"false as text", `{"ok":false}`, "ok", "false", true},
		{"null as text", `{"ok":null}`, "ok", "null", true},
		{"object is no text", `{"ok":{}}`, "ok", "{}", false},
		{"array is no text", `{"ok":[]}`, "ok", "[]", false},
		{"nested", `{"record":{"id":"7"}}`, "record.id", "7", true},
		{"blanks between", " { \"record\" : { \"id\" : \"7\" } } \n", "record.id", "7", true},
		{"index", `{"errors":[{"code":"E1"},{"code":"E2"}]}`, "errors.1.code", "E2", true},
		{"index too high", `{"errors":[{"code":"E1"}]}`, "errors.1.code", "", false},
		{"index with zeros in front", `{"errors":["a","b"]}`, "errors.01", "", false},
		{"index with a sign", `{"errors":["a","b"]}`, "errors.+1", "", false},
		{"index beyond all numbers", `{"errors":["a"]}`, "errors.99999999999999999999", "", false},
		{"name on an array", `{"errors":["a"]}`, "errors.code", "", false},
		{"digits as a name", `{"errors":{"0":"a"}}`, "errors.0", "a", true},
		{"array on top", `[{"id":7}]`, "0.id", "7", true},
		{"beyond a string", `{"token":"x"}`, "token.x", "", false},
		{"string on top", `"token"`, "token", "", false},
		{"repeated name", `{"token":"x","token":"x"}`, "token", "", false},
		{"repeated name, elsewhere", `{"a":1,"a":2,"token":"x"}`, "token", "", true},
		{"repeated name, null first", `{"token":null,"token":"x"}`, "token", "", false},
		{"repeated name on the way", `{"r":{"id":"7"},"r":{}}`, "r.id", "", false},
		{"empty body", ``, "token", "", false},
		{"no JSON", `<html>"token":"x"</html>`, "token", "", false},
		{"something behind", `{"token":"x"} x`, "token", "", false},
		{"two documents", `{"token":"x"}{"token":"x"}`, "token", "", false},
		{"cut short", `{"token":"x"`, "token", "", false},
		{"broken behind the field", `{"token":"x","b":}`, "token", "", false},
		{"byte order mark", "\ufeff" + `{"token":"x"}`, "token", "", false},
		{"not UTF-8", "{\"token\":\"\xff\"}", "token", "", false},
		{"64 KiB", full, "token", "", true},
		{"longer than 64 KiB", long, "token", "", false},
		{"any element", `{"ui":{"messages":[{"id":1},{"id":4000006}]}}`, "ui.messages.#.id", "4000006", true},
		{"any element, none", `{"ui":{"messages":[{"id":1},{"id":2}]}}`, "ui.messages.#.id", "4000006", false},
		{"any element, empty array", `{"messages":[]}`, "messages.#", "", false},
		{"any element, of several kinds", `{"m":[1,"x",null,[],{"id":7}]}`, "m.#.id", "7", true},
		{"any element says yes", `{"m":[null,false,"",0]}`, "m.#", "", true},
		{"no element says yes", `{"m":[null,false,""]}`, "m.#", "", false},
		{"any element of any element", `[[1,2],[3,[4]],[]]`, "#.#", "3", true},
		{"any element, deeper", `[{"a":[{"b":1}]},{"a":[{"b":2}]}]`, "#.a.#.b", "2", true},
		{"any element, then an index", `[["a","b"],["c"]]`, "#.1", "b", true},
		{"any element of an object", `{"a":{"x":1,"y":2}}`, "a.#", "", false},
		{"member of this name", `{"#":"x"}`, "#", "x", true},
		{"any element, name twice in one", `[{"id":1,"id":2},{"id":2}]`, "#.id", "2", true},
		{"any element, name twice", `[{"id":2,"id":2}]`, "#.id", "2", false},
		{"any element, brackets in strings", `["]",{"a\"":"}"},{"id":"]["}]`, "#.id", "][", true},
		{"blanks everywhere", " [ { \"id\" : [ 1 , 2 ] } , { } ] ", "0.id.1", "2", true},
		{"name three times", `{"a":1,"a":2,"a":3}`, "a", "", false},
		{"very deep", strings.Repeat("[", 20000) + strings.Repeat("]", 20000), "0", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := mustCompile(t, outcomeOf("success", allOf(jsonHas(tt.path, tt.value))))
			a := &answer{status: 200, body: []byte(tt.body), complete: true}
			if got := o.evaluate(a) == verdictSuccess; got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			a.complete = false
			if o.evaluate(a) != verdictUnclassified {
				t.Error("an incomplete answer matches")
			}
		})
	}
}

// FuzzLookupJSON compares with a walk over what encoding/json decodes. That
// keeps the last of repeated names; they are gone once it is encoded again.
func FuzzLookupJSON(f *testing.F) {
	f.Add(`{"a":{"b":[1,{"c":"x"}]}}`, "a.b.1.c")
	f.Add(`{"a":1,"a":2}`, "a")
	f.Add(`[[],{"":null}]`, "1.x")
	f.Add(`{"0":"\ud800"}`, "0")
	f.Add(`{"a`, "a")
	f.Add(`[ {"a\\"":"]"} ,{"x":[{}, "\\\\"]}]`, "1.x.1")
	f.Fuzz(func(t *testing.T, body, name string) {
		c, err := compileJSON(&NamedPattern{Name: name})
		if err != nil || slices.Contains(c.path, anyElement) {
			return
		}
		j := jsonAnswer{text: []byte(body)}
		for _, want := range []string{"", "x"} {
			j.matches(c.path, want)
		}
		if !j.isSound() {
			return
		}
		whole := decodeJSON(t, j.text)
		want, there := walkJSON(whole, c.path)
		if raw, ok := lookupJSON(j.text, c.path); ok && (!there || !reflect.DeepEqual(decodeJSON(t, raw), want)) {
			t.Errorf("%q in %q: got %s, want %v", name, body, raw, want)
		}
		again, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		raw, ok := lookupJSON(again, c.path)
		if ok != there || ok && !reflect.DeepEqual(decodeJSON(t, raw), want) {
			t.Errorf("%q in %s: got %s, %v, want %v, %v", name, again, raw, ok, want, there)
		}
	})
}

func decodeJSON(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("decoding %q: %v", text, err)
	}
	return v
}

func walkJSON(v any, path []string) (any, bool) {
	for _, step := range path {
		switch node := v.(type) {
		case map[string]any:
			next, ok := node[step]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(node) || strconv.Itoa(i) != step {
				return nil, false
			}
			v = node[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// The work is bounded: an element costs an allocation of a few bytes at most,
// and no step of a path reads more than the whole answer.
func TestJSONPathIsBounded(t *testing.T) {
	path := []string{"#", "#", "id"}
	text := []byte("[" + strings.Repeat(`[{},{"x":1}],`, maxJSONAnswer/16) + "[]]")
	seen := 0
	if n := testing.AllocsPerRun(5, func() {
		eachJSON(text, path, func(json.RawMessage) bool { seen++; return false })
	}); n > maxJSONAnswer/4 || seen > 0 {
		t.Errorf("%v allocations, %d values", n, seen)
	}
}
