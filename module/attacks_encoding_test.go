// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func gzipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, s)
	_ = z.Close()
	return b.String()
}

func deflated(s string) string {
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = io.WriteString(z, s)
	_ = z.Close()
	return b.String()
}

// chunked writes a body in chunks of so many bytes, with an extension behind
// each size.
func chunked(body string, size int, extension, end string) string {
	var b strings.Builder
	for len(body) > 0 {
		n := min(size, len(body))
		fmt.Fprintf(&b, "%x%s\r\n%s\r\n", n, extension, body[:n])
		body = body[n:]
	}
	return b.String() + "0\r\n" + end + "\r\n"
}

func chunkedGuess(body string, size int, extension, end, head string) shot {
	return shot{bare: true, head: "Content-Type: " + formType + "\r\nTransfer-Encoding: chunked" + head, body: chunked(body, size, extension, end)}
}

// Encodings and sizes: P050-P057.
func encodingAttacks() []attack {
	// The text is filled in after it is compressed, so the victim stands here.
	form := func(victim string) string { return "username=" + victim + "&password=x" }
	return []attack{
		raw("P050", "gzip", either, shot{head: "Content-Encoding: gzip", body: gzipped(form("p050v"))}, shot{body: gzipped(form("p050v"))},
			shot{kind: jsonType, head: "Content-Encoding: gzip", body: gzipped(`{"username":"p050v","password":"x"}`)}),
		raw("P051", "gzip twice", either, shot{head: "Content-Encoding: gzip, gzip", body: gzipped(gzipped(form("p051v")))},
			shot{head: "Content-Encoding: gzip\r\nContent-Encoding: gzip", body: gzipped(gzipped(form("p051v")))}),
		raw("P052", "zstd and unknown", refused, shot{head: "Content-Encoding: zstd"}, shot{head: "Content-Encoding: x-unknown"}, shot{head: "Content-Encoding: deflate", body: deflated(form("p052v"))}),
		raw("P053", "identity", either, shot{head: "Content-Encoding: identity"}, shot{head: "Content-Encoding:"}),
		raw("P054", "chunks of 5 bytes", counted, chunkedGuess("username=p054v&password=GUESS", 5, "", "", "")),
		raw("P055", "2 MiB before the credentials", either, shot{body: "pad=" + strings.Repeat("x", 2<<20) + "&username=VICTIM&password=GUESS"},
			shot{kind: jsonType, body: `{"pad":"` + strings.Repeat("x", 2<<20) + `","username":"VICTIM","password":"GUESS"}`}),
		{"P056", "exactly the limit and one more", atTheLimit},
		raw("P057", "100 KB gzip of 100 MB", refused, shot{head: "Content-Encoding: gzip", body: gzipped("username=p057v&password=" + strings.Repeat("x", 100<<20))}),

		raw("X201", "chunk extensions", either, chunkedGuess("username=x201v&password=GUESS", 7, ";a=b", "", "")),
		raw("X202", "trailer with a login", either, chunkedGuess("username=DECOY&password=GUESS", 64, "", "Content-Type: application/json\r\nX: username=x202v\r\n", "\r\nTrailer: Content-Type")),
		raw("X203", "length and chunked", either, chunkedGuess("username=x203v&password=GUESS", 64, "", "", "\r\nContent-Length: 5")),
		raw("X204", "two lengths", either, shot{bare: true, head: "Content-Type: " + formType + "\r\nContent-Length: 20\r\nContent-Length: 40", body: "username=x204v&password=GUESS12345678901234"}),
		raw("X205", "equal lengths", either, shot{bare: true, head: "Content-Type: " + formType + "\r\nContent-Length: 26\r\nContent-Length: 26", body: "username=x205v&password=12"}),
		raw("X206", "length list", either, shot{bare: true, head: "Content-Type: " + formType + "\r\nContent-Length: 26, 26", body: "username=x206v&password=12"}),
		raw("X207", "xchunked", either, shot{bare: true, head: "Content-Type: " + formType + "\r\nTransfer-Encoding: xchunked", body: chunked("username=x207v&password=GUESS", 99, "", "")}),
		raw("X208", "gzip and chunked", either, shot{bare: true, head: "Content-Type: " + formType + "\r\nTransfer-Encoding: gzip, chunked", body: chunked(gzipped("username=x208v&password=G"), 99, "", "")}),
		raw("X209", "chunked twice", either, shot{bare: true, head: "Content-Type: " + formType + "\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity", body: chunked("username=x209v&password=GUESS", 99, "", "")}),
		raw("X210", "blank before the colon", either, shot{bare: true, head: "Content-Type: " + formType + "\r\nTransfer-Encoding : chunked", body: chunked("username=x210v&password=GUESS", 99, "", "")}),
		raw("X211", "obs-fold", either, shot{bare: true, head: "Content-Type: text/plain,\r\n " + formType + "\r\nContent-Length: 26", body: "username=x211v&password=12"}),
		raw("X212", "bare line feeds", either, shot{bare: true, head: "Content-Type: " + formType + "\nContent-Length: 26\n", body: "username=x212v&password=12"}),
		raw("X213", "range of a body", either, shot{head: "Content-Range: bytes 0-10/100"}),
		raw("X214", "transfer coding of mail", either, shot{head: "Content-Transfer-Encoding: base64", body: "dXNlcm5hbWU9eDIxNHYmcGFzc3dvcmQ9eA=="}),
		raw("X215", "a second request behind the first", either, shot{body: "username=DECOY&password=GUESS\r\nPOST /login HTTP/1.1\r\nHost: HOST\r\nContent-Type: " + formType + "\r\nContent-Length: 26\r\n\r\nusername=x215v&password=12"}),
		raw("X216", "negative length", either, shot{bare: true, head: "Content-Type: " + formType + "\r\nContent-Length: -1", body: "username=x216v&password=12"}),
		raw("X217", "plus in the length", either, shot{bare: true, head: "Content-Type: " + formType + "\r\nContent-Length: +26", body: "username=x217v&password=12"}),
		raw("X218", "deflate without a label", either, shot{body: deflated("username=x218v&password=123456789012345678901234567890")}),
	}
}

