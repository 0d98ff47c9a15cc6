// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestFiles looks at what the parser lets pass: form.
func TestFiles(t *testing.T) {
	t.Parallel()
	all, err := load(files)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no presets")
	}
	for _, p := range all {
		for i, line := range strings.Split(p.text, "\n") {
			indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
			if strings.Contains(indent, " ") || strings.TrimRight(line, " \t\r") != line {
				t.Errorf("%s, line %d: indent with tabs, and end with no blank: %q", p.Name(), i+1, line)
			}
		}
		if !strings.HasSuffix(p.text, "}\n") || strings.HasSuffix(p.text, "\n\n") {
			t.Errorf("%s: want one line break at the end", p.Name())
		}
		for _, limit := range p.Limits {
			if limit != "none known" && !strings.HasSuffix(limit, ".") {
				t.Errorf("%s: limits are sentences: %s", p.Name(), limit)
			}
		}
		if i := strings.LastIndex(p.text, "lockout {"); strings.Count(p.text, "\nlockout {\n") != 1 || i < 0 {
			t.Errorf("%s: want one `lockout {` in a line of its own", p.Name())
		}
	}
}

// preset makes a file of a header and a directive.
func preset(header, block string) string {
	return "# Service\n#\n# names     a b\n# tested    1.0\n# evidence  run\n# limits    none known\n" + header + "lockout {\n" + block + "}\n"
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	whole := preset("", "")
	const path = "# argument  x_path /a Paths.\n"
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "line 1: want `# Name of the service`"},
		{"no name", "#\n" + whole, "line 1: want `# Name of the service`"},
		{"unknown key", preset("# limit     x\n", ""), `line 7: unknown key "limit"; allowed: names, tested, evidence, limits, argument`},
		{"no value", preset("# limits\n", ""), "line 7: limits has no value"},
		{"names twice", preset("# names c\n", ""), "line 7: names is already specified: c"},
		{"no names", strings.Replace(whole, "# names     a b\n", "", 1), "no names"},
		{"bad name", strings.Replace(whole, "a b", "A", 1), `name "A": want small letters`},
		{"no tested", strings.Replace(whole, "# tested    1.0\n", "", 1), "no tested"},
		{"no evidence", strings.Replace(whole, "# evidence  run\n", "", 1), `evidence "": want run, recorded, source, documentation`},
		{"bad evidence", strings.Replace(whole, "run", "hearsay", 1), `evidence "hearsay": want run`},
		{"no limits", strings.Replace(whole, "# limits    none known\n", "", 1), "no limits: say what is not covered"},
		{"argument alone", preset("# argument  x\n", ""), "line 7: argument x: want a default and a sentence"},
		{"argument without sentence", preset("# argument  x /a Paths\n", "<x>\n"), "line 7: argument x: want a default and a sentence"},
		{"argument name", preset("# argument  X /a Paths.\n", ""), `line 7: argument "X": want small letters`},
		{"argument open", preset("# argument  x \"a Paths.\n", ""), "line 7: argument x: the quotes around its default are not closed"},
		{"argument twice", preset(path+path, "guard <x_path>\n"), "line 8: argument is already specified"},
		{"argument not used", preset(path, "guard /a\n"), "argument x_path is not used"},
		{"argument in a comment", preset(path, "guard /a # <x_path>\n"), "argument x_path is not used"},
		{"argument with a bad default", preset("# argument  x_path a Paths.\n", "guard <x_path>\n"), `the default of argument x_path: "a": want a path`},
		{"not declared", preset("", "guard <x_path>\n"), "line 8: <x_path> is no argument of the header"},
		{"no directive", "# S\n# names a\n# tested 1\n# evidence run\n# limits none known\nguard /a\n", "behind the header: want the directive lockout"},
		{"open quotes", preset("", "body \"a\n"), "line 8: the quotes are not closed"},
		{"open backticks", preset("", "\n\nbody `a\n"), "line 10: the quotes are not closed"},
		{"heredoc", preset("", "body <<END\n"), "line 8: presets take no heredoc"},
		{"continued", preset("", "guard /a \\\n/b\n"), "line 8: presets take no heredoc and no backslash"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := parse(tt.text); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	t.Parallel()
	file := func(names string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(strings.Replace(preset("", ""), "a b", names, 1))}
	}
	for _, tt := range []struct {
		name  string
		files fstest.MapFS
		want  string
	}{
		{"file name", fstest.MapFS{"b.Caddyfile": file("a b")}, "reading preset b.Caddyfile: its first name is a"},
		{"same name", fstest.MapFS{"a.Caddyfile": file("a c"), "b.Caddyfile": file("b c")}, `reading preset b.Caddyfile: a.Caddyfile has the name "c" as well`},
		{"own name twice", fstest.MapFS{"a.Caddyfile": file("a a")}, `reading preset a.Caddyfile: a.Caddyfile has the name "a" as well`},
		{"header", fstest.MapFS{"a.Caddyfile": {}}, "reading preset a.Caddyfile: line 1: want"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := load(tt.files); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"spring-security", "spring"} {
		if p, err := Find(name); err != nil || p.Name() != "spring-security" {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	for name, near := range map[string]string{
		"radicle":    "(did you mean radicale?); there are: ",
		"Basic-Auth": "(did you mean basic-auth?); there are: ",
		"basic":      "(did you mean basic-auth?); there are: ",
		"x":          `unknown preset "x"; there are: `,
	} {
		if _, err := Find(name); err == nil || !strings.Contains(err.Error(), near) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
