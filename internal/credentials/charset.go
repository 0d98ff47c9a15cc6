// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"net/http"
	"strings"
)

// checkCharset refuses Basic credentials beside a body whose charset gives them
// another meaning. RFC 7617 says that they are UTF-8 or ASCII, whatever the body
// is; Radicale reads them in the charset of the body first, so that in UTF-7 or
// unicode_escape one account has any number of names.
func checkCharset(h http.Header, pair string) *Refusal {
	for _, value := range h["Content-Type"] {
		rest := strings.ToLower(value)
		for {
			_, after, found := strings.Cut(rest, "charset")
			if !found {
				break
			}
			rest = after
			name, _, _ := strings.Cut(after, ";")
			name = strings.Trim(name, " \t=\"'")
			if name == "utf-8" || name == "utf8" || extendsASCII(name) && isASCII(pair) {
				continue
			}
			return Refuse(ReasonContentType, "the charset of the body may be taken for that of the Basic credentials")
		}
	}
	return nil
}

// extendsASCII reports whether printable ASCII stands for itself in a charset,
// given in lower case. Others that do are refused: a name that is not known here
// may be one that decodes escapes.
func extendsASCII(charset string) bool {
	switch charset {
	case "us-ascii", "ascii", "latin1", "latin-1", "koi8-r", "koi8-u", "gb2312", "gbk", "gb18030", "big5", "big5-hkscs",
		"euc-jp", "euc-kr", "euc-tw", "shift_jis", "shift-jis", "windows-31j", "iso-2022-jp", "iso-2022-kr", "tis-620", "macintosh":
		return true
	}
	for _, family := range [...]string{"iso-8859-", "iso8859-", "windows-125"} {
		if part, ok := strings.CutPrefix(charset, family); ok && part != "" && len(part) < 3 && strings.Trim(part, "0123456789") == "" {
			return true
		}
	}
	return false
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= 0x80 }) < 0
}
