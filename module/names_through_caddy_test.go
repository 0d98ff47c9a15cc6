// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Spellings that a service takes for one account share one counter where this
// is configured, and the policy API and administrators mean the same user.
func TestNamesShareACounter(t *testing.T) {
	t.Parallel()
	const limit = 4
	file := filepath.Join(t.TempDir(), "aliases")
	if err := os.WriteFile(file, []byte("victim@mail.test\tvictim\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, names string
		spellings   []string
		other       string // another user
	}{
		{"P098 e-mail", "alias victim@example.test victim\n\t\talias_file {$ALIASES}",
			[]string{"victim", "victim@example.test", "Victim@EXAMPLE.test", "victim@mail.test", "victim"}, "victim@other.test"},
		{"P099 domain", "strip_domain CORP", []string{`CORP\victim`, "victim", `corp\Victim`, "victim@corp", "VICTIM"}, `other\victim`},
		{"P100 plus tag", "strip_plus_tags", []string{"victim+1", "victim+2", "victim+3", "victim", "victim+4"}, "victim@x"},
		{"P101 accents", "ignore_accents", []string{"víctim", "victim", "vićtím", "vi\u0301ctim", "victim"}, "vlctim"},
		{"P102 trailing dot", "strip_trailing_dots", []string{"victim.", "victim", "victim..", "victim. ", "victim"}, "vic.tim"},
		{"underscore", "underscore_is_blank\n\t\talias \"vic tim\" victim", []string{"vic_tim", "vic tim", "_vic__tim_", "victim", "vic_tim"}, "v_ictim"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			service := startScripted(t)
			api := freeAddress(t)
			names := "names {\n\t\t" + strings.ReplaceAll(tt.names, "{$ALIASES}", file) + "\n\t\t}"
			n := &apiNode{api: "http://" + api, client: client(t)}
			n.node = startNode(t, options(maxAttempts(limit), names)+siteBlock(formStep, proxyTo(service.URL))+apiSite(t, api, ""))
			c := client(t)
			for i, spelling := range tt.spellings {
				want := 401
				if i >= limit {
					want = 403
				}
				mustLogin(t, c, n.URL, spelling, "wrong", want)
			}
			seen := 0
			for _, spelling := range append(tt.spellings[:limit], "victim") {
				seen += service.seen(spelling)
				service.script(spelling, nil)
				service.mu.Lock()
				delete(service.checks, spelling)
				service.mu.Unlock()
			}
			if seen != limit {
				t.Errorf("%d guesses reached the service, want %d", seen, limit)
			}
			n.expectUser(t, "victim", limit, true)
			n.expectUser(t, tt.spellings[0], limit, true)
			mustLogin(t, c, n.URL, tt.other, "wrong", 401)

			if ids, total := n.locked(t, "", ""); len(ids) != 1 || ids[0] != "victim" || total != "1" {
				t.Errorf("locked: %v, %s", ids, total)
			}
			n.call(t, 200, "POST", "/management/v1/users/victim/_unlock", "{}")
			mustLogin(t, c, n.URL, tt.spellings[1], "right", 200)
			if tt.spellings[0] != "victim" {
				n.call(t, 400, "POST", "/management/v1/users/"+url.PathEscape(tt.spellings[0])+"/_lock", "{}")
			}
		})
	}
}

// An organization may have names of its own.
func TestNamesOfAnOrganization(t *testing.T) {
	t.Parallel()
	service := startScripted(t)
	second := freeAddress(t)
	n := startNode(t, options(maxAttempts(2), "names {\n\t\tkeep_case\n\t\t}", "organization acme {\n\t\tnames {\n\t\tstrip_plus_tags\n\t\t}\n\t\t}")+
		siteBlock(formStep, proxyTo(service.URL))+
		"http://"+second+" {\n\tlockout {"+formStep+"\n\t\torg acme\n\t}\n\t"+proxyTo(service.URL)+"\n}\n")
	c := client(t)
	for _, name := range []string{"Ann", "ann", "ANN"} {
		mustLogin(t, c, n.URL, name, "wrong", 401)
		n.expectUser(t, name, 1, false)
	}
	mustLogin(t, c, "http://"+second, "Ann+1", "wrong", 401)
	mustLogin(t, c, "http://"+second, "ANN", "wrong", 401)
	mustLogin(t, c, "http://"+second, "ann+2", "right", 403)
	if got := n.order(t, order{Do: "user", User: "aNN+9", Organization: "acme"}); !got.Locked || got.Failures != 2 {
		t.Errorf("got %+v", got)
	}
}
