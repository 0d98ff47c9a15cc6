// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"strings"
	"testing"
)

// What a form sends is what a browser sends that fills name and password and
// clicks on the first button.
func TestFormSends(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, page, want string }{
		{"hidden, button", `<form method=post><input name=u><input type=password name=p><input type=hidden name=h value="a b">
			<button name=go value=1>Log in</button><button name=other value=2></button></form>`, "h=a b go=1"},
		{"boxes", `<form method=post><input type=checkbox name=a checked><input type=checkbox name=b value=x checked><input type=checkbox name=c>
			<input type=radio name=d value=1><input type=radio name=d value=2 checked><input name=u><input type=password name=p></form>`, "a=on b=x d=2"},
		{"choices", `<form method=post><select name=a><option>1<option selected>2</select><select name=b><option value=x>1<option value=y>2</select>
			<textarea name=c>t</textarea><input name=u><input type=password name=p></form>`, "a=2 b=x c=t"},
		{"what is never sent", `<form method=post><input name=u><input type=password name=p><input type=reset name=a value=1><input type=file name=b>
			<input type=hidden name=c value=1 disabled><button type=button name=d value=1></button><template><input name=e value=1></template></form>`, ""},
		{"elsewhere in the page", `<input form=login type=hidden name=a value=1><form id=other></form>
			<form method=post id=login><input name=u><input type=password name=p></form><input form=none name=b value=2>`, "a=1"},
		{"name by its type", `<form method=post><input name=tenant value=acme><input type=email name=u><input type=password name=p><input name=note></form>`, "tenant=acme note="},
		{"name by autocomplete", `<form method=post><input name=u autocomplete="section-x username"><input name=tenant value=acme><input type=password name=p></form>`, "tenant=acme"},
		{"name before the password", `<form method=post><input name=u><input type=password name=p><input name=after value=1></form>`, "after=1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := &prober{Options: Options{URL: "http://127.0.0.1/login", User: alice, Password: wonderland}, report: new(Report)}
			if err := p.prepare(); err != nil {
				t.Fatal(err)
			}
			g := &page{answer: &answer{url: p.url}}
			g.forms, g.base = readForms([]byte(tt.page))
			form, err := g.loginForm(p)
			if err != nil || form == nil {
				t.Fatalf("got %v, %v", form, err)
			}
			var sent []string
			for _, f := range form.fields {
				sent = append(sent, fmt.Sprint(f.Name, "=", f.Value))
			}
			if got := strings.Join(sent, " "); form.user != "u" || form.secret != "p" || got != tt.want {
				t.Errorf("%s and %s, and %q, want u and p and %q", form.user, form.secret, got, tt.want)
			}
		})
	}
}

func TestFormAddress(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ action, base, want string }{
		{"", "", "http://127.0.0.1/a/login?x=1"},
		{"check", "", "http://127.0.0.1/a/check"},
		{"/check?y=2", "", "http://127.0.0.1/check?y=2"},
		{"check", "/b/", "http://127.0.0.1/b/check"},
		{" http://127.0.0.1/check ", "", "http://127.0.0.1/check"},
	} {
		p := &prober{Options: Options{URL: "http://127.0.0.1/a/login?x=1", User: alice, Password: wonderland}, report: new(Report)}
		if err := p.prepare(); err != nil {
			t.Fatal(err)
		}
		g := &page{answer: &answer{url: p.url}}
		g.forms, g.base = readForms([]byte(`<base href="` + tt.base + `">` + loginPage(tt.action, "")))
		form, err := g.loginForm(p)
		if err != nil || form.url.String() != tt.want {
			t.Errorf("action %q, base %q: got %v, %v, want %s", tt.action, tt.base, form, err, tt.want)
		}
	}
}
