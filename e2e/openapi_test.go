// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// description is the OpenAPI description of the policy API. Its schemas are
// JSON Schema of 2020-12, as OpenAPI 3.1 says.
type description struct {
	document map[string]any
	compiler *jsonschema.Compiler
}

func readDescription(t *testing.T) *description {
	t.Helper()
	raw, err := os.Open("../policyapi/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	document, err := jsonschema.UnmarshalJSON(raw)
	if err != nil {
		t.Fatal(err)
	}
	d := &description{document: document.(map[string]any), compiler: jsonschema.NewCompiler()}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}
	return d
}

// operation returns the pointer to the operation of a call, "" if none is
// described.
func (d *description) operation(method, target string) string {
	path, _, _ := strings.Cut(target, "?")
	parts := strings.Split(path, "/")
	best, fixed := "", -1
	for template, item := range d.document["paths"].(map[string]any) {
		names := strings.Split(template, "/")
		if len(names) != len(parts) || item.(map[string]any)[strings.ToLower(method)] == nil {
			continue
		}
		same := 0
		for i, name := range names {
			switch {
			case name == parts[i]:
				same++
			case !strings.HasPrefix(name, "{"):
				same = -len(names)
			}
		}
		if same > fixed { // the path that names more counts
			best, fixed = template, same
		}
	}
	if best == "" {
		return ""
	}
	return "/paths/" + escape(best) + "/" + strings.ToLower(method)
}

func escape(part string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(part)
}

// at follows a pointer, and references on its way.
func (d *description) at(pointer string) (any, string) {
	var v any = d.document
	where := ""
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		m, _ := v.(map[string]any)
		where += "/" + part
		v = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]
		if m, ok := v.(map[string]any); ok && m["$ref"] != nil {
			v, where = d.at(strings.TrimPrefix(m["$ref"].(string), "#"))
		}
	}
	return v, where
}

// check tests a body against the schema below a pointer, which must be there.
func (d *description) check(pointer, body string) error {
	content, where := d.at(pointer)
	if content == nil {
		return fmt.Errorf("%s is not described", pointer)
	}
	schema, err := d.compiler.Compile("openapi.json#" + (&url.URL{Path: where + "/content/application~1json/schema"}).EscapedPath())
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// checkCall tests a call and its answer.
func (d *description) checkCall(method, target, body string, status int, answer string) error {
	operation := d.operation(method, target)
	if operation == "" {
		return fmt.Errorf("%s %s is not described", method, target)
	}
	if err := d.check(fmt.Sprintf("%s/responses/%d", operation, status), answer); err != nil {
		return fmt.Errorf("the answer %d %s of %s %s: %w", status, answer, method, target, err)
	}
	if status != http.StatusOK || body == "" || method == http.MethodGet || method == http.MethodDelete {
		return nil
	}
	// What follows the first value is ignored.
	var first json.RawMessage
	if err := json.NewDecoder(strings.NewReader(body)).Decode(&first); err != nil {
		return err
	}
	if err := d.check(operation+"/requestBody", string(first)); err != nil {
		return fmt.Errorf("the body %s of %s %s: %w", body, method, target, err)
	}
	return nil
}

// The calls that were recorded of the real server are described, and their
// bodies and answers are as the description says.
func TestOpenAPIDescribesRecordedCalls(t *testing.T) {
	d := readDescription(t)
	checked := 0
	for _, name := range []string{"management", "admin", "settings"} {
		raw, err := os.ReadFile("../policyapi/testdata/golden/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var calls []struct {
			Case, Method, Path string
			Body               *string
			Status             int
			Answer             json.RawMessage
		}
		if err := json.Unmarshal(raw, &calls); err != nil {
			t.Fatal(err)
		}
		for _, call := range calls {
			body := ""
			if call.Body != nil {
				body = *call.Body
			}
			if call.Status == http.StatusMethodNotAllowed || d.operation(call.Method, call.Path) == "" && call.Status == http.StatusNotFound {
				continue // calls of what is not there
			}
			if strings.HasPrefix(call.Path, "/zitadel.") {
				continue // the Connect protocol, which the protobuf files describe
			}
			if err := d.checkCall(call.Method, call.Path, body, call.Status, string(call.Answer)); err != nil {
				t.Errorf("%s: %v", call.Case, err)
			}
			checked++
		}
	}
	if checked < 50 {
		t.Errorf("%d calls checked", checked)
	}
	// And it tells what is wrong.
	const policy = "/management/v1/policies/lockout"
	for _, wrong := range []struct{ body, answer string }{
		{`{"maxPasswordAttempts":-1}`, `{}`}, {`{"maxPasswordAttempts":1.5}`, `{}`}, {`{}`, `{"other":1}`}, {`{}`, `{"details":{"sequence":1}}`},
		{`{}`, `{"details":{"changeDate":"yesterday"}}`},
	} {
		if d.checkCall(http.MethodPut, policy, wrong.body, http.StatusOK, wrong.answer) == nil {
			t.Errorf("%s answered by %s passes", wrong.body, wrong.answer)
		}
	}
}

// caller calls the API of a program as the description says.
type caller struct {
	*description
	api, organization string
}

// call sends a call and returns the answer, whose status must be as wanted.
func (c *caller) call(t *testing.T, want int, method, target, body string) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, c.api+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+apiToken)
	r.Header.Set("X-Zitadel-Orgid", c.organization)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != want {
		t.Fatalf("%s %s: status %d, want %d: %s", method, target, resp.StatusCode, want, raw)
	}
	if err := c.checkCall(method, target, body, resp.StatusCode, string(raw)); err != nil {
		t.Error(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%s %s: %q: %v", method, target, raw, err)
	}
	return answer
}