func atTheLimit(t *testing.T, a *arena, victim string) {
	for _, tt := range []struct{ size, status int }{{64 << 10, http.StatusUnauthorized}, {64<<10 + 1, http.StatusRequestEntityTooLarge}} {
		body := "username=" + victim + "&password="
		body += strings.Repeat("x", tt.size-len(body))
		if got := a.send(t, shot{body: body}.bytes(a.address(), victim, 0)); got != tt.status {
			t.Errorf("%d bytes: status %d, want %d", tt.size, got, tt.status)
		}
	}
	if got := a.service.count(victim); got != 1 {
		t.Errorf("%d checks, want 1", got)
	}
}

// parts is a multipart body.
func parts(head, disposition1, disposition2 string) shot {
	return shot{kind: "multipart/form-data; boundary=b", body: head + "--b\r\nContent-Disposition: form-data; " + disposition1 + "\r\n\r\nVICTIM\r\n--b\r\nContent-Disposition: form-data; " +
		disposition2 + "\r\n\r\nGUESS\r\n--b--\r\n"}
}

// Multipart, which is not accepted here: P060-P065.
func multipartAttacks() []attack {
	const name, secret = `name="username"`, `name="password"`
	decoy := "--b\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nDECOY\r\n"
	return []attack{
		raw("P060", "plain", either, parts("", name, secret)),
		raw("P061", "two names", either, parts(decoy, name, secret)),
		raw("P062", "file name", either, parts("", name+`; filename="x"`, secret)),
		raw("P063", "unquoted", either, parts("", "name=username", "name=password")),
		raw("P064", "preamble", either, parts("username=DECOY&password=GUESS\r\n", name, secret)),
		raw("P065", "nested", refused, shot{kind: "multipart/mixed; boundary=b", body: "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nVICTIM\r\n--c--\r\n--b--\r\n"}),
		raw("X230", "two boundaries", either, func() shot {
			g := parts("", name, secret)
			g.kind = "multipart/form-data; boundary=x; boundary=b"
			return g
		}()),
		raw("X231", "quoted boundary", either, func() shot { g := parts("", name, secret); g.kind = `multipart/form-data; boundary="b"`; return g }()),
		raw("X232", "extended name", either, parts("", "name*=utf-8''username", secret)),
		raw("X233", "labelled form", either, func() shot { g := parts("", name, secret); g.kind = formType; return g }()),
		raw("X234", "in JSON's clothes", either, func() shot { g := parts("", name, secret); g.kind = jsonType; return g }()),
	}
}
