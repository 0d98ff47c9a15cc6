// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

// What a node may use at its peak. With Redis 160 to 221 MiB were measured; the
// embedded store adds the garbage of its Lua machines, 400 KB an attempt: 200 to
// 290 MiB.
const (
	maxRSSRedis    = 256 << 20
	maxRSSEmbedded = 320 << 20
)

// A node stays small under many large logins and under gzip bombs. The node is
// built without the race detector, which multiplies memory.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	binary := buildCaddy(t)
	for _, store := range []struct {
		name   string
		option string
		most   int
	}{
		{"embedded store", "", maxRSSEmbedded},
		{"Redis", "redis {\n\t\t\taddress " + redistest.Start(t).Addr + "\n\t\t}\n", maxRSSRedis},
	} {
		t.Run(store.name, func(t *testing.T) { memoryIsBounded(t, binary, store.option, store.most) })
	}
}

func memoryIsBounded(t *testing.T, binary, option string, most int) {
	service := startScripted(t)
	for _, tt := range []struct {
		name     string
		requests int
		body     func(i int) string
		head     string
		want     []int
	}{
		{"1000 logins of 64 KiB of 1000 users", 1000, func(i int) string { return padded(fmt.Sprint("user", i)) }, "", []int{401}},
		{"1000 logins of 64 KiB of one user", 1000, func(int) string { return padded("victim") }, "", []int{401, 403, 429}},
		{"1000 gzip bombs of 100 KB", 1000, func() func(int) string {
			bomb := gzipped("username=victim&password=" + strings.Repeat("x", 100<<20))[:100_000]
			return func(int) string { return bomb }
		}(), "Content-Encoding: gzip", []int{413, 415}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			address, pid := startBinary(t, binary, service.URL, option)
			statuses := together(t, address, tt.requests, tt.head, tt.body)
			for status, n := range statuses {
				ok := false
				for _, want := range tt.want {
					ok = ok || status == want
				}
				if !ok {
					t.Errorf("%d answers with %d, want %v", n, status, tt.want)
				}
			}
			peak := peakRSS(t, pid)
			t.Logf("peak RSS %d MiB; answers %v", peak>>20, statuses)
			if peak > most {
				t.Errorf("peak RSS %d MiB, want at most %d", peak>>20, most>>20)
			}
		})
	}
}

func padded(user string) string {
	body := "username=" + user + "&password=x&pad="
	return body + strings.Repeat("p", 64<<10-len(body))
}

func buildCaddy(t testing.TB) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "caddy")
	cmd := exec.Command("go", "build", "-trimpath", "-tags", "nobadger,nomysql,nopgx", "-o", binary, "../cmd/caddy")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building caddy: %v\n%s", err, out)
	}
	return binary
}

func startBinary(t testing.TB, binary, upstream, option string) (address string, pid int) {
	t.Helper()
	dir := t.TempDir()
	address = freeAddress(t)
	config := "{\n\tadmin off\n\tlockout {\n\t\t" + maxAttempts(attackLimit) + "\n\t\t" + option + "\n\t}\n}\n" + siteBlock(formStep, proxyTo(upstream))
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(config, "SITE", "http://"+address)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "run", "--config", file)
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	eventually(t, "the start of caddy", func() bool { return listens(address) })
	return address, cmd.Process.Pid
}

// together sends all but the last byte of each request, then the last bytes.
func together(t testing.TB, address string, requests int, head string, body func(int) string) map[int]int {
	t.Helper()
	if head != "" {
		head += "\r\n"
	}
	conns := make([]net.Conn, requests)
	last := make([]string, requests)
	for i := range conns {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(2 * nodeDeadline))
		text := body(i)
		_, _ = fmt.Fprintf(conn, "POST /login HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n%s", address, formType, head, len(text), text[:len(text)-1])
		conns[i], last[i] = conn, text[len(text)-1:]
	}
	var mu sync.Mutex
	statuses := map[int]int{}
	var wg sync.WaitGroup
	for i, conn := range conns {
		wg.Go(func() {
			_, _ = io.WriteString(conn, last[i]) // a refusal may have come already
			status := 0
			if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
				status = resp.StatusCode
				_ = resp.Body.Close()
			}
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
		})
	}
	wg.Wait()
	return statuses
}

// peakRSS reads the high-water mark of a process.
func peakRSS(t testing.TB, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "VmHWM:")
	var kib int
	if _, err := fmt.Sscanf(rest, "%d", &kib); err != nil || !found {
		t.Fatalf("reading the peak: %v", err)
	}
	return kib << 10
}
