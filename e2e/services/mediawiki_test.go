// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMediaWiki(t *testing.T) {
	t.Parallel()
	run(t, mediaWiki)
}

var mediaWiki = service{
	preset: "mediawiki",
	start:  startMediaWiki,
	login:  mediaWikiForm,
	right:  mediaWikiRight,
	wrong: func(a answer) bool {
		return a.status == 200 && strings.Contains(a.body, "Incorrect username or password entered")
	},
	identity: func(a account) string { return strings.ToUpper(a.Name[:1]) + a.Name[1:] },
	spellings: func(a account) []string {
		name := strings.ToUpper(a.Name[:1]) + a.Name[1:]
		return []string{
			a.Name, " " + name, name + "_", "__" + a.Name + " ", "User:" + name, "user:" + a.Name, "user :_" + a.Name, "\u00a0" + name, name + "\u3000",
			name + "\u200e", "\u202a" + a.Name, name + "&nbsp;", "&lrm;" + name, "Benutzer:" + name,
		}
	},
	doors:   mediaWikiDoors(),
	passes:  mediaWikiPasses(),
	targets: mediaWikiTargets,
	more:    mediaWikiMore,
}

const mediaWikiLogin = "/index.php?title=Spezial:Anmelden&uselang=en"

// mediaWikiForm is the login of a browser.
func mediaWikiForm(c *client, name, secret string) answer {
	return c.form(mediaWikiLogin, append([]string{"wpName", name, "wpPassword", secret}, mediaWikiToken(c)...)...)
}

// mediaWikiToken begins a session and returns the rest of the fields. The token
// of the API is that of the form, too.
func mediaWikiToken(c *client) []string {
	return []string{"wpLoginAttempt", "Log in", "wpEditToken", "+\\", "title", "Spezial:Anmelden", "authAction", "login", "force", "", "wpLoginToken", mediaWikiAPI(c)}
}

// mediaWikiAPI returns the token of the action API and begins a session.
func mediaWikiAPI(c *client) string {
	var got struct {
		Query struct{ Tokens struct{ Logintoken string } }
	}
	_ = json.Unmarshal([]byte(c.get("/api.php?action=query&meta=tokens&type=login&format=json").body), &got) // else there is none
	return got.Query.Tokens.Logintoken
}

// startMediaWiki installs MediaWiki with SQLite into folders of the test.
func startMediaWiki(t *testing.T, people []account) string {
	root, err := filepath.EvalSymlinks(filepath.Join(debian(t, "var/lib/mediawiki"), "../../../usr/share/mediawiki"))
	if err != nil {
		t.Fatal(err)
	}
	dir, program := t.TempDir(), need(t, "php")
	settings := filepath.Join(dir, "LocalSettings.php")
	maintain := func(input, script string, arguments ...string) {
		t.Helper()
		arguments = append(append(phpOptions[:len(phpOptions):len(phpOptions)], filepath.Join(root, "maintenance", script)), arguments...)
		output(t, dir, input, []string{"MW_CONFIG_FILE=" + settings}, program, arguments...)
	}
	output(t, dir, "", nil, program, append(phpOptions[:len(phpOptions):len(phpOptions)], filepath.Join(root, "maintenance", "install.php"),
		"--dbtype=sqlite", "--dbpath="+filepath.Join(dir, "data"), "--dbname=wiki", "--confpath="+dir, "--server=http://127.0.0.1",
		"--scriptpath=", "--lang=de", "--pass=Right-admin-1865", "Test", "Admin")...)
	file, err := os.OpenFile(settings, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(mediaWikiSettings); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	in, err := json.Marshal(people)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "people.json"), string(in))
	maintain(strings.ReplaceAll(mediaWikiAccounts, "PEOPLE", filepath.Join(dir, "people.json"))+"\n", "eval.php")
	router := filepath.Join(dir, "router.php")
	write(t, router, strings.ReplaceAll(phpRouter, "ROOT", root))
	return startPHP(t, root, router, "MW_CONFIG_FILE="+settings)
}

// The installer writes one address, and here there are three. German, so that
// special pages have names of two languages.
const mediaWikiSettings = `
$wgServer = 'http://'.($_SERVER['HTTP_HOST'] ?? '127.0.0.1');
$wgJobRunRate = 0;
$wgEnableUploads = true;
`

// One line for eval.php, which reads lines of 1,024 bytes.
const mediaWikiAccounts = `foreach (json_decode(file_get_contents('PEOPLE')) as $a) { $u = User::newFromName($a->Name); $u->addToDatabase(); ` +
	`$s = $u->changeAuthenticationData(['username' => $u->getName(), 'password' => $a->Secret, 'retype' => $a->Secret]); if (!$s->isGood()) exit(1); }`
