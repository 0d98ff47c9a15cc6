// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"strings"
	"testing"
)

const arguments = `# argument  base_path "" Below it.
# argument  login_path "/a /b" Several.
# argument  more_path "" Others.
# argument  name x A word.
# argument  some_lifespan 24h A duration.
# argument  wrong_text "No \way" A text.
`

// uses is a block in which every argument is used once.
const uses = "use <base_path>/x <login_path> <more_path> <name> <some_lifespan> `<wrong_text>`\n"

func TestExpand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, line string
		values     map[string][]string
		want       string
	}{
		{"defaults", "path <base_path>/login <login_path> /c", nil, "path /login /a /b /c"},
		{"prefix", "path <base_path>/login", map[string][]string{"base_path": {"/blog"}}, "path /blog/login"},
		{"product", "path <base_path><login_path>", map[string][]string{"base_path": {"/x", "/y"}}, "path /x/a /x/b /y/a /y/b"},
		{"nothing left", "guard /a <more_path> /b", nil, "guard /a /b"},
		{"nothing left at the end", "guard /a <more_path>", nil, "guard /a"},
		{"not a default", "guard /a <more_path>", map[string][]string{"more_path": {"/m/"}}, "guard /a /m/"},
		{"in quotes", `header A "<name>"`, map[string][]string{"name": {"b"}}, `header A "b"`},
		{"a text with quotes", `header A "<wrong_text>"`, map[string][]string{"wrong_text": {`b "c"`}}, "header A `b \"c\"`"},
		{"a text in backticks", "body `<p><wrong_text></p>`", nil, "body `<p>No \\way</p>`"},
		{"a text with a backslash", `body "<wrong_text>"`, nil, "body `No \\way`"},
		{"a text without quotes", "body <wrong_text>", map[string][]string{"wrong_text": {"b c"}}, "body `b c`"},
		{"an operator", "failure header A <name>", map[string][]string{"name": {"|"}}, "failure header A `|`"},
		{"a comment sign", "failure header A <name>", map[string][]string{"name": {"#a"}}, "failure header A `#a`"},
		{"regexp", "match path_regexp ^<base_path>/(?:x|y)$", map[string][]string{"base_path": {"/a.b"}}, `match path_regexp ^/a\.b/(?:x|y)$`},
		{"regexp with alternatives", "match path_regexp ^<login_path>$", nil, "match path_regexp `^(?:/a|/b)$`"},
		{"regexp of a header", "success header_regexp Location ^<name> & header B <name>", map[string][]string{"name": {"a+"}}, `success header_regexp Location ^a\+ & header B a+`},
		{"regexp of a cookie", "success set_cookie_regexp ^<name>$", map[string][]string{"name": {"a+"}}, `success set_cookie_regexp ^a\+$`},
		{"regexp of names", "user_pattern ^<name>$", map[string][]string{"name": {"a."}}, `user_pattern ^a\.$`},
		{"regexp of an identity", "identity json <name> ^<name>$", map[string][]string{"name": {"a."}}, `identity json a. ^a\.$`},
		{"regexp ends with the line", "failure body_regexp a\n\tfailure header A <name>", map[string][]string{"name": {"a."}}, "failure body_regexp a\n\tfailure header A a."},
		{"comments stay", "path <name> # <name>", nil, "path x # <name>"},
		{"undeclared in quotes", "body `<name><html>`", nil, "body `x<html>`"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := parse(preset(arguments, uses+tt.line+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			text, err := p.Expand(tt.values)
			if err != nil {
				t.Fatal(err)
			}
			_, after, _ := strings.Cut(text, "use ")
			_, got, _ := strings.Cut(after, "\n")
			if got != tt.want+"\n}\n" {
				t.Errorf("got  %swant %s", got, tt.want)
			}
		})
	}
}

func TestExpandErrors(t *testing.T) {
	t.Parallel()
	p, err := parse(preset(arguments+"# argument  other_text \"\" Another.\n", uses+"body \"`<name><other_text>\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ argument, value, want string }{
		{"other", "x", `unknown argument "other"`},
		{"name", "", "argument name: it is empty"},
		{"name", "a\nb", "backticks and control characters are not allowed"},
		{"name", "{x}", "placeholders and braces are not allowed"},
		{"name", "<x>", `'<' is not allowed`},
		{"name", "a\u00a0b", "blanks are not allowed"},
		{"name", "\xff", "UTF-8"},
		{"some_lifespan", "24", `"24": want a duration such as`},
		{"some_lifespan", "-1h", `"-1h": want a duration such as`},
		{"login_path", "/a//b", "want a plain path"},
		{"login_path", "/%61", "want a plain path"},
		{"base_path", "/", "it ends without /"},
		{"wrong_text", "`", "backticks and control characters are not allowed"},
		{"other_text", `"`, "both kinds of quotes"},
	} {
		t.Run(tt.argument+"="+tt.value, func(t *testing.T) {
			t.Parallel()
			_, err := p.Expand(map[string][]string{tt.argument: {tt.value}})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestShow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, block, want string }{
		{"none", "\tguard /a\n", "\tguard /a\n"},
		{"status", "\ton_locked 423\n\tguard /a\n", "# \ton_locked 423\n\tguard /a\n"},
		{"block", "\tguard /a\n\ton_locked respond {\n\t\tbody `x\n}\n`\n\t}\n", "\tguard /a\n# \ton_locked respond {\n# \t\tbody `x\n# }\n# `\n# \t}\n"},
		{"in a step", "\tstep password {\n\t\ton_locked 423\n\t}\n", "\tstep password {\n\t\ton_locked 423\n\t}\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := parse(preset("", tt.block))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := p.Show(nil); err != nil || got != preset("", tt.want) {
				t.Errorf("got  %s, %v\nwant %s", got, err, preset("", tt.want))
			}
		})
	}
}
