// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"regexp"
	"slices"
	"strings"
)

// Signs that a second factor is due: folded names of fields, words in fields
// that say what is wrong, addresses, names of cookies, words of a page.
var (
	factorFields = regexp.MustCompile(`^(mfa|twofactor|2fa|otp|totp|secondfactor)(id|token|required|needed|redirect|requestid|requirement|methods?|types?|challenge|providers2?|state|session)?$|` +
		`^(requires?|needs?)(mfa|twofactor|2fa|otp|totp|secondfactor)$|^challengename$|^availablefactors$`)
	factorCodes   = regexp.MustCompile(`(?i)(mfa|2fa|two[_ -]?factor|second[_ -]?factor|otp|totp)[_ -]?(is[_ -])?(required|needed|missing|due)`)
	factorPath    = regexp.MustCompile(`(?i)/(2fa|mfa|otp|totp|two[_-]?factor|second[_-]?factor|webauthn|challenge|selectchallenge|(verify|login)[_-]?(code|otp|totp|2fa|mfa))(/|$|\.)`)
	factorCookies = regexp.MustCompile(`(?i)two[_-]?factor|2fa|mfa|otp`)
	factorText    = regexp.MustCompile(`(?i)(enter|provide|type)[^.]{0,40}(otp|one[- ]time|verification code|authentication code|6[- ]digit|authenticator|token)`)
)

// secondFactor finds the sign in the answer to the right password, and says it
// as a condition where it is one.
func (t *trial) secondFactor() (sign string, ok bool) {
	right := t.right
	if to := right.location(); to != nil && factorPath.MatchString(to.Path) {
		return "a redirect to " + printable(maskPath(to.EscapedPath())), true
	}
	if len(t.tokenMarks()) == 0 {
		for _, l := range right.leaves {
			if sign, ok := t.factorLeaf(l); ok {
				return sign, true
			}
		}
	}
	fresh := slices.DeleteFunc(slices.Clone(right.live), func(n string) bool { return slices.Contains(t.wrong.live, n) })
	if i := slices.IndexFunc(fresh, factorCookies.MatchString); i >= 0 && len(t.cookieMarks()) == 1 {
		return "the cookie " + printable(fresh[i]), true
	}
	if right.isHTML() && right.status < 300 {
		if name := right.codeField(); name != "" && t.wrong.codeField() != name {
			return "a page that asks for " + printable(name), true
		}
		if factorText.MatchString(visibleText(right.body)) && !factorText.MatchString(visibleText(t.wrong.body)) && t.wrong.status == right.status {
			return "a page that asks for a code", true
		}
	}
	return "", false
}

// factorLeaf looks at one field of a JSON answer, which may be an element or a
// member of what has the name.
func (t *trial) factorLeaf(l leaf) (sign string, ok bool) {
	if other, there := t.wrong.find(l.path); there && other.text() == l.text() {
		return "", false
	}
	for i, step := range l.path {
		if !factorFields.MatchString(fold(step)) || !l.isSet() {
			continue
		}
		if w, err := (leaf{path: l.path[:i+1]}).pathWord(""); err == nil {
			return "json " + w, true
		}
		return "a field that speaks of a second factor", true
	}
	if text, isText := l.value.(string); isText && factorCodes.MatchString(text) {
		if c, err := l.equals(); err == nil && isCode(text) {
			return c, true
		}
		return "a message that a code is required", true
	}
	return "", false
}

// codeField is the field for a code in a page that asks for no password.
func (a *answer) codeField() string {
	if !a.isHTML() {
		return ""
	}
	forms, _ := readForms(a.body)
	for _, form := range forms {
		if form.passwords() > 0 {
			continue
		}
		for _, in := range form.inputs {
			if in.takesCode() || strings.EqualFold(in.name, "code") {
				return in.name
			}
		}
	}
	return ""
}
