// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"compress/gzip"
	"strings"
)

// inflate decodes a gzip body. Of what it holds at most limit bytes are
// decoded, so a bomb costs no more than a login. Some decoders stop behind the
// first member and others go on, so there may be only one (RFC 1952, section
// 2.2), and nothing behind it.
func inflate(body string, limit int64) (string, *Refusal) {
	raw := strings.NewReader(body)
	z, err := gzip.NewReader(raw)
	if err != nil {
		return "", Refuse(ReasonContentEncoding, "the body is not gzip")
	}
	z.Multistream(false)
	var plain strings.Builder
	switch err = copyText(&plain, z, limit); {
	case int64(plain.Len()) > limit:
		return "", Refuse(ReasonTooLarge, "the decoded body is too large")
	case err != nil:
		return "", Refuse(ReasonContentEncoding, "the body is not gzip")
	case raw.Len() > 0:
		return "", Refuse(ReasonContentEncoding, "something follows the gzip body")
	}
	return plain.String(), nil
}
