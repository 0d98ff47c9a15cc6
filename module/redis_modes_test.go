// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
	"github.com/caddy-lockout/caddy-lockout/policyapi"
)

const aclPassword = "s3cret of the ACL user"

// aclRules are the words of the line of the README, with what it adds for some
// settings.
func aclRules(t testing.TB, with ...string) []string {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^user app on >PASSWORD (.+)$`).FindSubmatch(readme)
	if line == nil {
		t.Fatal("the README has no line for the ACL user")
	}
	rules := append([]string{"app", "on", ">" + aclPassword}, strings.Fields(string(line[1]))...)
	for _, setting := range with {
		row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(setting) + " \\| `([^`]+)` \\|$").FindSubmatch(readme)
		if row == nil {
			t.Fatalf("the README adds nothing to the ACL user with %s", setting)
		}
		rules = append(rules, strings.Fields(strings.ReplaceAll(string(row[1]), `\|`, "|"))...)
	}
	return rules
}

// redisConfig is a siteConfig whose redis block holds these lines.
func redisConfig(upstream string, limit int, lines ...string) string {
	return strings.Replace(siteConfig(upstream, "REDIS", limit), "address REDIS", strings.Join(lines, "\n\t\t\t"), 1)
}

func tlsBlock(c *redistest.Certificates) string {
	return fmt.Sprintf("tls {\n\t\t\t\tca %s\n\t\t\t\tcertificate %s %s\n\t\t\t\tserver_name redis.test\n\t\t\t}", c.CA, c.Certificate, c.Key)
}

// redisModes are ways to run and to reach Redis. Each returns the lines of the
// redis block, and has just the rights that the README names.
var redisModes = []struct {
	name  string
	start func(t testing.TB) []string
}{
	{"standalone with TLS and ACL", func(t testing.TB) []string {
		c := redistest.NewCertificates(t)
		s := redistest.Config{TLS: c, Args: acl(aclRules(t, "`database`"))}.Start(t)
		return []string{"address " + s.Addr, "username app", "password `" + aclPassword + "`", "database 3", tlsBlock(c)}
	}},
	{"sentinel with TLS and ACL", func(t testing.TB) []string {
		c := redistest.NewCertificates(t)
		s := redistest.Config{
			TLS: c, Args: acl(aclRules(t, "`confirm_lock`")), SentinelArgs: acl(sentinelRules(t)),
		}.StartSentinel(t)
		return []string{
			"mode sentinel", "address " + strings.Join(s.SentinelAddrs(), " "), "master_name " + redistest.SentinelMaster,
			"username app", "password `" + aclPassword + "`", "sentinel_username watcher", "sentinel_password `" + aclPassword + "`",
			"confirm_lock wait 2", tlsBlock(c),
		}
	}},
	{"cluster with TLS and ACL", func(t testing.TB) []string {
		c := redistest.NewCertificates(t)
		s := redistest.Config{TLS: c, Args: acl(aclRules(t, "`mode cluster`", "`confirm_lock`"))}.StartCluster(t)
		return []string{
			"mode cluster", "address " + strings.Join(s.Addrs()[:2], " "), "username app", "password `" + aclPassword + "`",
			"confirm_lock wait 1", tlsBlock(c),
		}
	}},
	{"cluster", func(t testing.TB) []string {
		return []string{"mode cluster", "address " + redistest.StartCluster(t).Masters[1].Addr}
	}},
}

func acl(rules []string) []string { return append([]string{"--user"}, rules...) }

// sentinelRules are what the README says that the user at the Sentinels needs.
func sentinelRules(t testing.TB) []string {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("the user at the Sentinels needs `([^`]+)`").FindSubmatch(readme)
	if found == nil {
		t.Fatal("the README does not say what the user at the Sentinels needs")
	}
	return append([]string{"watcher", "on", ">" + aclPassword}, strings.Fields(string(found[1]))...)
}

func TestRedisModes(t *testing.T) {
	t.Parallel()
	for _, mode := range redisModes {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			service, lines := startLoginService(t, nil), mode.start(t)
			config := redisConfig(service.URL, 3, lines...)
			address := freeAddress(t)
			n := startNode(t, withMetrics(config))
			api := &apiNode{node: startNode(t, config+apiSite(t, address, "")), api: "http://" + address, client: client(t)}
			c := client(t)

			guess(t, n.URL, "alice", 3)
			mustLogin(t, c, api.URL, "alice", "right", http.StatusForbidden)
			if ids, total := api.locked(t, "", ""); len(ids) != 1 || ids[0] != "alice" || total != "1" {
				t.Errorf("locked users %v, total %s", ids, total)
			}
			api.call(t, 200, "POST", "/management/v1/users/alice/_unlock", "{}")
			mustLogin(t, c, n.URL, "alice", "right", http.StatusOK)
			n.order(t, order{Do: "lock", User: "bob"})
			mustLogin(t, c, api.URL, "bob", "right", http.StatusForbidden)
			if strings.Contains(config, "confirm_lock") {
				soon(t, "both locks are confirmed", func() bool {
					return metric(t, n.URL, `lock_confirmations_total{result="confirmed"}`) == 2
				})
			}

			// Wrong guesses in parallel, through both nodes.
			var wg sync.WaitGroup
			for i := range 40 {
				wg.Go(func() { _, _ = login(c, []string{n.URL, api.URL}[i%2], "carol", "wrong") })
			}
			wg.Wait()
			if checks := len(service.seen("carol")); checks != 3 {
				t.Errorf("%d checks of carol's password, want 3", checks)
			}

			// A policy that the other node hears of.
			guess(t, n.URL, "dave", 1) // brings the policy there
			api.order(t, order{Do: "policy", Organization: "default", Limits: policyapi.Limits{MaxPasswordAttempts: 2}})
			tries := 0
			soon(t, "the policy is in force on the other node", func() bool {
				tries++
				name := fmt.Sprintf("user%d", tries)
				guess(t, n.URL, name, 2)
				status, err := login(c, n.URL, name, "wrong")
				return err == nil && status == http.StatusForbidden
			})
			for _, node := range []*node{n, api.node} {
				soon(t, "the store was checked", func() bool { return strings.Contains(node.stderr.String(), "the store was checked") })
				for line := range strings.Lines(node.stderr.String()) {
					if strings.Contains(line, `"check":"acl"`) || strings.Contains(line, "NOPERM") && !strings.Contains(line, "could not be checked") {
						t.Errorf("rights are missing: %s", line)
					}
				}
			}
		})
	}
}
