// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"testing"
)

// spring puts lines into a preset with arguments. Their first line is line 3.
func spring(lines string) string {
	return "example.com {\n\tlockout spring-security {\n" + lines + "\n\t}\n}\n"
}

func TestPresetErrors(t *testing.T) {
	t.Parallel()
	checkErrors(t, []errorCase{
		{"unknown", "example.com {\n\tlockout nosuch\n}", `lockout: unknown preset "nosuch"; there are: `, "2"},
		{"unknown, block", "example.com {\n\tlockout spring-securty {\n\t}\n}", `lockout: unknown preset "spring-securty" (did you mean spring-security or spring?); there are: `, "2"},
		{"unknown, far", "example.com {\n\tlockout * basicauth\n}", "did you mean basic-auth?", "2"},
		{"two", "example.com {\n\tlockout spring radicale {\n\t}\n}", `lockout: unexpected "radicale" behind the preset`, "2"},
		{"block in the next line", "example.com {\n\tlockout spring\n\t{\n\t}\n}", "Unexpected '{' on a new line", "3"},
		{"unknown argument", spring("argument path /a"), `argument: preset spring-security has no "path"; its arguments: base_path (Path below which the application lives`, "3"},
		{"argument of none", "example.com {\n\tlockout {\n\t\targument a b\n\t}\n}", "argument: there is no preset that could have it: write `lockout <preset> { ... }`", "3"},
		{"argument alone", spring("argument"), "argument: wrong number of arguments: got 0, want <name> <value...>", "3"},
		{"argument without value", spring("argument base_path"), "argument base_path: no value: Path below which", "3"},
		{"argument empty", spring(`argument login_path ""`), "argument login_path: it is empty", "3"},
		{"argument twice", spring("argument base_path /a\nargument base_path /b"), `argument: "base_path" is already specified at line 3`, "4"},
		{"same value", spring("argument base_path /a /a"), `argument base_path: "/a" is given twice`, "3"},
		{"argument block", spring("argument base_path /a {\n}"), `lockout: "argument" takes no block`, "3"},
		{"path without /", spring("argument base_path a"), `argument base_path: "a": want a path that begins with /`, "3"},
		{"path with / behind", spring("argument base_path /a/"), `argument base_path: "/a/": more follows behind it, so it ends without /`, "3"},
		{"path with a star", spring("argument login_path /a*"), `argument login_path: "/a*": want a plain path`, "3"},
		{"path with a blank", spring("argument login_path `/a b`"), `argument login_path: "/a b": blanks are not allowed`, "3"},
		{"placeholder", spring("argument base_path /{env.X}"), `argument base_path: "/{env.X}": placeholders and braces are not allowed`, "3"},
		{"field", spring("argument user_field a,b"), `argument user_field: "a,b": want the name of a field`, "3"},
		{"field with quotes", spring("argument user_field `a\"b`"), `argument user_field: "a\"b": '"' is not allowed`, "3"},
		{"url", spring("argument failure_url ftp://a"), `argument failure_url: "ftp://a": want a URL that begins with http://`, "3"},
		{"several where one is meant", spring("argument user_field a b"), `preset spring-security does not hold together with these arguments: user: unexpected "b": separate places with |, at preset spring-security:`, "2"},
		{"several in the answer", spring("argument base_path /a /b\non_locked preset"), "header: wrong number of arguments: got 3, want <name> <value>, at preset spring-security:", "2"},
		{"on_locked of none", "example.com {\n\tlockout {\n\t\ton_locked preset\n\t}\n}", "on_locked: there is no preset whose answer it could be", "3"},
		{"on_locked preset 401", spring("on_locked preset 401"), "on_locked: wrong number of arguments: got 2, want preset", "3"},
		{"on_locked twice", spring("on_locked preset\non_locked 423"), `lockout: "on_locked" is already specified at line 3`, "4"},
		{"own step", spring("step password {\n}"), "step: no user", "3"},
	})
}
