// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The description, the routes of proto/gateway.yaml and what is answered are
// the same.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	s := embeddedServer(t)
	document := s.send(t, "GET", "/openapi.json", "", "Authorization", "").JSON
	if document["openapi"] != "3.1.0" {
		t.Errorf("openapi %v", document["openapi"])
	}
	described := map[string]bool{}
	ids := map[string]bool{}
	for path, item := range document["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			route := strings.ToUpper(method) + " " + path
			described[route] = true
			operation := operation.(map[string]any)
			id := operation["operationId"].(string)
			if ids[id] {
				t.Errorf("two operations are called %s", id)
			}
			ids[id] = true
			checkPathParameters(t, route, operation)

			// Without a token, a call is refused and nothing else is; a path
			// that is not served would answer 404, a wrong method 405.
			target := regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "someone")
			_, open := operation["security"]
			a := s.send(t, strings.ToUpper(method), target, "{}", "Authorization", "")
			if want := map[bool]int{true: 200, false: 401}[open]; a.Status != want {
				t.Errorf("%s: status %d without a token, want %d", route, a.Status, want)
			}
		}
	}

	served := map[string]bool{"GET /healthz": true, "GET /openapi.json": true}
	gateway, err := os.ReadFile("../proto/gateway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range regexp.MustCompile(`(?m)^ +(get|post|put|delete): (/\S+)$`).FindAllSubmatch(gateway, -1) {
		served[strings.ToUpper(string(rule[1]))+" "+string(rule[2])] = true
	}
	if !maps.Equal(described, served) {
		t.Errorf("described %q,\nserved %q", slices.Sorted(maps.Keys(described)), slices.Sorted(maps.Keys(served)))
	}
	checkReferences(t, document, document)
}

// checkPathParameters expects a parameter for each of the path.
func checkPathParameters(t *testing.T, route string, operation map[string]any) {
	t.Helper()
	var have []string
	parameters, _ := operation["parameters"].([]any)
	for _, p := range parameters {
		if p := p.(map[string]any); p["in"] == "path" {
			have = append(have, "{"+p["name"].(string)+"}")
		}
	}
	if want := regexp.MustCompile(`\{\w+\}`).FindAllString(route, -1); !slices.Equal(have, want) {
		t.Errorf("%s: path parameters %q, want %q", route, have, want)
	}
}

// checkReferences expects that every $ref leads somewhere.
func checkReferences(t *testing.T, document map[string]any, at any) {
	t.Helper()
	switch v := at.(type) {
	case []any:
		for _, e := range v {
			checkReferences(t, document, e)
		}
	case map[string]any:
		if reference, ok := v["$ref"].(string); ok {
			var to any = document
			for part := range strings.SplitSeq(strings.TrimPrefix(reference, "#/"), "/") {
				m, _ := to.(map[string]any)
				to = m[part]
			}
			if to == nil {
				t.Errorf("%s leads nowhere", reference)
			}
		}
		for _, e := range v {
			checkReferences(t, document, e)
		}
	}
}
