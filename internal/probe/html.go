// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// htmlForm is a form of a page.
type htmlForm struct {
	id, action, method, enctype string
	inputs                      []input
}

// input is what a form sends, or a field that somebody fills.
type input struct {
	kind         string // of an input; button, select, textarea
	name, value  string
	autocomplete string
	sent         bool // what is in it is sent by a click on the first button
}

// readForms returns the forms of a page in their order, and the base that the
// page sets for its addresses.
func readForms(page []byte) (forms []*htmlForm, base string) {
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return nil, ""
	}
	r := formReader{orphans: map[string][]input{}}
	r.read(root, nil)
	for _, form := range r.forms {
		if form.id != "" {
			form.inputs = append(form.inputs, r.orphans[form.id]...)
			delete(r.orphans, form.id) // the first form of an id has them
		}
		form.pressButton()
	}
	return r.forms, r.base
}

// formReader walks through a page.
type formReader struct {
	forms   []*htmlForm
	base    string
	orphans map[string][]input // inputs elsewhere in the page, by the id of their form
}

func (r *formReader) read(n *html.Node, within *htmlForm) {
	if n.Type == html.ElementNode {
		switch n.Data {
		case "base":
			if r.base == "" {
				r.base = attribute(n, "href")
			}
		case "form":
			within = &htmlForm{
				id: attribute(n, "id"), action: attribute(n, "action"),
				method: strings.ToLower(attribute(n, "method")), enctype: strings.ToLower(attribute(n, "enctype")),
			}
			r.forms = append(r.forms, within)
		case "input", "button", "select", "textarea":
			if owner := attribute(n, "form"); owner != "" {
				r.orphans[owner] = append(r.orphans[owner], readInput(n))
			} else if within != nil {
				within.inputs = append(within.inputs, readInput(n))
			}
		case "template", "noscript":
			return // not there for a browser
		}
	}
	for child := range n.ChildNodes() {
		r.read(child, within)
	}
}

func readInput(n *html.Node) input {
	in := input{
		kind: n.Data, name: attribute(n, "name"), value: attribute(n, "value"),
		autocomplete: strings.ToLower(attribute(n, "autocomplete")),
	}
	if n.Data == "input" {
		if in.kind = strings.ToLower(attribute(n, "type")); in.kind == "" {
			in.kind = "text"
		}
	}
	if n.Data == "button" {
		if kind := strings.ToLower(attribute(n, "type")); kind == "" || kind == "submit" {
			in.kind = "submit"
		}
	}
	switch in.kind {
	case "checkbox", "radio":
		in.sent = has(n, "checked")
		if !has(n, "value") {
			in.value = "on"
		}
	case "select":
		in.value = selected(n)
		in.sent = true
	case "textarea":
		if n.FirstChild != nil {
			in.value = n.FirstChild.Data
		}
		in.sent = true
	case "submit", "image", "reset", "button", "file":
	default:
		in.sent = true
	}
	in.sent = in.sent && in.name != "" && !has(n, "disabled")
	return in
}

// pressButton sends the button by which a person logs in, if it has a name.
func (f *htmlForm) pressButton() {
	for i, in := range f.inputs {
		if in.kind == "submit" {
			f.inputs[i].sent = in.name != ""
			return
		}
	}
}

// selected is the value of the chosen option of a select.
func selected(n *html.Node) (value string) {
	first := true
	for child := range n.Descendants() {
		if child.Type != html.ElementNode || child.Data != "option" {
			continue
		}
		v := attribute(child, "value")
		if !has(child, "value") && child.FirstChild != nil {
			v = strings.TrimSpace(child.FirstChild.Data)
		}
		if has(child, "selected") {
			return v
		}
		if first {
			value, first = v, false
		}
	}
	return value
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// visibleText is the text of a page without scripts and styles, blanks made one.
func visibleText(page []byte) string {
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return ""
	}
	var text strings.Builder
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			text.WriteString(n.Data)
			text.WriteByte(' ')
		case n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style" || n.Data == "template"):
			return
		}
		for child := range n.ChildNodes() {
			walk(child)
		}
	}
	walk(root)
	return strings.Join(strings.Fields(text.String()), " ")
}
