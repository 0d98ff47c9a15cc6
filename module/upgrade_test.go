// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// The handshake of RFC 6455, section 1.3, with the key from there.
const (
	websocketKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	websocketAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

func upgradeRequest(n *node, header string) string {
	return "GET /socket HTTP/1.1\r\nHost: " + n.address() + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + websocketKey + "\r\n" + header + "\r\n"
}

// upgradeToEcho switches to WebSocket and sends every byte back. For the proxy
// between, frames are bytes.
func upgradeToEcho(w http.ResponseWriter, r *http.Request, right bool) {
	if !right {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	conn, both, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	_, _ = io.Copy(conn, both)
}

// expectEcho reads the switch of protocols and sends frames to and fro.
func expectEcho(t testing.TB, conn net.Conn) {
	t.Helper()
	resp, in := readAnswer(t, conn)
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Sec-WebSocket-Accept") != websocketAccept {
		t.Fatalf("status %d, accept %q", resp.StatusCode, resp.Header.Get("Sec-WebSocket-Accept"))
	}
	for _, frame := range []string{"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "\x89\x80\x00\x00\x00\x00"} {
		if _, err := io.WriteString(conn, frame); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(frame))
		if _, err := io.ReadFull(in, got); err != nil || string(got) != frame {
			t.Fatalf("echo %q, %v", got, err)
		}
	}
}