// TestTerraformSequence makes the calls that the Terraform provider makes for
// the example in the README: it creates, reads, changes, also to 0, which is
// absent from answers, reads again and destroys.
func TestTerraformSequence(t *testing.T) {
	c := &caller{description: readDescription(t), api: startWebAPI(t, ""), organization: "acme"}
	const policy, standard = "/management/v1/policies/lockout", "/admin/v1/policies/lockout"
	read := func(target string, password, otp, isDefault any) {
		t.Helper()
		p := c.call(t, 200, "GET", target, "")["policy"].(map[string]any)
		if p["maxPasswordAttempts"] != password || p["maxOtpAttempts"] != otp || p["isDefault"] != isDefault {
			t.Errorf("%s: policy %v, want %v, %v, %v", target, p, password, otp, isDefault)
		}
	}
	read(policy, "10", "10", true)
	c.call(t, 200, "POST", policy, `{"maxPasswordAttempts":5,"maxOtpAttempts":3}`)
	c.call(t, 409, "POST", policy, `{"maxPasswordAttempts":5,"maxOtpAttempts":3}`)
	read(policy, "5", "3", nil)
	c.call(t, 200, "PUT", policy, `{"maxPasswordAttempts":0,"maxOtpAttempts":0}`)
	read(policy, nil, nil, nil)
	c.call(t, 400, "PUT", policy, `{"maxPasswordAttempts":0}`) // no difference
	c.call(t, 200, "PUT", policy, `{"maxPasswordAttempts":7}`)
	read(policy, "7", nil, nil)
	c.call(t, 200, "DELETE", policy, "")
	c.call(t, 404, "DELETE", policy, "")
	c.call(t, 404, "PUT", policy, `{}`)
	read(policy, "10", "10", true)

	c.call(t, 200, "PUT", "/admin/v1/policies/password/lockout", `{"maxPasswordAttempts":0,"maxOtpAttempts":4}`)
	read(standard, nil, "4", true)
	c.call(t, 200, "PUT", "/admin/v1/policies/password/lockout", `{"maxPasswordAttempts":10,"maxOtpAttempts":10}`)
	read(policy, "10", "10", true)
}

// Every other call answers as described, too.
func TestOpenAPIDescribesAnswers(t *testing.T) {
	c := &caller{description: readDescription(t), api: startWebAPI(t, ""), organization: "acme"}
	for _, v := range []struct{ lock, unlock, get, list, settings string }{
		{"/management/v1/users/a%2Fb/_lock", "/management/v1/users/a%2Fb/_unlock", "/management/v1/users/a%2Fb", "/management/v1/users/_search", "/management/v1/policies/default/lockout"},
		{"/v2/users/a%2Fb/lock", "/v2/users/a%2Fb/unlock", "/v2/users/a%2Fb", "/v2/users", "/v2/settings/lockout?ctx.orgId=acme"},
		{"/v2beta/users/a%2Fb/lock", "/v2beta/users/a%2Fb/unlock", "/v2beta/users/a%2Fb", "/v2beta/users", "/v2beta/settings/lockout?ctx.instance=true"},
	} {
		c.call(t, 200, "POST", v.lock, `{}`)
		c.call(t, 400, "POST", v.lock, `{}`)
		c.call(t, 200, "GET", v.get, "")
		found := c.call(t, 200, "POST", v.list, `{"query":{"asc":true,"limit":5},"queries":[{"stateQuery":{"state":"USER_STATE_LOCKED"}},{"loginNameQuery":{"loginName":"a/b"}}]}`)
		if rows, _ := found["result"].([]any); len(rows) != 1 {
			t.Errorf("found %v", found)
		}
		c.call(t, 400, "POST", v.list, `{"queries":[{"emailQuery":{}}]}`)
		c.call(t, 200, "POST", v.unlock, "")
		c.call(t, 400, "POST", v.unlock, "")
		c.call(t, 200, "GET", v.settings, "")
	}
	for _, target := range []string{"/healthz", "/management/v1/healthz", "/admin/v1/healthz", "/openapi.json"} {
		c.call(t, 200, "GET", target, "")
	}
}
